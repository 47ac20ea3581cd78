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


def find_savings(system: System, given: Assumptions, prices: Prices) -> Iterator[Saving]:
    """Ways to pay less than `system` does, the dearest habits first."""
    for how, but, smaller in _smaller_months(system):
        saved = total(month_lines(system, given, prices)) - total(
            month_lines(smaller, given, prices)
        )
        yield Saving(how, but, saved, "month")
    endpoint = month_lines(system, given, prices)[0].usd
    yield Saving(
        "`scones-model destroy` every evening, `make deploy GROUP=...` every morning",
        f"no endpoint but for {OFFICE_HOURS} hours a week: else all are dead letters, to redrive",
        endpoint * (1 - OFFICE_HOURS / WEEK_HOURS),
        "month",
    )
    for how, but, smaller in _shorter_memories(system):
        saved = total(image_lines(MILLION, system, given, prices)) - total(
            image_lines(MILLION, smaller, given, prices)
        )
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


def _shorter_memories(system: System) -> Iterator[tuple[str, str, System]]:
    captures, logs = SHORT_DAYS["captures"], SHORT_DAYS["logs"]
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
