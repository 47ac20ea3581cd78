"""Send dead letters through the workflow again, or discard those that are not worth it.

Each letter's input starts the workflow; only then is the letter deleted. What fails again becomes
a new letter, which this run leaves alone. The workflow is Express: AWS may start it twice for one
call, and a run that is cut off between start and deletion leaves its letter for the next. Of an
S3 event's letter, which names the run that wrote it, only one may take over that run's claim: the
other ends in AlreadyClaimed, without an outcome. Of an input that was typed, or came from a
backfill, each start is answered, with the same inference_id.

With --discard the letters are deleted instead, those too that cannot be redriven. Each is first
written to stdout whole, as a line of JSON: keep that. All else goes to stderr then.

Exit status: 0 done, 1 AWS failed or the run was interrupted, 2 bad input.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from scones_operations.account import CannotBeDone, Failed, run
from scones_operations.asking import ask_for_stage
from scones_operations.recovery.letters import read_dead_letter, read_undelivered
from scones_operations.recovery.reading import Reading
from scones_operations.recovery.starting import Starting, per_second
from scones_operations.recovery.tally import CANNOT, DISCARDED, LEFT, REDRIVEN, Tally
from scones_operations.stacks.outputs import stage_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from scones_operations.recovery.letters import Letter

    _Start = Callable[[Letter], str]

__all__ = ["main"]

QUEUES = {"dead-letter": "DeadLetterQueueUrl", "undelivered": "UndeliveredQueueUrl"}
"""Each queue's output of the orchestration stack."""


def main(argv: Sequence[str] | None = None) -> int:
    """Redrive, discard or list; the exit status is the module's."""
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
    planned = _is_planned(options)
    if options.discard and not (planned or options.yes):
        ask_for_stage(Console(stderr=True), options.stage)
    start = None if planned else partial(_start, Starting(workflow, options.per_second))
    tally = Tally(DISCARDED if options.discard else REDRIVEN)
    try:
        _go_through(outputs[QUEUES[options.queue]], read, start, options, tally)
    except KeyboardInterrupt:
        raise Failed("Interrupted: all other letters are in the queue as before.") from None
    finally:
        if options.list:
            tally.show_letters()
        else:
            tally.show_counts(planned=planned)
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
    with Reading(queue) as reading, _progress(options) as progress:
        if reading.hidden:
            progress.print(
                f"About {reading.hidden} letters are hidden: by another reader, or for some "
                "minutes yet by a run that was killed."
            )
        bar = progress.add_task("letters", total=reading.waiting)
        for message in reading.messages():
            letter = read(message)
            fate, why = _settle(letter, start, options)
            if fate in {REDRIVEN, DISCARDED} and not _is_planned(options):
                if options.discard:
                    print(_whole(message), flush=True)
                reading.delete(message)
            tally.add(letter, fate, why)
            progress.advance(bar)
            if options.message == letter.id:
                break


def _progress(options: argparse.Namespace) -> Progress:
    return Progress(
        console=Console(stderr=True),
        redirect_stdout=False,  # to the console, as rich does: here that is stderr
        disable=options.discard and sys.stdout.isatty(),  # discarded letters show it themselves
    )


def _settle(letter: Letter, start: _Start | None, options: argparse.Namespace) -> tuple[str, str]:
    """A letter's fate, and why it cannot be redriven; without `start` what it would be."""
    if not _is_picked(letter, options):
        return LEFT, ""
    if options.discard:
        return DISCARDED, ""
    why = letter.obstacle or (start(letter) if start else "")
    return (CANNOT, why) if why else (REDRIVEN, "")


def _is_picked(letter: Letter, options: argparse.Namespace) -> bool:
    message: str | None = options.message
    errors: list[str] | None = options.error
    return message in {None, letter.id} and (errors is None or letter.error in errors)


def _is_planned(options: argparse.Namespace) -> bool:
    """Whether nothing is to be changed."""
    return bool(options.list or options.dry_run)


def _whole(message: MessageTypeDef) -> str:
    """A message as a line of JSON; its body and attributes as they could be sent again."""
    told = {name: value for name, value in message.items() if name != "ReceiptHandle"}
    return json.dumps(told, default=repr)  # an attribute of somebody else's may be bytes


def _start(starting: Starting, letter: Letter) -> str:
    # The name shows in the execution's ARN, and so in the letter that it may end in again.
    return starting.start(f"redrive-{letter.id}-{secrets.token_hex(4)}", letter.input)


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
    add("--discard", action="store_true", help="delete them, and show what they said")
    add("--yes", action="store_true", help="do not ask before --discard")
    add("--list", action="store_true", help="show the letters and change nothing")
    add("--stage", default=os.environ.get("STAGE") or "dev", help="deployment stage ($STAGE, dev)")
    add("--queue", choices=QUEUES, default="dead-letter", help="where the letters are")
    add("--per-second", type=per_second, default=10.0, metavar="N", help="executions at most (10)")
    add("--dry-run", action="store_true", help="start and delete nothing")
    return parser
