"""Builds, releases, deploys, redrives and destroys the system on AWS."""
