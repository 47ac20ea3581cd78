"""A model file behind an HTTP endpoint."""
