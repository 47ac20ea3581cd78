"""Uploads under every fault that there is: each must have exactly one outcome all the same.

The real stack runs, with its faults' folder (`faults`, `engine_faults`). Uploads flow steadily, in
phases: one per fault, one with none, one with all at once (`faultplan`). Some faults are injected
where calls go through the engine and the endpoint; processes are killed from here (`nightmares`),
and objects are deleted, overwritten or no pictures (`uploading`). After each phase the faults
cease, every upload's outcome is awaited, and an operator mends what failed with `scones-ops`
(`phaserun`).

What is checked, from outside the system:

- **lost**: an upload that no message names, and of which no run says that it failed;
- **doubled**: more than one message for one bucket, key and version, at any time; a letter that was
  redriven is replaced by what came of it (`uploadbook`);
- **wrong retries**: the journal's attempts against the workflow's definition (`retryrules`);
- **letters**: each says what a redrive needs (`letteraudit`), and a redrive completes it, unless
  the object itself is gone or no image;
- **the account**: `scones-ops account` must come to the same figures, from bucket and ledger alone,
  but for uploads whose outcome was sent and could not be recorded (`unsettled`).

Results are in `build/chaos`: `summary.json`, `outcomes.jsonl` (a line per upload), `account.json`
(accounting's own report).
"""

from __future__ import annotations

import itertools
import json
import resource
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scones_local.aws import connect
from scones_local.chaos.faultplan import PHASES, divide
from scones_local.chaos.journaltail import JournalTail
from scones_local.chaos.opscommands import OpsCommands, OpsFailed
from scones_local.chaos.outcomequeues import OutcomeQueues
from scones_local.chaos.phaserun import QUIET_S, LetterBox, PhaseRunner, journals_read
from scones_local.chaos.retryrules import WorkflowRules
from scones_local.chaos.runaudit import RunAudit
from scones_local.chaos.summary import (
    compare_account,
    figures_of,
    problems_of,
    summarise_chaos,
    summary_table,
    write_outcomes,
)
from scones_local.chaos.uploadbook import UploadBook
from scones_local.chaos.uploading import Uploader
from scones_local.journal import ENDPOINT_JOURNAL, ENGINE_JOURNAL
from scones_local.supervisor import supervised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from scones_local.chaos.faultplan import Phase
    from scones_local.chaos.phaserun import PhaseResult
    from scones_local.pictures import Picture
    from scones_local.stack import RunningStack, StackSettings

__all__ = ["PICTURES", "ChaosSettings", "run_chaos"]

PICTURES = 300
"""Different pictures that are sent in turn."""
WORKFLOW = ("orchestration", "workflow.asl.json")
TABLE_WIDTH = 140
"""Of the table by fault, however narrow the terminal is: a cut figure says nothing."""
SHOWN = 20
"""Problems that are printed; the summary has all."""


@dataclass(frozen=True)
class ChaosSettings:
    """What to send, and where the results go.

    Attributes:
        out: Folder for summary and outcomes.
        pictures: Sent in turn.
        uploads: How many in all.
        seed: Of the faults' chances and of what is killed when.
        phases: In order; the last one takes what the others leave.
        in_flight: Uploads that wait for their outcome at a time.
    """

    out: Path
    pictures: Sequence[Picture]
    uploads: int = 1000
    seed: int = 0
    phases: Sequence[Phase] = PHASES
    in_flight: int = 32


