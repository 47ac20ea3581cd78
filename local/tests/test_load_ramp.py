from __future__ import annotations

import time
from typing import Any, cast

from scones_local.load.openloop import due_times
from scones_local.load.programwatch import Sample
from scones_local.load.ramp import Ramp, uploads_of_step
from scones_local.load.steps import Answered, measure_step


class System:
    """A flow and a way by hand, each with its highest rate; nothing really waits."""

    def __init__(self, flow_limit: float, hand_limit: float) -> None:
        self.flow_limit = flow_limit
        self.hand_limit = hand_limit
        self.asked: list[tuple[str, float]] = []
        self.cpu_s = 0.0

    def send_on_clock(self, rate: float, count: int) -> list[Answered]:
        self.asked.append(("flow", rate))
        self.cpu_s += 0.002 * count
        return answers(rate, count, self.flow_limit)

    def look(self) -> Sample:
        return Sample(0, {"engine": 1.0}, {"engine": self.cpu_s})


def answers(rate: float, count: int, limit: float) -> list[Answered]:
    start = time.time()
    dues = due_times(start, rate, count)
    return [Answered(due, max(due, start + n / limit) + 0.01) for n, due in enumerate(dues)]


class Steps(Ramp):
    """A ramp whose calls by hand are the system's."""

    def __init__(self, system: Any) -> None:
        super().__init__(system, cast("Any", None), system, [], lambda _rate, _count: None)
        self._system: System = system

    def _classify_by_hand(self, rate: float, count: int) -> Any:
        self._system.asked.append(("by hand", rate))
        return measure_step(rate, answers(rate, count, self._system.hand_limit))


def test_rates_rise_until_the_flow_no_longer_keeps_up() -> None:
    steps = list(Steps(System(25.0, 1000.0)).steps([10.0, 20.0, 30.0, 40.0]))
    assert [step.flow.asked_per_s for step in steps] == [10.0, 20.0, 30.0]
    assert [step.flow.kept_up for step in steps] == [True, True, False]


def test_flow_and_hand_take_turns_in_going_first() -> None:
    system = System(1000.0, 1000.0)
    list(Steps(system).steps([10.0, 20.0, 30.0]))
    order = [kind for kind, _ in system.asked]
    assert order == ["by hand", "flow", "flow", "by hand", "by hand", "flow"]


def test_by_hand_is_not_asked_again_once_it_is_too_slow() -> None:
    system = System(1000.0, 15.0)
    steps = list(Steps(system).steps([10.0, 20.0, 30.0, 40.0]))
    kept_up = [step.by_hand.kept_up if step.by_hand else None for step in steps]
    assert kept_up == [True, False, None, None]


def test_processor_time_is_that_of_one_upload() -> None:
    (step,) = Steps(System(1000.0, 1000.0)).steps([10.0])
    assert step.cpu_ms == {"engine": 2.0}
    assert step.flow.calls == uploads_of_step(10.0)
