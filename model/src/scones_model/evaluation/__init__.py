"""How good a model is, on which pictures, and whether it may replace another."""