def run_chaos(stack: StackSettings, settings: ChaosSettings) -> bool:
    """Run all phases; True if nothing was lost or doubled, and everything else was as it should.

    Args:
        stack: What to start; it must name a folder for faults.
        settings: Of the run.

    Raises:
        StartFailed: The stack did not start.
    """
    console, began = Console(highlight=False), time.monotonic()
    assert stack.faults is not None  # noqa: S101 - the command line names it
    shutil.rmtree(stack.faults, ignore_errors=True)
    stack.faults.mkdir(parents=True)
    settings.out.mkdir(parents=True, exist_ok=True)
    book = UploadBook()
    console.print("Starting the stack ...")
    with supervised(stack) as running:
        results, failures = _run_phases(stack, running, settings, book, console)
        account, disagreements = _account(_ops(stack, running), book, settings.out)
    summary = {
        **summarise_chaos(book, results),
        "not_uploaded": failures,
        "seconds": round(time.monotonic() - began, 1),
        "seed": settings.seed,
        "account": account,
        "client_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    problems = problems_of(summary, disagreements)
    _tell({**summary, "problems": problems}, book, settings.out, console)
    return not problems


def _run_phases(
    stack: StackSettings,
    running: RunningStack,
    settings: ChaosSettings,
    book: UploadBook,
    console: Console,
) -> tuple[list[PhaseResult], dict[str, int]]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    results = []
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("uploads", total=settings.uploads)
        runner = _runner(stack, running, settings, book, lambda n: progress.advance(bar, n))
        journals = [
            JournalTail(runner.folder / name) for name in (ENGINE_JOURNAL, ENDPOINT_JOURNAL)
        ]
        counts = divide(settings.uploads, settings.phases)
        with journals_read(journals, runner.audit):
            for phase, count in zip(settings.phases, counts, strict=True):
                progress.update(bar, description=phase.name)
                results.append(runner.run(phase, count))
                progress.console.print(results[-1].line(count), soft_wrap=True)
    return results, dict(runner.uploader.failures)


def _runner(
    stack: StackSettings,
    running: RunningStack,
    settings: ChaosSettings,
    book: UploadBook,
    on_told: Callable[[int], None],
) -> PhaseRunner:
    assert stack.faults is not None  # noqa: S101 - as above
    session, letters = connect(running.environment), LetterBox()
    rules = WorkflowRules.read(stack.root.joinpath(*WORKFLOW))
    return PhaseRunner(
        folder=stack.faults,
        seed=settings.seed,
        in_flight=settings.in_flight,
        states=rules.tasks,
        book=book,
        audit=RunAudit(rules, book),
        letters=letters,
        queues=OutcomeQueues(session, running.outputs, book, letters.take),
        uploader=Uploader(
            session=session,
            bucket=running.outputs["UploadBucket"],
            folder=f"chaos-{time.time_ns()}",
            pictures=itertools.cycle(settings.pictures),
            book=book,
            quiet_s=QUIET_S,
        ),
        ops=_ops(stack, running),
        on_told=on_told,
    )


def _ops(stack: StackSettings, running: RunningStack) -> OpsCommands:
    return OpsCommands(stack.python("operations"), running.environment)


def _account(ops: OpsCommands, book: UploadBook, out: Path) -> tuple[dict[str, Any], list[str]]:
    """What accounting says, and where that is not what was seen."""
    try:
        account = ops.account(out / "account.json")
    except OpsFailed as failure:
        return {}, [str(failure)]
    return figures_of(account), compare_account(account, book)


def _tell(summary: dict[str, Any], book: UploadBook, out: Path, console: Console) -> None:
    write_outcomes(out / "outcomes.jsonl", book)
    (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    wide = Console(width=max(console.width, TABLE_WIDTH), highlight=False)
    wide.print(summary_table(summary))
    told = ", ".join(f"{name} {summary[name]}" for name in ("uploaded", "lost", "doubled"))
    retries = f"retries {summary['retries']}, wrong {summary['wrong_retries']}"
    console.print(f"\n{told}; {retries}; {summary['seconds']:.0f} s")
    for problem in summary["problems"][:SHOWN]:
        console.print(f"[red]{escape(problem)}[/]", soft_wrap=True)
    console.print(f"Summary        {out / 'summary.json'}", soft_wrap=True)
    console.print(f"Every upload   {out / 'outcomes.jsonl'}", soft_wrap=True)
