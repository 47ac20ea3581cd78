"""One phase of a chaos run: faults on, uploads, faults off, and then what an operator does.

The operator redrives every dead letter, has accounting run again what could not even become one,
and discards the letters of what cannot be mended. All of it is `scones-ops`.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scones_local.chaos.letteraudit import LetterAudit
from scones_local.chaos.nightmares import nightmares
from scones_local.chaos.opscommands import OpsFailed
from scones_local.chaos.runaudit import RunCounts
from scones_local.chaos.uploadbook import LETTER
from scones_local.faults import PLAN, SEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from scones_local.chaos.faultplan import Phase
    from scones_local.chaos.journaltail import JournalTail
    from scones_local.chaos.opscommands import OpsCommands
    from scones_local.chaos.outcomequeues import OutcomeQueues
    from scones_local.chaos.runaudit import RunAudit
    from scones_local.chaos.uploadbook import Sent, UploadBook
    from scones_local.chaos.uploading import Uploader

__all__ = ["PhaseResult", "PhaseRunner", "journals_read"]

QUIET_S = 120.0
"""With nothing coming for this long, what is missing is lost: longer than the slowest retries."""
CALM_S = 2.5
"""After the last awaited outcome, how long nothing may happen until a phase is over."""
SECOND_S = 1.1
"""`scones-ops redrive` leaves alone what was sent in the second in which it begins."""
LOOK_S = 0.2


@dataclass
class PhaseResult:
    """What one phase came to; outcomes are in the book.

    Attributes:
        phase: Which.
        counts: What the journals say.
        killed: Processes, by fault.
        letters: Dead letters by error, those of redriven uploads too.
        wrong: All that was not as it should be, in words.
    """

    phase: Phase
    counts: RunCounts = field(default_factory=RunCounts)
    killed: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def line(self, uploads: int) -> str:
        """Tell of it while the run goes on."""
        counts = self.counts
        told = f"{uploads:5} uploads, {counts.runs:5} runs, {counts.retries.total():4} retries"
        return f"{self.phase.name:35}{told}, {self.letters.total():4} dead letters"


@contextmanager
def journals_read(journals: Sequence[JournalTail], audit: RunAudit) -> Iterator[None]:
    """Hand over new lines of the journals while the context is open."""
    stopping = threading.Event()

    def read() -> None:
        while not stopping.wait(LOOK_S):
            for journal in journals:
                for line in journal.new_lines():
                    audit.take(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        stopping.set()
        reader.join()


class LetterBox:
    """Where the letters of the phase that is running are checked."""

    def __init__(self) -> None:
        self.audit: LetterAudit | None = None

    def take(self, letter: Mapping[str, object]) -> None:
        """Check a letter."""
        if self.audit:
            self.audit.take(letter)


@dataclass(kw_only=True)
class PhaseRunner:
    """What all phases of a run share.

    Attributes:
        folder: Where `faults.json` is.
        seed: Of the run.
        in_flight: Uploads that wait for their outcome at a time.
        states: The workflow's, that can give up.
        book: All uploads.
        audit: Of runs, fed from the journals.
        letters: Fed from the dead-letter queue.
        queues: The watcher of the queues.
        uploader: Sends.
        ops: The operator's commands.
        on_told: Told of every upload that has its outcome.
    """

    folder: Path
    seed: int
    in_flight: int
    states: frozenset[str]
    book: UploadBook
    audit: RunAudit
    letters: LetterBox
    queues: OutcomeQueues
    uploader: Uploader
    ops: OpsCommands
    on_told: Callable[[int], None]

    def run(self, phase: Phase, count: int) -> PhaseResult:
        """Send a phase's uploads, see what becomes of them, and mend what can be mended."""
        result = PhaseResult(phase)
        self.audit.begin()
        letters = LetterAudit(self.uploader.bucket, self.states, phase.errors)
        self.letters.audit = letters
        with self.queues.watched():
            result.killed = self._upload(phase, count)
            sent = self.book.of_phase(phase.name)
            self._settle(sent)
        for one in sent:
            one.missed = not one.is_told
        try:
            self._mend(phase, sent)
        except OpsFailed as failure:
            result.wrong.append(str(failure))
        result.counts = self.audit.counts
        result.letters = letters.by_error
        result.wrong += [*letters.wrong, *letters.miscounted(result.counts.retries_of)]
        return result

    def _upload(self, phase: Phase, count: int) -> Counter[str]:
        self._set_faults(phase.shares)
        chance = random.Random(f"{self.seed}:{phase.name}")  # noqa: S311 - nothing secret
        try:
            with nightmares(phase.nightmares, chance) as killed:
                self.uploader.send(phase, count, self.in_flight, self.on_told)
        finally:
            self._set_faults({})
        return killed

    def _set_faults(self, shares: Mapping[str, float]) -> None:
        """Replace the plan as a whole: the stack never reads half of one."""
        new = self.folder / f"{PLAN}.new"
        new.write_text(json.dumps({SEED: self.seed, **shares}))
        new.replace(self.folder / PLAN)

    def _mend(self, phase: Phase, sent: Sequence[Sent]) -> None:
        if any(LETTER in one.standing.values() for one in sent):
            time.sleep(SECOND_S)
            self.book.withdraw_letters(sent)
            self.ops.redrive_all()
            self._watch(sent)
        if unsent := [one for one in sent if not one.standing]:
            self.ops.rerun_missing()
            for one in unsent:
                one.rerun, one.failed = True, False
            self._watch(sent)
        if phase.hopeless and any(LETTER in one.standing.values() for one in sent):
            time.sleep(SECOND_S)
            discarded = self.ops.discard(phase.hopeless)
            for one in sent:
                one.discarded = not discarded.isdisjoint(one.standing)

    def _watch(self, sent: Sequence[Sent]) -> None:
        with self.queues.watched():
            self._settle(sent)

    def _settle(self, sent: Sequence[Sent]) -> None:
        """Wait until every upload has its outcome, and then until nothing happens any more."""
        self.book.wait(lambda: all(one.is_told for one in sent), QUIET_S)
        deadline = time.monotonic() + QUIET_S
        while not self._is_calm() and time.monotonic() < deadline:
            time.sleep(LOOK_S)

    def _is_calm(self) -> bool:
        last = max(self.book.last_news, self.audit.last_news)
        return not self.audit.going_on and time.monotonic() - last > CALM_S
