"""Whether a run of the workflow tried again what its definition says, and nothing else.

The definition is the one that is deployed, orchestration/workflow.asl.json. Every attempt at a Task
is compared with it: a failed one whose error has a retrier with attempts left must be followed by
another attempt at the same state, no other may be; then the run must go on where Next or the first
matching Catch sends it, and end as the last state ends.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Attempt", "Judgement", "WorkflowRules"]

Json = dict[str, Any]
SUCCEEDED, FAILED = "SUCCEEDED", "FAILED"
USUAL_ATTEMPTS = 3
"""A retrier's MaxAttempts where it names none."""
SENDING = (":sqs:sendMessage", ":events:putEvents")
"""Resources by which an outcome leaves the workflow."""


class Attempt(NamedTuple):
    """One attempt at a Task, and the error it ended in, if any."""

    state: str
    error: str | None


@dataclass(frozen=True)
class Judgement:
    """What a run did.

    Attributes:
        retries: How often each state was tried again.
        wrong: Each departure from the definition, as a sentence.
        sent: Whether it came to sending an outcome.
        unsettled: Whether it succeeded though its last Task, after the sending, did not.
    """

    retries: Mapping[str, int]
    wrong: Sequence[str]
    sent: bool
    unsettled: bool


class WorkflowRules:
    """The states of a workflow, as far as attempts and ways go."""

    def __init__(self, definition: Json) -> None:
        self._start: str = definition["StartAt"]
        self._states: dict[str, Json] = definition["States"]

    @classmethod
    def read(cls, path: Path) -> WorkflowRules:
        """Read a definition in Amazon States Language."""
        return cls(json.loads(path.read_text()))

    @property
    def tasks(self) -> frozenset[str]:
        """The states that can fail."""
        return frozenset(name for name, one in self._states.items() if one["Type"] == "Task")

    def judge(self, attempts: Sequence[Attempt], status: str) -> Judgement:
        """Compare the attempts of one run, in order, with the definition.

        Args:
            attempts: At Tasks, all of them.
            status: How the run ended; one that was cut off (TIMED_OUT, ABORTED) may end anywhere.
        """
        blocks = [list(block) for _, block in groupby(attempts, key=lambda one: one.state)]
        cut_off = status not in {SUCCEEDED, FAILED}
        wrong: list[str] = []
        for number, block in enumerate(blocks):
            wrong += self._count_wrong(block, cut_off=cut_off and number == len(blocks) - 1)
        wrong += self._wrong_ways(blocks, None if cut_off else status)
        retries = {block[0].state: len(block) - 1 for block in blocks if len(block) > 1}
        sent = any(self._sends(block[0].state) for block in blocks)
        unsettled = sent and status == SUCCEEDED and blocks[-1][-1].error is not None
        return Judgement(retries, wrong, sent, unsettled)

    def _sends(self, state: str) -> bool:
        return str(self._states.get(state, {}).get("Resource", "")).endswith(SENDING)

    def _count_wrong(self, block: Sequence[Attempt], *, cut_off: bool) -> list[str]:
        """Attempts at one state: those that are missing, and those that should not be."""
        used: Counter[int] = Counter()
        wrong = []
        for number, attempt in enumerate(block, 1):
            is_last = number == len(block)
            again = self._is_tried_again(attempt, used)
            if again and is_last and not cut_off:
                wrong.append(f"{attempt.state} was not tried again after {attempt.error}")
            if not again and not is_last:
                wrong.append(f"{attempt.state} was tried again after {attempt.error}")
        return wrong

    def _is_tried_again(self, attempt: Attempt, used: Counter[int]) -> bool:
        if attempt.error is None:
            return False
        retriers = self._states[attempt.state].get("Retry", ())
        for index, retrier in enumerate(retriers):
            if _names(retrier, attempt.error):
                used[index] += 1
                return used[index] <= int(retrier.get("MaxAttempts", USUAL_ATTEMPTS))
        return False

    def _wrong_ways(self, blocks: Sequence[Sequence[Attempt]], status: str | None) -> list[str]:
        """Steps from one state to the next, and to the end, that the definition does not have."""
        steps = [("the start", self._reached_from(self._start))]
        steps += [(block[0].state, self._after(block[-1])) for block in blocks]
        came = [*(block[0].state for block in blocks), status]
        return [
            f"after {left} came {entered}, not {' or '.join(sorted(expected))}"
            for (left, expected), entered in zip(steps, came, strict=True)
            if entered is not None and entered not in expected
        ]

    def _after(self, attempt: Attempt) -> frozenset[str]:
        """What may come after a state's last attempt: Tasks, or the run's end by its status."""
        state = self._states[attempt.state]
        if attempt.error is None:
            return self._reached_from(state.get("Next"))
        for catcher in state.get("Catch", ()):
            if _names(catcher, attempt.error):
                return self._reached_from(catcher["Next"])
        return frozenset({FAILED})

    def _reached_from(self, name: str | None) -> frozenset[str]:
        """The first Tasks, or ends, from a state on; no Next is an end."""
        if name is None:
            return frozenset({SUCCEEDED})
        state = self._states[name]
        kind = state["Type"]
        if kind == "Task":
            return frozenset({name})
        if kind in {"Succeed", "Fail"}:
            return frozenset({SUCCEEDED if kind == "Succeed" else FAILED})
        if kind == "Choice":
            ways = [*(choice["Next"] for choice in state["Choices"]), state["Default"]]
            return frozenset[str]().union(*(self._reached_from(way) for way in ways))
        return self._reached_from(state.get("Next"))


def _names(rule: Json, error: str) -> bool:
    """Whether a retrier or catcher is meant for an error."""
    names = rule["ErrorEquals"]
    any_failure = "States.TaskFailed" in names and error != "States.Timeout"
    return error in names or "States.ALL" in names or any_failure
