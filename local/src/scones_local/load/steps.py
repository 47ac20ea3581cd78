"""What one step of a load came to: rates, percentiles, and whether the system kept up."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Answered", "StepFigures", "measure_step"]

LEAD_PART = 0.2
"""The first part of a step, in which the answers have yet to come: no rate is taken from it."""
KEPT_UP = 0.95
"""The least share of the asked rate at which a system keeps up."""
BACKLOG_S = 1.0
"""The most that may wait when a step ends, in seconds' worth of its rate."""


@dataclass(frozen=True)
class Answered:
    """One call of a step.

    Attributes:
        due: When it should have started, in epoch seconds.
        at: When its answer was there; None if none came.
    """

    due: float
    at: float | None


@dataclass(frozen=True)
class StepFigures:
    """One rate, asked for some seconds.

    Attributes:
        asked_per_s: Calls due a second.
        achieved_per_s: Answers a second while calls were due, after the step's first fifth.
        calls: How many were due.
        waiting_at_end: Calls without an answer when the last one was due.
        p50_ms: Median latency from due time to answer.
        p95_ms: Its 95th percentile.
        p99_ms: Its 99th percentile.
        kept_up: At least 95 % of the asked rate was achieved, and no more calls than a second's
            worth waited at the end.
    """

    asked_per_s: float
    achieved_per_s: float
    calls: int
    waiting_at_end: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    kept_up: bool


def measure_step(rate: float, calls: Sequence[Answered]) -> StepFigures:
    """Measure the calls of one step, which were due at regular times.

    Raises:
        ValueError: Not one was answered.
    """
    start = min(call.due for call in calls)
    end = start + len(calls) / rate
    counted_from = start + LEAD_PART * (end - start)
    answers = [call.at for call in calls if call.at is not None]
    achieved = sum(counted_from <= at < end for at in answers) / (end - counted_from)
    waiting = len(calls) - sum(at < end for at in answers)
    latencies = [1000 * (call.at - call.due) for call in calls if call.at is not None]
    p50, p95, p99 = _percentiles(latencies)
    kept_up = achieved >= KEPT_UP * rate and waiting <= BACKLOG_S * rate
    return StepFigures(rate, round(achieved, 2), len(calls), waiting, p50, p95, p99, kept_up)


def _percentiles(latencies: Sequence[float]) -> tuple[float, float, float]:
    if not latencies:
        raise ValueError("None of the step's calls was answered.")
    if len(latencies) == 1:
        return (round(latencies[0], 1),) * 3
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    return round(cuts[49], 1), round(cuts[94], 1), round(cuts[98], 1)
