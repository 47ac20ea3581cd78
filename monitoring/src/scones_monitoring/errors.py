"""What can be wrong with what a user gives; each message says what to do about it."""

from __future__ import annotations

__all__ = ["InvalidBaseline", "InvalidUsage", "MonitoringError", "NothingReadable"]


class MonitoringError(Exception):
    """A sentence for the person at the keyboard; the command line ends with status 2."""


class InvalidUsage(MonitoringError):
    """An option makes no sense, or not together with another."""


class InvalidBaseline(MonitoringError):
    """The baseline cannot be read, or belongs to another model."""


class NothingReadable(MonitoringError):
    """There are no captured predictions where the user said."""
