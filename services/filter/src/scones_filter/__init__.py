"""Decides whether a prediction is sure enough to act on."""
