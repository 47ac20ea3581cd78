"""The report in production: the Processing job, its metrics, and starting it at once."""
