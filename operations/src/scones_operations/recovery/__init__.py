"""Send what failed, or what was there before, through the workflow."""
