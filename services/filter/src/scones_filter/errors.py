"""Faults of the filter. The workflow reports by these class names; none heals by a retry."""

from __future__ import annotations

__all__ = ["InvalidPrediction", "InvalidSettings"]


class InvalidSettings(Exception):
    """The function's environment is wrong; correct the template's parameters."""


class InvalidPrediction(Exception):
    """The input is not a prediction message; correct the sender."""
