"""What the engine's journal says of runs: retries by state, departures, suppressed duplicates."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scones_local.chaos.retryrules import FAILED, Attempt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scones_local.chaos.retryrules import WorkflowRules
    from scones_local.chaos.uploadbook import UploadBook

__all__ = ["RunAudit", "RunCounts"]

TWICE = "execution-twice"
"""Marks the second of two runs under one execution's id."""
KEPT = 20
"""Departures that are told in words; all are counted."""


@dataclass
class RunCounts:
    """What was counted in one phase.

    Attributes:
        runs: Runs that ended.
        failed: Those that could not send any outcome.
        suppressed: Those that ended well with nothing sent: the upload was another run's.
        injected: Faults by name.
        retries: By state.
        wrong: How many departures from the workflow's definition there were.
        wrong_in_words: The first of them.
        retries_of: By execution, of each of its runs.
    """

    runs: int = 0
    failed: int = 0
    suppressed: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    wrong_in_words: list[str] = field(default_factory=list)
    retries_of: dict[str, list[Mapping[str, int]]] = field(default_factory=dict)


class RunAudit:
    """Take journal lines as they come; judge each run when it has ended.

    Attributes:
        counts: Since the last `begin`.
        last_news: When the last line came, by the monotonic clock.
    """

    def __init__(self, rules: WorkflowRules, book: UploadBook) -> None:
        self._rules = rules
        self._book = book
        self._going_on: dict[tuple[str, int], list[Attempt]] = {}
        self.counts = RunCounts()
        self.last_news = time.monotonic()

    def begin(self) -> None:
        """Count anew."""
        self.counts = RunCounts()

    @property
    def going_on(self) -> int:
        """Runs of which an attempt was told, and not the end."""
        return len(self._going_on)

    def take(self, line: Mapping[str, Any]) -> None:
        """Take one line of a journal."""
        self.last_news = time.monotonic()
        if fault := line.get("fault"):
            self.counts.injected[fault] += 1
        what = line.get("what")
        if what == "attempt":
            attempts = self._going_on.setdefault((line["execution"], line["walk"]), [])
            attempts.append(Attempt(line["state"], line["error"]))
        elif what == "run":
            walk = 2 if fault == TWICE else 1
            self._judge(line, self._going_on.pop((line["execution"], walk), []))

    def _judge(self, line: Mapping[str, Any], attempts: list[Attempt]) -> None:
        judged = self._rules.judge(attempts, line["status"])
        counts = self.counts
        counts.runs += 1
        counts.retries.update(judged.retries)
        counts.wrong += len(judged.wrong)
        room = KEPT - len(counts.wrong_in_words)
        counts.wrong_in_words += [f"{line['execution']}: {told}" for told in judged.wrong][:room]
        counts.retries_of.setdefault(line["execution"], []).append(judged.retries)
        if judged.unsettled:
            self._book.leave_unsettled(line["key"], line["version"])
        if line["status"] == FAILED:
            counts.failed += 1
            self._book.fail(line["key"], line["version"])
        elif not judged.sent:
            counts.suppressed += 1
