"""How figures, hours and foreign texts are put, alike in the page, its charts and Markdown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scones_monitoring.report import (
        Distance,
        LabelledAccuracy,
        ReliabilityBin,
        Report,
        Share,
        VariantReport,
    )

__all__ = [
    "bin_accuracy",
    "by_share",
    "class_mix",
    "count",
    "counted",
    "decimal",
    "distance",
    "hour",
    "interval",
    "measured_accuracy",
    "percent",
    "printable",
    "reach",
    "span",
    "threshold",
    "wanted_threshold",
]

# Controls, line separators, what turns the direction of a text around, and no characters at all.
UNPRINTABLE = dict.fromkeys(
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
HOUR = "%Y-%m-%dT%H"


def printable(text: object) -> str:
    """Anything as text, without what cannot be printed or encoded."""
    return str(text).encode("utf-8", "replace").decode().translate(UNPRINTABLE)


def count(number: int) -> str:
    """A count: `12,345`."""
    return f"{number:,}"


def counted(number: int, thing: str) -> str:
    """How many of a thing: `1 window`, `1,200 windows`."""
    return f"{count(number)} {thing}{'' if number == 1 else 's'}"


def decimal(value: float) -> str:
    """A confidence or a distance: `0.953`."""
    return f"{value:.3f}"


def threshold(value: float) -> str:
    """A threshold: `0.90`, with a third decimal if it has one."""
    return f"{value:.2f}" if round(value, 2) == round(value, 3) else f"{value:.3f}"


def percent(share: float) -> str:
    """A share: `12.3 %`; nothing else than none is `0 %`, and nothing else than all `100 %`."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    digits = 1 if 0.001 <= share <= 0.999 else 2  # noqa: PLR2004 - where 0.0 would be shown
    return f"{100 * share:.{digits}f} %"


def interval(share: Share) -> str:
    """A share's interval: `11.8 to 12.9 %`."""
    return reach(share.low, share.high)


def reach(low: float, high: float) -> str:
    """From one share to another: `11.8 to 12.9 %`."""
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def distance(found: Distance | None) -> str:
    """A distance and its limit: `0.031 (0.100)`."""
    if found is None:
        return ""
    limit = "" if found.limit is None else f" ({decimal(found.limit)})"
    return decimal(found.value) + limit


def hour(text: str) -> str:
    """The beginning of an hour: `22 Nov 10:00`; what is no hour stays as it is."""
    begun = _parsed(text)
    return printable(text) if begun is None else f"{begun.day} {begun:%b %H}:00"


def span(first: str, last: str) -> str:
    """From an hour to the end of another: `22 Nov 10:00-12:59`, longer over midnight."""
    begun, ended = _parsed(first), _parsed(last)
    if begun is None or ended is None:
        return f"{printable(first)} to {printable(last)}"
    if begun.date() == ended.date():
        return f"{hour(first)}-{ended:%H}:59"
    return f"{hour(first)} to {ended.day} {ended:%b %H}:59"


def by_share(variant: VariantReport) -> list[tuple[str, float]]:
    """A variant's classes, the most frequent first."""
    return sorted(variant.class_shares.items(), key=lambda item: -item[1])


def bin_accuracy(one: ReliabilityBin) -> str:
    """What one bin of a reliability curve says."""
    return (
        f"confidence {decimal(one.confidence)}: {percent(one.accuracy.value)} right "
        f"({interval(one.accuracy)}; {counted(one.records, 'prediction')})"
    )


def class_mix(variant: VariantReport, most: int) -> str:
    """A variant's most frequent classes with their shares, and how many more there are."""
    told = [f"{label} {percent(share)}" for label, share in by_share(variant)[:most]]
    more = len(variant.class_shares) - most
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def measured_accuracy(found: LabelledAccuracy) -> str:
    """What the labels say, and how many say nothing."""
    told = (
        f"{percent(found.accuracy.value)} of {count(found.labelled)} labelled predictions are "
        f"right (95 % interval {interval(found.accuracy)}). Expected calibration error "
        f"{decimal(found.ece)}."
    )
    if found.unmatched:
        told += f" Labels without a prediction among these: {count(found.unmatched)}."
    if found.unknown:
        told += f" Labels that name no class of the model: {count(found.unknown)}."
    return told


def wanted_threshold(report: Report) -> str:
    """Which threshold reaches the wanted accuracy."""
    found, wanted = report.threshold_for_wanted, percent(report.wanted_accuracy)
    if report.accuracy is None:
        return "Without labels only the coverage is known."
    if found is None:
        return f"No threshold reaches the wanted accuracy of {wanted}."
    reached = "" if found.accuracy is None else f", and {percent(found.accuracy)} of them are right"
    return (
        f"Threshold {threshold(found.threshold)} reaches the wanted accuracy of {wanted}: "
        f"{percent(found.coverage)} of the predictions pass{reached}."
    )


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, HOUR)  # noqa: DTZ007 - all hours are UTC
    except ValueError:
        return None
