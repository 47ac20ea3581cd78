"""What a deployment is going to do, found out and checked before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_operations.account import CannotBeDone, client
from scones_operations.stacks.cloudformation import find_stack, stack_name
from scones_operations.stacks.emptying import is_there
from scones_operations.stacks.parts import BUCKETS, ENDPOINT, ORDER, PARTS, template_path
from scones_operations.stacks.template import read_template
from scones_operations.stacks.wiring import (
    Source,
    Value,
    derived_names,
    missing,
    stage_settings,
    unknown,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from scones_operations.stacks.cloudformation import Stack

__all__ = ["Plan", "make_plan", "stage_stacks"]

OPTIONAL = "monitoring"
"""Needs an image, which only a machine with Docker can make: a stage works without it."""
ADVICE = {
    "EndpointName": "the endpoint's stack has it, so `make deploy GROUP=<model package group>` "
    "(register and approve a model first: model/README.md); an endpoint of your own is named by "
    "--set",
    "ImageUri": "build monitoring/Dockerfile and push it to ECR: monitoring/README.md",
    "CaptureBucket": "the endpoint's stack has it; of an endpoint of your own it is in its "
    "DataCaptureConfig",
}
"""Beside a parameter's description: where its value should have come from."""


@dataclass(frozen=True)
class Plan:
    """A deployment.

    Attributes:
        root: The repository.
        stage: What is deployed to.
        rows: Parts to deploy, those of a row together.
        templates: Of those parts.
        said: What the user set, then what the stage's file says.
        derived: Names that follow from stage, account and region.
        skipped: Why an optional part is left out; empty when none is.
    """

    root: Path
    stage: str
    rows: tuple[tuple[str, ...], ...]
    templates: Mapping[str, Mapping[str, Any]]
    said: tuple[Source, ...]
    derived: Source
    skipped: str

    def wire(self, part: str, stacks: Mapping[str, Stack]) -> dict[str, Value]:
        """The parameters of a part, when these are the stacks that are there by then."""
        return wire(self.templates[part], self._sources(part, stacks), _kept(part, stacks))

    def _sources(self, part: str, stacks: Mapping[str, Stack]) -> tuple[Source, ...]:
        outputs = (
            Source(f"output of {stacks[earlier].name}", stacks[earlier].outputs)
            for earlier in _before(part)
            if earlier in stacks
        )
        return (*self.said, *outputs, self.derived)


def make_plan(
    root: Path, stage: str, only: Iterable[str], settings: Mapping[str, str]
) -> tuple[Plan, dict[str, Stack]]:
    """Plan a deployment.

    Args:
        root: The repository.
        stage: What to deploy to.
        only: Parts to deploy; all when there are none.
        settings: Values for parameters, before all others.

    Returns:
        The plan, and the stage's stacks as they are.

    Raises:
        CannotBeDone: A parameter has no value, or a setting no parameter, all of which are named;
            or a bucket that a stack would create is there.
    """
    wanted = tuple(only)
    said = (Source("--set", settings), stage_settings(root, stage))
    templates = {part: read_template(template_path(root, part)) for part in PARTS}
    _refuse_unknown(said, templates)
    stacks = stage_stacks(stage)
    plan = Plan(root, stage, _rows(wanted), templates, said, _derived(stage), "")
    lacking = _lacking(plan, stacks)
    if OPTIONAL in lacking and not wanted:
        skipped = f"{OPTIONAL} is left out:\n{_listed({OPTIONAL: lacking.pop(OPTIONAL)})}"
        plan = Plan(
            root, stage, _rows(set(PARTS) - {OPTIONAL}), templates, said, plan.derived, skipped
        )
    if lacking:
        raise CannotBeDone(
            f"Nothing was deployed, for some parameters have no value.\n{_listed(lacking)}\n"
            f"Give them by --set NAME=VALUE or in {said[1].name}."
        )
    _refuse_taken(plan, stacks)
    return plan, stacks


def stage_stacks(stage: str) -> dict[str, Stack]:
    """The stacks of a stage that are there, by their parts."""
    found = {part: find_stack(stack_name(stage, part)) for part in (ENDPOINT, *PARTS)}
    return {part: stack for part, stack in found.items() if stack is not None}


def _rows(wanted: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    chosen = set(wanted) or set(PARTS)
    rows = (tuple(part for part in row if part in chosen) for row in ORDER)
    return tuple(row for row in rows if row)


def _derived(stage: str) -> Source:
    sts = client("sts")
    return derived_names(stage, sts.get_caller_identity()["Account"], sts.meta.region_name)


def _refuse_unknown(said: Iterable[Source], templates: Mapping[str, Mapping[str, Any]]) -> None:
    for source in said:
        if names := unknown(source.values, templates.values()):
            raise CannotBeDone(
                f"{source.name}: no template has a parameter {', '.join(names)}. "
                "`scones-ops deploy --dry-run` lists all that there are."
            )


def _before(part: str) -> Iterable[str]:
    row = next(number for number, parts in enumerate(ORDER) if part in parts)
    return (ENDPOINT, *(earlier for parts in ORDER[:row] for earlier in parts))


def _kept(part: str, stacks: Mapping[str, Stack]) -> Mapping[str, str]:
    return stacks[part].parameters if part in stacks else {}


def _lacking(plan: Plan, stacks: Mapping[str, Stack]) -> dict[str, dict[str, str]]:
    """For each part the parameters that will have no value, and their descriptions."""
    lacking = {}
    for part in (part for row in plan.rows for part in row):
        to_come = {earlier for row in plan.rows for earlier in row} & set(_before(part))
        promised = {name for one in to_come for name in plan.templates[one].get("Outputs", {})}
        wired = plan.wire(part, stacks)
        if names := missing(plan.templates[part], wired, promised):
            lacking[part] = names
    return lacking


def _refuse_taken(plan: Plan, stacks: Mapping[str, Stack]) -> None:
    for part, parameter in BUCKETS.items():
        if part in stacks or part not in {one for row in plan.rows for one in row}:
            continue
        bucket = plan.wire(part, stacks)[parameter].value
        if is_there(bucket):
            raise CannotBeDone(
                f"Bucket {bucket} is there, left by an earlier {plan.stage}, and no stack can take "
                f"it over: delete it by `scones-ops destroy --stage {plan.stage} --empty`, or "
                f"name another by --set {parameter}=..."
            )


def _listed(lacking: Mapping[str, Mapping[str, str]]) -> str:
    lines = []
    for part, names in lacking.items():
        for name, description in names.items():
            advice = f" ({ADVICE[name]})" if name in ADVICE else ""
            lines.append(f"  {part} needs {name}: {description}{advice}")
    return "\n".join(lines)
