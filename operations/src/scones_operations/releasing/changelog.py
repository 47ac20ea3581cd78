"""The newest section of a changelog in the shape of Keep a Changelog."""

from __future__ import annotations

import re

__all__ = ["newest_version"]

_SECTION = re.compile(
    r"^## \[(?P<version>[^\]]+)\](?: - (?P<date>\d{4}-\d\d-\d\d))?\s*$", re.MULTILINE
)


def newest_version(text: str) -> str | None:
    """Version of the newest section that has a date; None when none has.

    What stands under `## [Unreleased]`, or has no date, is not released yet.
    """
    dated = (found["version"] for found in _SECTION.finditer(text) if found["date"])
    return next(dated, None)
