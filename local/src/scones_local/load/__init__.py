"""Uploads at rising rates, and a long run whose memory must not grow."""
