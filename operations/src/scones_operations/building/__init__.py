"""Turn a service into the zip that Lambda runs."""
