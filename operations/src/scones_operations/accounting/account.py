"""Compare a bucket's uploads with their outcomes; list what is missing or doubled.

An upload is a version of an object; bucket, key and version (without one, the ETag) give its
inference_id. An upload under incoming/ is to have exactly one outcome: accepted, review or dead
letter. The ledger has it, and its message is in a queue until somebody takes it. An event that
could not be delivered waits in the undelivered queue. Outcomes that a person or a backfill asked
for come on top; the ledger keeps the last apart. What is uploaded elsewhere is answered by a letter
alone: once that is handled, nothing tells of it.

  missing    no outcome: the workflow never ran for it, or could send no dead letter
  doubled    messages of more outcomes than its event and its requests explain
  doubtful   missing, unless a message answers that could not be read, or a run that recorded no
             outcome had one all the same: running it again might be a second order
  under way  younger than --patience, or a run has the claim, and time left to end

Messages stay in their queues; while a queue is read, they are hidden from its other readers.
--rerun starts the workflow for what is missing, as the upload's event would: the claim lets no
second outcome happen where a run has the upload after all.

Exit status: 0 each has one outcome or may still get it; 3 something is missing, doubled or
doubtful; 1 AWS failed or the run was interrupted; 2 bad input.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from scones_operations.account import CannotBeDone, Failed, run
from scones_operations.accounting.comparing import Comparison, Scope
from scones_operations.accounting.ledger import begun_at
from scones_operations.accounting.sightings import Sightings
from scones_operations.accounting.times import duration, moment
from scones_operations.recovery.starting import Starting, per_second
from scones_operations.stacks.cloudformation import find_stack, stack_name
from scones_operations.stacks.outputs import stage_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scones_operations.accounting.balance import Entry

__all__ = ["main"]

FAULTY = 3
"""Exit status where not every upload is accounted for."""
MEMORY_DAYS = 30
"""LedgerDays of the orchestration stack, unless it says otherwise."""
PATIENCE = timedelta(hours=24, minutes=10)
"""EventBridge tries for a day to start the workflow, which may then run for 5 minutes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Account for uploads, and run what is missing; the exit status is the module's."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.dry_run and not options.rerun:
        parser.error("--dry-run goes with --rerun: nothing else changes anything")
    return run(lambda: _account(options))


def _account(options: argparse.Namespace) -> int:
    outputs = stage_outputs(options.stage, "orchestration")
    scope = _scope(options, outputs)
    report: Path | None = options.json
    if report and not report.parent.is_dir():
        raise CannotBeDone(f"There is no folder {report.parent} to write {report.name} into.")
    comparison, told = _compare(scope, outputs, read_queues=options.queues)
    _show(comparison, told)
    if report:
        _write(report, told)
    if options.rerun:
        _rerun(comparison.balance.missing, outputs["WorkflowArn"], options)
    return 0 if comparison.balance.is_right else FAULTY


def _scope(options: argparse.Namespace, outputs: Mapping[str, str]) -> Scope:
    stack = find_stack(stack_name(options.stage, "orchestration"))
    if stack is None or "LedgerTableName" not in outputs:
        raise CannotBeDone(
            f"The stage {options.stage} has no ledger yet: `scones-ops deploy --stage "
            f"{options.stage}` makes it, and from then on outcomes are recorded."
        )
    memory = timedelta(days=float(stack.parameters.get("LedgerDays", MEMORY_DAYS)))
    table = outputs["LedgerTableName"]
    # Nothing that came before the ledger is in it, and a rerun would run all of that again.
    since = max(options.since or datetime.now(UTC) - memory, begun_at(table))
    return Scope(outputs["UploadBucket"], options.prefix, since, table, options.patience, memory)


