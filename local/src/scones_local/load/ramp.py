"""Rates that rise, in turns through the flow and by hand, until the flow no longer keeps up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_local.load.openloop import call_on_clock, due_times
from scones_local.load.steps import Answered, measure_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scones_local.load.byhand import ByHand
    from scones_local.load.clockedtraffic import ClockedTraffic
    from scones_local.load.programwatch import ProgramWatch, Sample
    from scones_local.load.steps import StepFigures

__all__ = ["Ramp", "Step", "uploads_of_step"]

STEP_S = 8.0
STEP_UPLOADS = 200
"""What a step has at least: seconds, and uploads, as a 99th percentile of a few says nothing."""
WARM_UP_PER_S = 20.0
WARM_UP = 100
"""Uploads before the first step; they are in no figure of a step."""


@dataclass(frozen=True)
class Step:
    """One rate.

    Attributes:
        flow: Through event, workflow and queue.
        by_hand: The same rate by hand; None once that did not keep up.
        cpu_ms: Processor milliseconds of an upload through the flow, by program.
    """

    flow: StepFigures
    by_hand: StepFigures | None
    cpu_ms: Mapping[str, float]


class Ramp:
    """Asks a stack for more and more.

    Args:
        traffic: The flow; its outcomes are being received.
        by_hand: What the flow is compared with.
        watch: Tells processor time.
        bodies: Pictures to classify by hand.
        on_step: Told the rate and the number of uploads of what begins.
    """

    def __init__(
        self,
        traffic: ClockedTraffic,
        by_hand: ByHand,
        watch: ProgramWatch,
        bodies: Sequence[bytes],
        on_step: Callable[[float, int], None],
    ) -> None:
        self._traffic = traffic
        self._by_hand = by_hand
        self._watch = watch
        self._bodies = bodies
        self._on_step = on_step

    def warm_up(self) -> None:
        """Do everything before it counts."""
        self.through_flow(WARM_UP_PER_S, WARM_UP)
        self._classify_by_hand(WARM_UP_PER_S, WARM_UP)

    def steps(self, rates: Sequence[float]) -> Iterator[Step]:
        """Measure rate after rate; the first that the flow does not keep up with is the last."""
        compared = True
        for number, rate in enumerate(rates):
            step = self._step(rate, compared=compared, hand_first=number % 2 == 0)
            compared = step.by_hand is not None and step.by_hand.kept_up
            yield step
            if not step.flow.kept_up:
                return

    def through_flow(self, rate: float, count: int) -> tuple[StepFigures, dict[str, float]]:
        """Upload at a rate; return the figures and the processor milliseconds of an upload."""
        self._on_step(rate, count)
        before = self._watch.look()
        answered = self._traffic.send_on_clock(rate, count)
        return measure_step(rate, answered), _cpu_ms(before, self._watch.look(), count)

    def _step(self, rate: float, *, compared: bool, hand_first: bool) -> Step:
        count = uploads_of_step(rate)
        by_hand = self._classify_by_hand(rate, count) if compared and hand_first else None
        flow, cpu_ms = self.through_flow(rate, count)
        if compared and not hand_first:
            by_hand = self._classify_by_hand(rate, count)
        return Step(flow, by_hand, cpu_ms)

    def _classify_by_hand(self, rate: float, count: int) -> StepFigures:
        answered: list[Answered] = []

        def classify(number: int, due: float) -> None:
            self._by_hand.classify(f"{due}-{number}", self._bodies[number % len(self._bodies)])
            answered.append(Answered(due, time.time()))

        call_on_clock(classify, due_times(time.time(), rate, count))
        return measure_step(rate, answered)


def uploads_of_step(rate: float) -> int:
    """How many uploads a step at this rate has."""
    return max(STEP_UPLOADS, round(rate * STEP_S))


def _cpu_ms(before: Sample, after: Sample, uploads: int) -> dict[str, float]:
    spent = {name: after.cpu_s[name] - before.cpu_s.get(name, 0.0) for name in after.cpu_s}
    return {name: round(1000 * seconds / uploads, 2) for name, seconds in spent.items()}
