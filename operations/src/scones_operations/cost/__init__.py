"""What the system costs."""