def _compare(
    scope: Scope, outputs: Mapping[str, str], *, read_queues: bool
) -> tuple[Comparison, dict[str, Any]]:
    """The comparison, and what the JSON report says of it.

    Queues come first, the ledger last: what happens meanwhile then is a record without a message,
    which is right, and never a message without a record.
    """
    at, sightings = datetime.now(UTC), Sightings()
    comparison = Comparison(scope, sightings)
    try:
        with Progress(console=Console(stderr=True)) as progress:
            if read_queues:
                sightings.read(outputs, progress)
            comparison.run(progress)
            extra = comparison.beyond_listing(progress)
    except KeyboardInterrupt:
        raise Failed("Interrupted: nothing was changed, all messages are as before.") from None
    return comparison, {
        "at": at.isoformat(),
        "bucket": scope.bucket,
        "prefix": scope.prefix,
        "since": scope.since.isoformat(),
        **comparison.balance.as_json(),
        "messages": {one: sightings.messages[one] for one in sightings.hidden},
        "hidden": dict(sightings.hidden),
        "unnamed": sightings.unnamed,
        "extra": extra,
    }


def _show(comparison: Comparison, told: Mapping[str, Any]) -> None:
    comparison.balance.show(Console())
    hidden = {queue: number for queue, number in told["hidden"].items() if number}
    for queue, number in hidden.items():
        print(
            f"About {number:,} messages of {queue} could not be read: another reader has them, or "
            "for some minutes yet a command that was killed."
        )
    if not told["messages"]:
        print("The queues were not read: what is doubled shows there alone.")
    if told["older"]:
        print(
            f"{told['older']:,} uploads from before {told['since']} were passed over: --since, or "
            "older than the ledger or its memory."
        )
    if told["unnamed"]:
        print(f"{told['unnamed']:,} messages name no version: letters of requests, or not ours.")
    for what, number in told["extra"].items():
        if number:
            print(f"{number:,} {what} are of uploads that the bucket no longer holds.")


def _write(report: Path, told: Mapping[str, Any]) -> None:
    try:
        report.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failed(f"{report} cannot be written: {error.strerror}.") from error


def _rerun(missing: Sequence[Entry], workflow: str, options: argparse.Namespace) -> None:
    """Start the workflow for each, as its event would have."""
    if options.dry_run:
        print(f"The workflow would be started for {len(missing):,} uploads.")
        return
    starting, started = Starting(workflow, options.per_second), 0
    try:
        with Progress(console=Console(stderr=True)) as progress:
            for upload in progress.track([one.upload for one in missing], description="reruns"):
                # The name shows in the execution's ARN, and so in a letter that it may end in.
                name = f"rerun-{upload.inference_id[:32]}-{secrets.token_hex(4)}"
                why = starting.start(name, json.dumps(upload.event, ensure_ascii=False))
                started += not why
                if why:
                    progress.print(Text(f"{upload.key!r}: {why}"), soft_wrap=True)
    except KeyboardInterrupt:
        raise Failed("Interrupted: the same command finds what is still missing.") from None
    finally:
        print(f"The workflow was started for {started:,} of {len(missing):,} uploads.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-ops account",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--stage", default=os.environ.get("STAGE") or "dev", help="deployment stage ($STAGE, dev)")
    add("--prefix", default="", help="only uploads whose key begins so")
    since = (
        f"only later uploads: 2026-11-25, 24h, ... (as long as the ledger knows: {MEMORY_DAYS}d)"
    )
    add("--since", type=moment, metavar="TIME", help=since)
    patience = "so long an upload may be without a trace: 90s, 15m, ... (24h10m)"
    add("--patience", type=duration, default=PATIENCE, metavar="TIME", help=patience)
    queues = "read the queues; without, outcomes are what the ledger says"
    add("--queues", action=argparse.BooleanOptionalAction, default=True, help=queues)
    add("--json", type=Path, metavar="FILE", help="write all that was found there")
    add("--rerun", action="store_true", help="start the workflow for what is missing")
    add("--per-second", type=per_second, default=10.0, metavar="N", help="reruns at most (10)")
    add("--dry-run", action="store_true", help="with --rerun: start nothing")
    return parser
