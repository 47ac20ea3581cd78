"""Delete all stacks of a stage but its endpoint's, and list what still costs money.

Buckets stay, unless --empty; messages in the queues are lost. The endpoint's stack is deleted by
`scones-model destroy`, which `make destroy` runs next.

Exit status: 0 nothing is left but what was to stay, 1 something failed, 2 it was not confirmed.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from rich.console import Console

from scones_operations.account import CannotBeDone, client, run
from scones_operations.progress import telling
from scones_operations.repository import find_root
from scones_operations.stacks.cloudformation import delete_stack, stack_name
from scones_operations.stacks.emptying import delete_bucket
from scones_operations.stacks.leftovers import (
    ELSEWHERE,
    buckets,
    leftovers,
    resources,
    waiting_messages,
)
from scones_operations.stacks.parts import BUCKETS, ENDPOINT, PARTS
from scones_operations.stacks.plan import stage_stacks
from scones_operations.stacks.wiring import derived_names, stage_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scones_operations.stacks.cloudformation import Stack

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(argv)
    return run(lambda: _destroy(options))


def _destroy(options: argparse.Namespace) -> int:
    console = Console()
    stacks = stage_stacks(options.stage)
    endpoint = stacks.pop(ENDPOINT, None)
    made = resources(stacks.values())
    usual = _bucket_names(options.stage, stacks)
    kept = buckets(made, usual)
    _foretell(console, stacks, waiting_messages(made), kept if options.empty else [])
    if options.dry_run:
        return 0
    if (stacks or (options.empty and kept)) and not options.yes:
        _ask(console, options.stage)
    with telling(console, f"Deleting stage {options.stage} ...") as tell:
        for part in reversed(PARTS):  # each before what it was wired to
            delete_stack(stack_name(options.stage, part), tell)
        for bucket in kept if options.empty else ():
            delete_bucket(bucket, tell)
    left = list(leftovers(made, buckets(made, usual)))
    if endpoint is not None:
        told = f"`scones-model destroy --stage {options.stage}` deletes it"
        left.append(f"stack {endpoint.name}, whose endpoint costs money by the hour: {told}")
    _show(console, options.stage, left)
    return 0


def _bucket_names(stage: str, stacks: Mapping[str, Stack]) -> dict[str, str]:
    """Names of the stage's buckets, be their stacks there or not."""
    sts = client("sts")
    usual = derived_names(stage, sts.get_caller_identity()["Account"], sts.meta.region_name)
    said = stage_settings(find_root(), stage).values
    had = {name: value for stack in stacks.values() for name, value in stack.parameters.items()}
    return {name: {**usual.values, **said, **had}[name] for name in BUCKETS.values()}


def _foretell(
    console: Console, stacks: Mapping[str, Stack], waiting: Mapping[str, int], lost: Sequence[str]
) -> None:
    for stack in stacks.values():
        console.print(f"To be deleted: stack {stack.name}", highlight=False)
    for queue, count in waiting.items():
        console.print(f"To be lost: {count} messages in {queue}", highlight=False)
    for bucket in lost:
        console.print(f"To be deleted with all that it holds: bucket {bucket}", highlight=False)


def _ask(console: Console, stage: str) -> None:
    try:
        typed = console.input(f"Type the stage's name ({stage}) to go on: ")
    except EOFError:
        typed = ""
    if typed.strip() != stage:
        raise CannotBeDone("Nothing was deleted; where nobody can type, say --yes.")


def _show(console: Console, stage: str, left: Sequence[str]) -> None:
    if left:
        console.print(f"Still there of stage {stage}:", highlight=False)
    else:
        console.print(f"Nothing is left of stage {stage}.", highlight=False)
    for line in left:
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    console.print(ELSEWHERE, highlight=False, soft_wrap=True)


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
