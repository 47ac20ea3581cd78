"""What others wrote, as a terminal may be given it."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """The text; what a terminal would obey, or UTF-8 cannot spell, by its code."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
