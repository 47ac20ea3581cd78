"""Whether what was captured has drifted from the baseline, and how right it is."""
