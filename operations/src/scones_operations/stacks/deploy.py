"""Create or change all stacks of a stage, in order, wired to one another."""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from scones_operations.account import Failed, client, run
from scones_operations.building.build import build_service
from scones_operations.building.source import pack_source
from scones_operations.building.targets import ARCHITECTURES
from scones_operations.progress import telling
from scones_operations.releasing.artifacts import upload
from scones_operations.releasing.history import commit_of, uncommitted
from scones_operations.releasing.publication import publish_service
from scones_operations.repository import SERVICES, find_package, find_root
from scones_operations.stacks.cloudformation import Stack, apply_stack, stack_name
from scones_operations.stacks.parts import BUCKETS, PARTS, template_path
from scones_operations.stacks.plan import DECIDED, make_plan
from scones_operations.stacks.showing import outputs, show_plan, show_stacks
from scones_operations.stacks.takeover import take_over
from scones_operations.stacks.wiring import DEFAULT, KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scones_operations.building.build import Zip
    from scones_operations.stacks.plan import Plan

__all__ = ["main"]

PLAIN_WIDTH = 180
"""Columns where the output is no terminal, so that names stay whole."""


@dataclass(frozen=True)
class Manner:
    """How services become zips.

    Attributes:
        arch: What for.
        source: Only a service's own modules, for where its dependencies are installed.
    """

    arch: str
    source: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(argv)
    return run(lambda: _deploy(options))


def _deploy(options: argparse.Namespace) -> int:
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    plan, stacks = make_plan(find_root(), options.stage, options.only, dict(options.set))
    if plan.skipped:
        console.print(plan.skipped, markup=False, highlight=False, soft_wrap=True)
    if options.dry_run:
        show_plan(console, plan, stacks)
        return 0
    before = dict(stacks)
    with telling(console, f"Deploying stage {plan.stage} ...") as tell:
        _carry_out(plan, stacks, Manner(options.arch, options.source), tell)
    show_stacks(console, plan, before, stacks)
    if options.json:
        options.json.write_text(json.dumps(outputs(stacks), indent=2), encoding="utf-8")
    return 0


def _carry_out(
    plan: Plan, stacks: dict[str, Stack], manner: Manner, tell: Callable[[str], None]
) -> None:
    """Deploy row by row, putting what comes of it into `stacks`."""
    for service in ("cloudformation", "lambda", "s3"):
        client(service)  # boto3 makes clients in one thread only
    with ThreadPoolExecutor() as pool:
        for row in plan.rows:
            attempt = partial(_attempt, partial(_deploy_part, plan, dict(stacks), manner, tell))
            done = dict(zip(row, pool.map(attempt, row), strict=True))
            if failures := [str(one) for one in done.values() if isinstance(one, Failed)]:
                raise Failed("\n".join(failures))
            stacks.update({part: one for part, one in done.items() if isinstance(one, Stack)})


def _attempt(deploy: Callable[[str], Stack], part: str) -> Stack | Failed:
    """So that of several parts that fail at the same time each tells why."""
    try:
        return deploy(part)
    except Failed as error:
        return error


def _deploy_part(
    plan: Plan,
    stacks: Mapping[str, Stack],
    manner: Manner,
    tell: Callable[[str], None],
    part: str,
) -> Stack:
    name, template = stack_name(plan.stage, part), plan.templates[part]
    parameters = _given(plan, part, stacks)
    if part in SERVICES:
        built = _build(plan.root, part, manner)
        commit = _commit(plan.root, part)
        return publish_service(plan.stage, built, template, parameters, commit, tell).stack
    if part in plan.taken_over:
        take_over(name, template, BUCKETS[part], plan.taken_over[part], tell)
    return apply_stack(name, _with_definitions(plan, part, tell), parameters, tell)


def _given(plan: Plan, part: str, stacks: Mapping[str, Stack]) -> dict[str, str]:
    """Parameters to send: what the stack has and the template's defaults need not be."""
    silent = DECIDED.keys() - {"Stage"} if part in SERVICES else set()
    return {
        name: wired.value
        for name, wired in plan.wire(part, stacks).items()
        if wired.source not in {KEPT, DEFAULT} and name not in silent
    }


def _build(root: Path, service: str, manner: Manner) -> Zip:
    if manner.source:
        return pack_source(root, service)
    return build_service(root, service, manner.arch)


def _commit(root: Path, service: str) -> str:
    """The commit that a zip was made of, with a plus when it was not all of it."""
    commit = commit_of(root)
    if commit is None:
        return "none"
    return commit[:7] + ("+" if uncommitted(root, find_package(root, service).folder) else "")


def _with_definitions(plan: Plan, part: str, tell: Callable[[str], None]) -> dict[str, Any]:
    """The template with its state machines' definitions at their places in S3."""
    template = copy.deepcopy(dict(plan.templates[part]))
    for resource in template["Resources"].values():
        name = resource.get("Properties", {}).get("DefinitionUri")
        if isinstance(name, str):
            path = template_path(plan.root, part).parent / name
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            place = upload(plan.stage, path, f"definitions/{digest}.json", tell)
            resource["Properties"]["DefinitionUri"] = place
    return template


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scones-ops deploy", description=__doc__)
    parser.add_argument(
        "--stage", default=os.environ.get("STAGE") or "dev", help="part of every name (dev)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=[], metavar="PART", help=", ".join(PARTS)
    )
    parser.add_argument(
        "--set", action="append", type=_setting, default=[], metavar="NAME=VALUE",
        help="a parameter of any template, before stages/<stage>.toml",
    )  # fmt: skip
    parser.add_argument(
        "--arch",
        choices=ARCHITECTURES,
        default=os.environ.get("ARCH") or "arm64",
        help="of the functions (arm64)",
    )
    parser.add_argument(
        "--source", action="store_true", help="without dependencies, for the local engine"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="for all stacks' outputs")
    parser.add_argument(
        "--dry-run", action="store_true", help="show each parameter and where it is from"
    )
    return parser
