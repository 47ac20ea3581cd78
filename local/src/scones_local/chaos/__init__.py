"""Uploads under every fault that there is, and an account of each."""
