"""What a deployment is going to do, found out and checked before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    refused,
    stage_settings,
    unknown,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from scones_operations.stacks.cloudformation import Stack

__all__ = ["DECIDED", "Plan", "make_plan", "stage_stacks"]

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
_VERSIONS = "`scones-ops release` and `scones-ops rollback`"
DECIDED = {
    "Stage": "--stage",
    "Architecture": "--arch",
    "AtOnce": _VERSIONS,
    "LiveVersion": _VERSIONS,
    "PreviousVersion": _VERSIONS,
}
"""Parameters that nobody sets, and what decides them."""


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
        taken_over: Buckets that an earlier stage left, by the parts whose stacks get them.
        skipped: Why an optional part is left out; empty when none is.
    """

    root: Path
    stage: str
    rows: tuple[tuple[str, ...], ...]
    templates: Mapping[str, Mapping[str, Any]]
    said: tuple[Source, ...]
    derived: Source
    taken_over: Mapping[str, str] = field(default_factory=dict)
    skipped: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts to deploy, in order."""
        return tuple(part for row in self.rows for part in row)

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
        CannotBeDone: A parameter has no value, or one that its template does not take, or a setting
            has no parameter; all of a kind are named.
    """
    wanted = tuple(only)
    said = (Source("--set", settings), stage_settings(root, stage))
    templates = {part: read_template(template_path(root, part)) for part in PARTS}
    for source in said:
        _check_names(source, templates)
    stacks = stage_stacks(stage)
    plan = Plan(root, stage, _rows(wanted), templates, said, _derived(stage))
    lacking = _lacking(plan, stacks)
    if OPTIONAL in lacking and not wanted:
        skipped = f"{OPTIONAL} is left out:\n{_listed({OPTIONAL: lacking.pop(OPTIONAL)})}"
        plan = replace(plan, rows=_rows(set(PARTS) - {OPTIONAL}), skipped=skipped)
    if lacking:
        raise CannotBeDone(
            f"Nothing was deployed, for some parameters have no value.\n{_listed(lacking)}\n"
            f"Give them by --set NAME=VALUE or in {said[1].name}."
        )
    if impossible := list(_impossible(plan, stacks)):
        lines = "\n".join(impossible)
        raise CannotBeDone(f"Nothing was deployed, for some values are not taken.\n{lines}")
    return replace(plan, taken_over=_left_behind(plan, stacks)), stacks


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


def _check_names(source: Source, templates: Mapping[str, Mapping[str, Any]]) -> None:
    if names := unknown(source.values, templates.values()):
        raise CannotBeDone(
            f"{source.name}: no template has a parameter {', '.join(names)}. "
            "`scones-ops deploy --dry-run` lists all that there are."
        )
    for name in source.values:
        if name in DECIDED:
            raise CannotBeDone(f"{source.name}: {name} is decided by {DECIDED[name]}.")


def _before(part: str) -> Iterable[str]:
    row = next(number for number, parts in enumerate(ORDER) if part in parts)
    return (ENDPOINT, *(earlier for parts in ORDER[:row] for earlier in parts))


def _kept(part: str, stacks: Mapping[str, Stack]) -> Mapping[str, str]:
    return stacks[part].parameters if part in stacks else {}


def _lacking(plan: Plan, stacks: Mapping[str, Stack]) -> dict[str, dict[str, str]]:
    """For each part the parameters that will have no value, and their descriptions."""
    lacking = {}
    for part in plan.parts:
        to_come = set(plan.parts) & set(_before(part))
        promised = {name for one in to_come for name in plan.templates[one].get("Outputs", {})}
        wired = plan.wire(part, stacks)
        if names := missing(plan.templates[part], wired, promised):
            lacking[part] = names
    return lacking


def _impossible(plan: Plan, stacks: Mapping[str, Stack]) -> Iterator[str]:
    for part in plan.parts:
        wired = plan.wire(part, stacks)
        for name, why in refused(plan.templates[part], wired).items():
            given = wired[name]
            yield f"  {part}: {name} is {given.value!r} ({given.source}), which {why}"


def _left_behind(plan: Plan, stacks: Mapping[str, Stack]) -> dict[str, str]:
    """Buckets that are there although the stack that shall have them is not, by its part."""
    named = {
        part: plan.wire(part, stacks)[parameter].value
        for part, parameter in BUCKETS.items()
        if part in plan.parts and part not in stacks
    }
    return {part: bucket for part, bucket in named.items() if is_there(bucket)}


def _listed(lacking: Mapping[str, Mapping[str, str]]) -> str:
    lines = []
    for part, names in lacking.items():
        for name, description in names.items():
            advice = f" ({ADVICE[name]})" if name in ADVICE else ""
            lines.append(f"  {part} needs {name}: {description}{advice}")
    return "\n".join(lines)
