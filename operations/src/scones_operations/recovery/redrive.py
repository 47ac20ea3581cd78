"""Send dead letters through the workflow again.

Each letter's input starts the workflow; only then is the letter deleted. What fails again becomes
a new letter, which this run leaves alone. The workflow is Express: AWS may start it twice for one
call, and a run that is cut off between start and deletion leaves its letter for the next. Either
gives a second outcome with the same inference_id, never none.

Exit status: 0 done, 1 AWS failed or the run was interrupted, 2 bad input.
"""

from __future__ import annotations

import argparse
import os
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import Progress

from scones_operations.account import CannotBeDone, Failed, client, run
from scones_operations.recovery.letters import read_dead_letter, read_undelivered
from scones_operations.recovery.outputs import stage_outputs
from scones_operations.recovery.reading import Reading
from scones_operations.recovery.tally import CANNOT, LEFT, REDRIVEN, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from scones_operations.recovery.letters import Letter

    _Start = Callable[[Letter], str]

__all__ = ["main"]

QUEUES = {"dead-letter": "DeadLetterQueueUrl", "undelivered": "UndeliveredQueueUrl"}
"""Each queue's output of the orchestration stack."""
_UNFIT = {"InvalidExecutionInput", "ValidationException"}
"""What Step Functions says of an input that it will never take."""
_SLOWEST = 0.1
"""Executions a second; more slowly, what is held would have to be held anew before the next."""


def main(argv: Sequence[str] | None = None) -> int:
    """Redrive, or list; the exit status is the module's."""
    parser = _parser()
    options = parser.parse_args(argv)
    if not (options.all or options.error or options.message or options.list):
        parser.error("say which letters: --all, --error, --message; or --list")
    return run(lambda: _redrive(options))


def _redrive(options: argparse.Namespace) -> int:
    outputs = stage_outputs(options.stage, "orchestration")
    workflow = outputs["WorkflowArn"]
    read = read_dead_letter
    if options.queue == "undelivered":
        read = partial(read_undelivered, workflow=workflow)
    start = None
    if not (options.list or options.dry_run):
        start = partial(_start, workflow, _ticks(options.per_second))
    tally = Tally()
    try:
        _go_through(outputs[QUEUES[options.queue]], read, start, options, tally)
    except KeyboardInterrupt:
        raise Failed("Interrupted: what was not redriven is in the queue as before.") from None
    finally:
        if options.list:
            tally.show_letters()
        else:
            tally.show_counts(planned=start is None)
    if options.message and not tally.picked:
        raise CannotBeDone(f"No letter has the id {options.message}: --list shows those there are.")
    return 0


def _go_through(
    queue: str,
    read: Callable[[MessageTypeDef], Letter],
    start: _Start | None,
    options: argparse.Namespace,
    tally: Tally,
) -> None:
    with Reading(queue) as reading, Progress(console=Console(stderr=True)) as progress:
        if reading.hidden:
            progress.print(
                f"About {reading.hidden} letters are hidden: by another reader, or for some "
                "minutes yet by a run that was killed."
            )
        bar = progress.add_task("letters", total=reading.waiting)
        for message in reading.messages():
            letter = read(message)
            fate, why = (LEFT, "") if not _is_picked(letter, options) else _send(letter, start)
            if fate == REDRIVEN and start is not None:
                reading.delete(message)
            tally.add(letter, fate, why)
            progress.advance(bar)
            if options.message == letter.id:
                break


def _send(letter: Letter, start: _Start | None) -> tuple[str, str]:
    """A picked letter's fate, and why it cannot be redriven; without `start` what it would be."""
    why = letter.obstacle or (start(letter) if start else "")
    return (CANNOT, why) if why else (REDRIVEN, "")


def _is_picked(letter: Letter, options: argparse.Namespace) -> bool:
    message: str | None = options.message
    errors: list[str] | None = options.error
    return message in {None, letter.id} and (errors is None or letter.error in errors)


def _start(workflow: str, ticks: Iterator[None], letter: Letter) -> str:
    """Start the workflow when the next tick allows it; why it cannot be, or nothing."""
    next(ticks)
    # The name shows in the execution's ARN, and so in the letter that it may end in again.
    name = f"redrive-{letter.id}-{secrets.token_hex(4)}"
    try:
        client("stepfunctions").start_execution(
            stateMachineArn=workflow, name=name, input=letter.input
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNFIT:
            raise
        return f"Step Functions does not take its input: {error.response['Error']['Message']}"
    return ""


def _ticks(per_second: float) -> Iterator[None]:
    """One element whenever another execution may start."""
    due = time.monotonic()
    while True:
        time.sleep(max(0.0, due - time.monotonic()))
        due = time.monotonic() + 1 / per_second
        yield


def _rate(text: str) -> float:
    rate = float(text)
    if not rate >= _SLOWEST:
        raise argparse.ArgumentTypeError(f"at least {_SLOWEST}")
    return rate


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-ops redrive",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every letter")
    which.add_argument("--error", nargs="+", metavar="NAME", help="letters with these errors")
    which.add_argument("--message", metavar="ID", help="one letter, by its SQS message id")
    add = parser.add_argument
    add("--list", action="store_true", help="show the letters and change nothing")
    add("--stage", default=os.environ.get("STAGE") or "dev", help="deployment stage ($STAGE, dev)")
    add("--queue", choices=QUEUES, default="dead-letter", help="where the letters are")
    add("--per-second", type=_rate, default=10.0, metavar="N", help="executions at most (10)")
    add("--dry-run", action="store_true", help="start and delete nothing")
    return parser
