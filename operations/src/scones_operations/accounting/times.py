"""Times as people type them."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta

__all__ = ["duration", "moment"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """So many seconds, minutes, hours or days."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text} is no duration: type 90s, 15m, 24h or 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def moment(text: str) -> datetime:
    """A date, a time of a day (in UTC, where it says nothing else), or a duration before now."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.now(UTC) - duration(text)
        except argparse.ArgumentTypeError:
            raise argparse.ArgumentTypeError(
                f"{text} is no time: type 2026-11-25, 2026-11-25T10:00, or 24h for a day ago"
            ) from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
