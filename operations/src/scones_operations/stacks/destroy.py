"""Delete all stacks of a stage but its endpoint's, and list what is left of it.

What is stored in buckets stays, unless --empty; messages in the queues are lost. The endpoint's
stack is deleted by `scones-model destroy`, which `make destroy` runs next. May be run again.

Exit status: 0 deleted, 1 something failed, 2 it was not confirmed, or CloudFormation is busy.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console

from scones_operations.account import CannotBeDone, client, run
from scones_operations.asking import ask_for_stage
from scones_operations.progress import telling
from scones_operations.repository import find_root
from scones_operations.stacks.cloudformation import delete_stack, stack_name
from scones_operations.stacks.emptying import delete_bucket, is_empty
from scones_operations.stacks.leftovers import buckets, leftovers, resources, waiting_messages
from scones_operations.stacks.parts import BUCKETS, ENDPOINT, ORDER
from scones_operations.stacks.plan import stage_stacks
from scones_operations.stacks.wiring import derived_names, stage_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from scones_operations.stacks.cloudformation import Stack
    from scones_operations.stacks.leftovers import Resource

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(argv)
    return run(lambda: _destroy(options))


@dataclass(frozen=True)
class Doomed:
    """What there is of a stage before it is destroyed.

    Attributes:
        stage: The stage.
        stacks: Those that are to be deleted, by their parts.
        endpoint: The one that is not; None where there is none.
        made: What CloudFormation made for the stacks.
        spared: Names of what it made for the endpoint's.
        names: Names that the stage's buckets have, be they there or not.
    """

    stage: str
    stacks: Mapping[str, Stack]
    endpoint: Stack | None
    made: Sequence[Resource]
    spared: Collection[str]
    names: Collection[str]

    def kept(self) -> list[str]:
        """Buckets that the stacks leave behind, or have left."""
        found = buckets(self.stage, self.made, self.names)
        return [bucket for bucket in found if bucket not in self.spared]


def _destroy(options: argparse.Namespace) -> int:
    console, doomed = Console(), _find(options.stage)
    kept = doomed.kept()
    _foretell(console, doomed, kept if options.empty else [])
    if options.dry_run:
        return 0
    _refuse_busy(doomed.stacks.values())
    if (doomed.stacks or (options.empty and kept)) and not options.yes:
        ask_for_stage(console, doomed.stage)
    with telling(console, f"Deleting stage {doomed.stage} ...") as tell:
        _delete_stacks(doomed.stage, tell)
        for bucket in kept:
            if options.empty or is_empty(bucket):
                delete_bucket(bucket, tell)
        tell("Looking for what is left ...")
        left = list(leftovers(doomed.stage, doomed.made, doomed.kept(), doomed.spared))
    _show(console, doomed, left)
    return 0


def _find(stage: str) -> Doomed:
    stacks = stage_stacks(stage)
    endpoint = stacks.pop(ENDPOINT, None)
    spared = {physical for _, physical in resources([endpoint] if endpoint else [])}
    made, names = resources(stacks.values()), _bucket_names(stage, stacks)
    return Doomed(stage, stacks, endpoint, made, spared, names)


def _refuse_busy(stacks: Iterable[Stack]) -> None:
    for stack in stacks:
        if stack.status.endswith("_IN_PROGRESS") and stack.status != "DELETE_IN_PROGRESS":
            raise CannotBeDone(
                f"Nothing was deleted: {stack.name} is {stack.status}. Wait until CloudFormation "
                "is done with it."
            )


def _delete_stacks(stage: str, tell: Callable[[str], None]) -> None:
    client("cloudformation")  # boto3 makes clients in one thread only
    with ThreadPoolExecutor() as pool:
        for row in reversed(ORDER):  # each before what it was wired to
            names = [stack_name(stage, part) for part in row]
            list(pool.map(partial(delete_stack, tell=tell), names))


def _bucket_names(stage: str, stacks: Mapping[str, Stack]) -> set[str]:
    """Names of the stage's buckets, be their stacks there or not."""
    sts = client("sts")
    usual = derived_names(stage, sts.get_caller_identity()["Account"], sts.meta.region_name)
    said = stage_settings(find_root(), stage).values
    had = {name: value for stack in stacks.values() for name, value in stack.parameters.items()}
    return {{**usual.values, **said, **had}[name] for name in BUCKETS.values()}


def _foretell(console: Console, doomed: Doomed, lost: Sequence[str]) -> None:
    for stack in doomed.stacks.values():
        console.print(f"To be deleted: stack {stack.name}", highlight=False)
    for queue, count in waiting_messages(doomed.made).items():
        console.print(f"To be lost: {count} messages in {queue}", highlight=False)
    for bucket in lost:
        console.print(f"To be deleted with all that it holds: bucket {bucket}", highlight=False)


def _show(console: Console, doomed: Doomed, left: list[str]) -> None:
    stage, endpoint, monitoring = doomed.stage, doomed.endpoint, doomed.stacks.get("monitoring")
    if endpoint is not None:
        how = f"`scones-model destroy --stage {stage}` deletes it"
        left.append(f"stack {endpoint.name}, whose endpoint costs money by the hour: {how}")
    images = f" ({monitoring.parameters['ImageUri']})" if monitoring else ""
    lines = [
        f"Still there of stage {stage}:" if left else f"Nothing is left of stage {stage}.",
        *(f"  {line}" for line in left),
        f"What no stage owns stays: images in ECR{images}, model packages and their files.",
    ]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-ops destroy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--stage", default=os.environ.get("STAGE") or "dev", help="part of every name (dev)"
    )
    parser.add_argument(
        "--empty", action="store_true", help="delete the buckets with all that they hold, too"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="say what would be deleted")
    return parser
