"""What costs less, and how much less."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scones_operations.cost.bill import image_lines, month_lines, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scones_operations.cost.assumptions import Assumptions
    from scones_operations.cost.prices import Prices
    from scones_operations.cost.system import System

__all__ = ["MILLION", "Saving", "find_savings"]

MILLION = 1_000_000
DAY_S = 86_400
OFFICE_HOURS = 12 * 5
WEEK_HOURS = 24 * 7
SHORT_DAYS = {"captures": 30, "logs": 7}
FEW_CAPTURES = 0.1


@dataclass(frozen=True)
class Saving:
    """A way to pay less.

    Attributes:
        how: What to do.
        but: What is lost by it.
        usd: In a month, or for a million images.
        unit: Which of these.
    """

    how: str
    but: str
    usd: float
    unit: str


def find_savings(system: System, given: Assumptions, prices: Prices) -> list[Saving]:
    """Ways to pay less than `system` does; what it does already is not among them."""
    ways = (*_of_month(system, given, prices), *_of_images(system, given, prices))
    return [one for one in ways if one.usd > 0]


def _of_month(system: System, given: Assumptions, prices: Prices) -> Iterator[Saving]:
    month = month_lines(system, given, prices)

    def saved(smaller: System) -> float:
        return total(month) - total(month_lines(smaller, given, prices))

    for how, but, smaller in _smaller_months(system):
        yield Saving(how, but, saved(smaller), "month")
    yield Saving(
        "`scones-model destroy` every evening, `make deploy GROUP=...` every morning",
        f"no endpoint but for {OFFICE_HOURS} hours a week: else all are dead letters, to redrive",
        saved(replace(system, instances=0)) * (1 - OFFICE_HOURS / WEEK_HOURS),
        "month",
    )
    yield Saving(
        "`make destroy STAGE=<stage>` while nobody needs it",
        "all but what is in buckets, which goes on costing its storage; with `EMPTY=1` that, too",
        total(line for line in month if line.service != "S3"),
        "month",
    )


def _of_images(system: System, given: Assumptions, prices: Prices) -> Iterator[Saving]:
    bill = total(image_lines(MILLION, system, given, prices))
    for how, but, smaller in _smaller_bills(system):
        saved = bill - total(image_lines(MILLION, smaller, given, prices))
        yield Saving(how, but, saved, "million images")


def _smaller_months(system: System) -> Iterator[tuple[str, str, System]]:
    yield (
        "one instance: `scones-model deploy --set MinInstances=1 --set MaxInstances=1`",
        "no canary (one moves ALL_AT_ONCE), and no answers while a broken one is replaced",
        replace(system, instances=1),
    )
    yield (
        'daily drift reports: `Schedule = "daily"` in `stages/<stage>.toml`',
        "drift is seen up to a day later",
        replace(system, report_every_s=DAY_S),
    )


def _smaller_bills(system: System) -> Iterator[tuple[str, str, System]]:
    captures, logs = SHORT_DAYS["captures"], SHORT_DAYS["logs"]
    yield (
        f"{FEW_CAPTURES:.0%} captured: `InitialSamplingPercentage` in `model/template.yaml`",
        "drift reports see fewer answers, so that fewer hours have enough for a verdict",
        replace(system, capture_share=min(FEW_CAPTURES, system.capture_share)),
    )
    yield (
        f"captures for {captures} days: `... --set CaptureRetentionDays={captures}`",
        "older pictures cannot be looked at; their hours' summaries go too",
        replace(system, capture_days=captures),
    )
    yield (
        f"logs for {logs} days: `LogRetentionDays = {logs}` in `stages/<stage>.toml`",
        "older calls cannot be looked up",
        replace(system, log_days=logs),
    )
