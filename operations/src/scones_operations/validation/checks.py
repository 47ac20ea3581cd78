"""The checks that `scones-ops validate` makes, each a name and what finds its faults."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from scones_operations.account import Failed
from scones_operations.building.sam import check_with_sam
from scones_operations.repository import SERVICES
from scones_operations.stacks.parts import PARTS, template_path
from scones_operations.validation import linting
from scones_operations.validation.definitions import find_machines
from scones_operations.validation.rules import MACHINE_RULES, POLICY_RULES, RULES, TEXT_RULES
from scones_operations.validation.stages import faults_of_stage
from scones_operations.validation.stored import secrets
from scones_operations.validation.templates import TRANSFORM, Template
from scones_operations.validation.translation import CannotBeTranslated, translate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from scones_operations.validation.definitions import Machine

__all__ = ["Check", "find_checks"]


@dataclass(frozen=True)
class Check:
    """One thing to look at.

    Attributes:
        name: What is shown.
        find: Gives a sentence for each fault; raises `CannotBeDone` where this machine lacks
            something.
    """

    name: str
    find: Callable[[], Iterable[str]]


def find_checks(root: Path, templates: Sequence[Template]) -> list[Check]:
    """Everything to look at in the repository at `root`, the quick things first."""
    machines = [machine for template in templates for machine in find_machines(root, template)]
    return [
        *_by_rules(templates, machines),
        Check("secrets: none in workflows and stages", partial(_secrets, root)),
        Check("stages: what is set is a stack's parameter", partial(_stages, root, templates)),
        Check("workflows: GitHub's schema", partial(_workflows, root)),
        Check("workflows: zizmor", partial(linting.lint_workflows, root)),
        Check("policies: the same after SAM's translation", partial(_translated, templates)),
        Check(
            "cfn-lint: templates, SAM's translations, state machines",
            partial(_lint, root, templates, machines),
        ),
        *(
            Check(f"sam validate, build, invoke: {service}", partial(_sam, root, service))
            for service in SERVICES
        ),
    ]


def _by_rules(templates: Sequence[Template], machines: Sequence[Machine]) -> Iterator[Check]:
    for name, rule in RULES.items():
        yield Check(name, partial(_each, rule, {str(one.path): one.body for one in templates}))
    for name, text_rule in TEXT_RULES.items():
        yield Check(name, partial(_each, text_rule, {str(one.path): one.text for one in templates}))
    for name, machine_rule in MACHINE_RULES.items():
        yield Check(name, partial(_of_machines, machine_rule, machines))


def _each(rule: Callable[[Any], Iterator[str]], looked_at: Mapping[str, Any]) -> Iterator[str]:
    for place, one in looked_at.items():
        yield from (f"{place}: {fault}" for fault in rule(one))


def _of_machines(
    rule: Callable[[Machine], Iterator[str]], machines: Iterable[Machine]
) -> Iterator[str]:
    for machine in machines:
        yield from rule(machine)


def _secrets(root: Path) -> Iterator[str]:
    places = (".github/workflows/*", "stages/*", "orchestration/*.json")
    paths = sorted(path for place in places for path in root.glob(place))
    texts = {str(path.relative_to(root)): path.read_text("utf-8") for path in paths}
    return _each(secrets, texts)


def _stages(root: Path, templates: Sequence[Template]) -> Iterator[str]:
    deployed = {template_path(root, part) for part in PARTS}
    wired = [template for template in templates if root / template.path in deployed]
    for path in sorted((root / "stages").glob("*.toml")):
        found = faults_of_stage(tomllib.loads(path.read_text("utf-8")), wired)
        yield from (f"stages/{path.name}: {fault}" for fault in found)


def _workflows(root: Path) -> Iterator[str]:
    schema = linting.read_workflow_schema()
    for path in sorted((root / ".github" / "workflows").iterdir()):
        found = linting.differences_from_schema(path.read_text("utf-8"), schema)
        yield from (f"{path.relative_to(root)}: {fault}" for fault in found)


def _translated(templates: Iterable[Template]) -> Iterator[str]:
    for template in _of_sam(templates):
        try:
            made = translate(template.body)
        except CannotBeTranslated as error:
            yield f"{template.path}: {error}"
        else:
            for rule in POLICY_RULES.values():
                yield from _each(rule, {str(template.path): made})


def _lint(root: Path, templates: Sequence[Template], machines: Iterable[Machine]) -> Iterable[str]:
    try:
        made = {str(one.path): translate(one.body) for one in _of_sam(templates)}
    except CannotBeTranslated:  # which is the finding of another check
        made = {}
    return linting.lint_templates(root, templates, made, machines)


def _of_sam(templates: Iterable[Template]) -> Iterator[Template]:
    return (template for template in templates if template.body.get("Transform") == TRANSFORM)


def _sam(root: Path, service: str) -> Iterator[str]:
    try:
        check_with_sam(root, service, linting.program("sam"))
    except Failed as error:
        yield str(error)
