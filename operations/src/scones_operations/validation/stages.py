"""The files of stages: what they name must be a template's parameter, and may be its value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scones_operations.validation.templates import Template

__all__ = ["faults_of_stage"]


def faults_of_stage(settings: Mapping[str, object], templates: Iterable[Template]) -> Iterator[str]:
    """What a stage sets that no template has, or that a template refuses."""
    parameters = [
        (template.path, name, parameter)
        for template in templates
        for name, parameter in template.body.get("Parameters", {}).items()
    ]
    for name in sorted(settings.keys() - {name for _, name, _ in parameters}):
        yield f"no template has a parameter {name}"
    for path, name, parameter in parameters:
        if name in settings and not _takes(parameter, str(settings[name])):
            yield f"{path} does not take {settings[name]!r} for {name}"


def _takes(parameter: Mapping[str, Any], value: str) -> bool:
    """As CloudFormation decides it."""
    if value not in [str(one) for one in parameter.get("AllowedValues", [value])]:
        return False
    if parameter["Type"] == "Number":
        least, most = (float(parameter.get(end, value)) for end in ("MinValue", "MaxValue"))
        return least <= float(value) <= most
    return bool(re.fullmatch(parameter.get("AllowedPattern", ".*"), value))
