"""Run the workflow over objects that are in the upload bucket already.

One execution of the stage's backfill lists the objects and runs the workflow for each, so many at
a time. Its name comes from bucket, prefix and --name: the same command again joins the run, or
shows how it ended, and starts nothing. What cannot be decided on becomes a dead letter, as an
upload's does. The workflow reads each object's newest version, under the inference_id that its
upload had.

Exit status: 0 done, 1 it failed or not every object has an outcome, 2 bad input.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scones_operations.account import CannotBeDone, Failed, client, run
from scones_operations.recovery.maprun import (
    Run,
    execution_arn,
    find_run,
    follow,
    resume,
    start,
    unfinished,
)
from scones_operations.stacks.outputs import stage_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OtherBucket", "main"]

SHOWN = 20
"""Objects without an outcome that are named, of each kind."""
_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]+)(?:/(?P<prefix>.*))?", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
"""What Step Functions takes in an execution's name and can log; with what is added, at most 80."""
_OVER = ("succeeded", "failed", "timedOut", "aborted")
_BAD = _OVER[1:]


class OtherBucket(CannotBeDone):
    """The objects are in a bucket that the stage may not read."""


class Place(NamedTuple):
    """Every object of a bucket whose key begins with a prefix."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def main(argv: Sequence[str] | None = None) -> int:
    """Backfill, or count what would be run; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _backfill(options))


def _backfill(options: argparse.Namespace) -> int:
    place = _place(options.place)
    uploads = stage_outputs(options.stage, "orchestration")["UploadBucket"]
    if place.bucket != uploads:
        raise OtherBucket(
            f"The stage {options.stage} may read {uploads} only. Copy the objects there, under "
            "incoming/: each copy is an upload then, and needs no backfill."
        )
    if options.dry_run:
        _count(place)
        return 0
    machine = stage_outputs(options.stage, "backfill")["BackfillArn"]
    arn = execution_arn(machine, _execution_name(place, options.name))
    found = find_run(arn)
    if options.resume:
        if found is None:
            raise CannotBeDone(f"There is no run {arn} to resume: leave --resume out to start it.")
        resume(arn)
        print(f"Resumed {arn}")
    elif found is None:
        if not _count(place):
            raise CannotBeDone(f"There is no object to run in {place}.")
        asked = {**place._asdict(), "max_concurrency": options.max_concurrency}
        start(machine, arn.rpartition(":")[2], asked)
        print(f"Started {arn}")
    else:
        print(f"{arn} was started before: another --name starts another.")
    return 0 if options.no_wait else _finish(arn)


def _place(text: str) -> Place:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise CannotBeDone(f"{text} is no place in S3: name one as s3://bucket/prefix.")
    return Place(match["bucket"], match["prefix"] or "")


def _execution_name(place: Place, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise CannotBeDone(f"--name {name}: at most 60 letters, digits, hyphens and underscores.")
    return f"{name}-{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"


def _count(place: Place) -> int:
    """How many objects there are to run; tells that, and what they are in sum."""
    objects = folders = size = 0
    pages = client("s3").get_paginator("list_objects_v2")
    doing = f"Counting {escape(str(place))}"
    with Console(stderr=True).status(doing) as status:
        for page in pages.paginate(Bucket=place.bucket, Prefix=place.prefix):
            for one in page.get("Contents", []):
                folder = one["Size"] == 0 and one["Key"].endswith("/")
                folders, objects = folders + folder, objects + (not folder)
                size += one["Size"]
            status.update(f"{doing}: {objects:,}")
    print(
        f"{place}: {objects:,} objects of {size:,} bytes; {folders:,} folder markers are skipped."
    )
    return objects


def _finish(arn: str) -> int:
    """Follow a run to its end and tell how it ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    try:
        with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
            bar = progress.add_task("objects", total=None)

            def show(run: Run) -> None:
                over = sum(run.counts.get(state, 0) for state in _OVER)
                progress.update(bar, total=run.counts.get("total"), completed=over)

            ended = follow(arn, show)
    except KeyboardInterrupt:
        raise Failed("The run goes on without this command; the same one joins it again.") from None
    return _tell_end(ended)


def _tell_end(ended: Run) -> int:
    counts = {state: ended.counts.get(state, 0) for state in ("total", *_OVER)}
    print(", ".join(f"{state} {number:,}" for state, number in counts.items()))
    for key, why in unfinished(ended, SHOWN):
        print(f"{key}: {why}")
    if ended.results:
        print(f"Each object's outcome is in the files that {ended.results} names.")
    print("Objects that could not be decided on are dead letters: `scones-ops redrive --list`.")
    if ended.status != "SUCCEEDED":
        ending = ": ".join(filter(None, (ended.status, ended.cause)))
        raise Failed(f"The run is {ending}. Mend what was wrong, then go on with --resume.")
    return 1 if any(counts[state] for state in _BAD) else 0


def _at_once(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-ops backfill",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("place", metavar="s3://bucket/prefix", help="the objects, in the stage's upload bucket")
    add("--stage", default=os.environ.get("STAGE") or "dev", help="deployment stage ($STAGE, dev)")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    add("--name", default=today, help=f"tells runs over one prefix apart (today, {today})")
    add("--max-concurrency", type=_at_once, default=10, metavar="N", help="objects at once (10)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only count the objects")
    how.add_argument("--resume", action="store_true", help="go on with a run that failed")
    add("--no-wait", action="store_true", help="do not wait for its end")
    return parser
