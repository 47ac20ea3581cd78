"""AWS on one machine: the project's own templates, handlers and workflow, without an account."""
