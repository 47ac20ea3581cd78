"""Create or change all stacks of a stage, in order, wired to one another."""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from scones_operations.account import client, run
from scones_operations.building.build import build_service
from scones_operations.building.source import pack_source
from scones_operations.building.targets import ARCHITECTURES
from scones_operations.progress import telling
from scones_operations.releasing.artifacts import upload
from scones_operations.releasing.history import commit_of, uncommitted
from scones_operations.releasing.publication import publish_service
from scones_operations.repository import SERVICES, find_package, find_root
from scones_operations.stacks.cloudformation import apply_stack, stack_name
from scones_operations.stacks.parts import PARTS, template_path
from scones_operations.stacks.plan import make_plan
from scones_operations.stacks.wiring import DEFAULT, KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scones_operations.building.build import Zip
    from scones_operations.stacks.cloudformation import Stack
    from scones_operations.stacks.plan import Plan

__all__ = ["main"]

OF_PUBLISHING = {"Architecture", "AtOnce", "LiveVersion", "PreviousVersion"}
"""Parameters that publishing a version decides."""


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
    console = Console()
    plan, stacks = make_plan(find_root(), options.stage, options.only, dict(options.set))
    if plan.skipped:
        console.print(plan.skipped, highlight=False, soft_wrap=True)
    if options.dry_run:
        _show_plan(console, plan, stacks)
        return 0
    with telling(console, f"Deploying stage {plan.stage} ...") as tell:
        _carry_out(plan, stacks, Manner(options.arch, options.source), tell)
    _show_stacks(console, plan, stacks)
    if options.json:
        options.json.write_text(json.dumps(_outputs(stacks), indent=2), encoding="utf-8")
    return 0


def _carry_out(
    plan: Plan, stacks: dict[str, Stack], manner: Manner, tell: Callable[[str], None]
) -> None:
    """Deploy row by row, putting what comes of it into `stacks`."""
    for service in ("cloudformation", "lambda", "s3"):
        client(service)  # boto3 makes clients in one thread only
    with ThreadPoolExecutor() as pool:
        for row in plan.rows:
            deploy = partial(_deploy_part, plan, dict(stacks), manner, tell)
            stacks.update(zip(row, pool.map(deploy, row), strict=True))


def _deploy_part(
    plan: Plan,
    stacks: Mapping[str, Stack],
    manner: Manner,
    tell: Callable[[str], None],
    part: str,
) -> Stack:
    template, parameters = plan.templates[part], _given(plan, part, stacks)
    if part not in SERVICES:
        uploaded = _with_definitions(plan, part, tell)
        return apply_stack(stack_name(plan.stage, part), uploaded, parameters, tell)
    built = _build(plan.root, part, manner)
    commit = _commit(plan.root, part)
    return publish_service(plan.stage, built, template, parameters, commit, tell).stack


def _given(plan: Plan, part: str, stacks: Mapping[str, Stack]) -> dict[str, str]:
    """Parameters to send: what the stack has and the template's defaults need not be."""
    silent = OF_PUBLISHING if part in SERVICES else set()
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


def _outputs(stacks: Mapping[str, Stack]) -> dict[str, str]:
    return {name: value for stack in stacks.values() for name, value in stack.outputs.items()}


def _show_plan(console: Console, plan: Plan, stacks: Mapping[str, Stack]) -> None:
    for part in (part for row in plan.rows for part in row):
        name = stack_name(plan.stage, part)
        table = Table("parameter", "value", "from", title=name, title_justify="left")
        wired = plan.wire(part, stacks)
        for parameter in plan.templates[part].get("Parameters", {}):
            if parameter in wired:
                table.add_row(parameter, wired[parameter].value, wired[parameter].source)
            else:
                table.add_row(parameter, "", "output of a stack that is not there yet")
        console.print(table)


def _show_stacks(console: Console, plan: Plan, stacks: Mapping[str, Stack]) -> None:
    table = Table("stack", "status", "live version")
    for part in (part for row in plan.rows for part in row):
        stack = stacks[part]
        table.add_row(stack.name, stack.status, stack.parameters.get("LiveVersion", ""))
    console.print(table)
    outputs = _outputs(stacks)
    if "UploadBucket" in outputs:
        console.print(
            f"Photos go to s3://{outputs['UploadBucket']}/incoming/",
            highlight=False,
            soft_wrap=True,
        )


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
