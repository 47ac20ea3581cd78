"""Capture files: where they lie, what they say, and summaries of them."""
