"""Where each parameter of a stack takes its value from, so that nobody copies any by hand."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_operations.account import CannotBeDone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "DEFAULT",
    "DERIVED",
    "KEPT",
    "Source",
    "Value",
    "derived_names",
    "missing",
    "refused",
    "stage_settings",
    "unknown",
    "wire",
]

KEPT = "the stack, as it is"
DEFAULT = "the template's default"
DERIVED = "stage, account and region"


@dataclass(frozen=True)
class Source:
    """Something that has values for parameters, by their names."""

    name: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Value:
    """A parameter's value, and where it is from."""

    value: str
    source: str


def wire(
    template: Mapping[str, Any], sources: Sequence[Source], kept: Mapping[str, str]
) -> dict[str, Value]:
    """A value for each parameter of a template, but those that are missing.

    Args:
        template: With the parameters.
        sources: The first one that has the name is taken; the last one has names that are
            derived, and yields to what the stack has.
        kept: What the stack has.
    """
    *said, derived = sources
    found: dict[str, Value] = {}
    for name, declared in template.get("Parameters", {}).items():
        own = [Source(KEPT, kept)] if name in kept else []
        default = (
            [Source(DEFAULT, {name: str(declared["Default"])})] if "Default" in declared else []
        )
        for source in (*said, *own, derived, *default):
            if name in source.values:
                found[name] = Value(source.values[name], source.name)
                break
    return found


def missing(
    template: Mapping[str, Any], wired: Iterable[str], promised: Iterable[str]
) -> dict[str, str]:
    """Parameters without a value, and their descriptions.

    Args:
        template: With the parameters.
        wired: Those that have one.
        promised: Outputs of stacks that will be there by then.
    """
    there = {*wired, *promised}
    return {
        name: declared.get("Description", "")
        for name, declared in template.get("Parameters", {}).items()
        if name not in there
    }


def refused(template: Mapping[str, Any], wired: Mapping[str, Value]) -> dict[str, str]:
    """Values that CloudFormation would refuse when the stack's turn comes, and what it takes."""
    declared = template.get("Parameters", {})
    found = ((name, _refusal(declared[name], one.value)) for name, one in wired.items())
    return {name: why for name, why in found if why}


def _refusal(declared: Mapping[str, Any], value: str) -> str:
    allowed = [str(one) for one in declared.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"is none of {', '.join(allowed)}"
    pattern = declared.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        return f"does not match {pattern}"
    if declared["Type"] == "Number":
        return _no_number(declared, value)
    return ""


def _no_number(declared: Mapping[str, Any], value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return "is no number"
    if number < declared.get("MinValue", number):
        return f"is less than {declared['MinValue']}"
    if number > declared.get("MaxValue", number):
        return f"is more than {declared['MaxValue']}"
    return ""


def unknown(settings: Iterable[str], templates: Iterable[Mapping[str, Any]]) -> list[str]:
    """Settings that no template has a parameter for: most likely misspelt."""
    known = {name for template in templates for name in template.get("Parameters", {})}
    return sorted(set(settings) - known)


def derived_names(stage: str, account: str, region: str) -> Source:
    """Names that have to be the only ones in the world, from stage, account and region."""
    kinds = {"ArtifactBucket": "artifacts", "ReportBucket": "reports", "UploadBucket": "uploads"}
    names = {name: f"scones-{stage}-{kind}-{account}-{region}" for name, kind in kinds.items()}
    return Source(DERIVED, {"Stage": stage, **names})


def stage_settings(root: Path, stage: str) -> Source:
    """What stages/<stage>.toml says; nothing where there is no such file.

    Raises:
        CannotBeDone: It is no TOML, or has something else than names and plain values.
    """
    path = root / "stages" / f"{stage}.toml"
    name = str(path.relative_to(root))
    if not path.exists():
        return Source(name, {})
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CannotBeDone(f"{name} is no TOML: {error}.") from error
    for key, value in settings.items():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise CannotBeDone(f'{name}: {key} must be a number or a text, as "true".')
    return Source(name, {key: str(value) for key, value in settings.items()})
