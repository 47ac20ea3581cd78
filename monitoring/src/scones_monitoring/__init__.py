"""Says whether a deployed image classifier can still be trusted, from its Data Capture."""
