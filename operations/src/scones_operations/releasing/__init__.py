"""Give a package a version, and one service's traffic to it."""
