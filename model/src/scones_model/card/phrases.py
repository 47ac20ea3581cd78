"""How figures and foreign texts are put, alike in the page, in Markdown and in SageMaker's card."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "PEOPLE",
    "RIGHT",
    "WRONG",
    "among",
    "count",
    "counted",
    "decimal",
    "file_size",
    "listed",
    "milliseconds",
    "percent",
    "points",
    "printable",
    "reach",
    "threshold",
]

RIGHT, WRONG, PEOPLE = "answered right", "answered wrong", "left to people"
"""What becomes of a picture at the model's threshold."""

# Controls, line separators, what turns the direction of a text around, and no characters at all.
_UNPRINTABLE = dict.fromkeys(
    (
        *range(32),
        *range(127, 160),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xFDD0, 0xFDF0),
        *(plane + last for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)),
    ),
    "\N{REPLACEMENT CHARACTER}",
)
_LEAST_SHARE = 0.0005


def printable(text: object) -> str:
    """Anything as text on one line, without what cannot be printed or encoded."""
    return str(text).encode("utf-8", "replace").decode().translate(_UNPRINTABLE)


def count(number: int) -> str:
    """A count: `12,345`."""
    return f"{number:,}"


def counted(number: int, thing: str) -> str:
    """How many of a thing: `1 picture`, `1,200 pictures`."""
    return f"{count(number)} {thing}{'' if number == 1 else 's'}"


def decimal(value: float) -> str:
    """A confidence, a temperature or a loss: `0.953`."""
    return f"{value:.3f}"


def threshold(value: float) -> str:
    """A threshold as exact as it is set, in two to four decimals: `0.90`, `0.8346`."""
    whole, digits = f"{value:.4f}".split(".")
    return f"{whole}.{digits.rstrip('0').ljust(2, '0')}"


def percent(share: float) -> str:
    """A share: `12.3 %`; only none is `0 %`, and only all is `100 %`."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    digits = 1 if _LEAST_SHARE <= share <= 1 - _LEAST_SHARE else 2
    return f"{100 * share:.{digits}f} %"


def among(share: float, of: float) -> str:
    """A share of some, or `-` where `of`, how much those are, is nothing."""
    return percent(share) if of else "-"


def reach(low: float, high: float) -> str:
    """From one share to another: `11.8 to 12.9 %`."""
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def points(difference: float) -> str:
    """A difference of shares: `2.1 points`."""
    return f"{100 * difference:.1f} points"


def milliseconds(value: float) -> str:
    """A short time: `0.21 ms`."""
    return f"{value:.2f} ms"


def file_size(size_bytes: int) -> str:
    """Bytes as people say them: `427 KB`, `1.7 MB`."""
    kilobytes = size_bytes / 1000
    return f"{kilobytes:,.0f} KB" if kilobytes < 1000 else f"{kilobytes / 1000:,.1f} MB"  # noqa: PLR2004


def listed(names: Sequence[str], most: int) -> str:
    """The first names of many: `bicycle and motorcycle`, `a, b, c and 4 more`."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{count(len(names) - most)} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))
