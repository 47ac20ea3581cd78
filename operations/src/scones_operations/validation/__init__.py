"""Check templates, policies and workflows without an account."""
