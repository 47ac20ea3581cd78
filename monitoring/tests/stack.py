"""The stack that template.yaml makes of its parameters, for tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

GIVEN: dict[str, Any] = {
    "EndpointName": "vehicles",
    "ImageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/scones/monitoring:1.0.0",
    "CaptureBucket": "captures-bucket",
    "ReportBucket": "reports-bucket",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
}
LONGEST_STAGE = "s" * 16
RUN = "d32c5kddcf5bb8c3"
"""An execution id as EventBridge Scheduler's documentation shows it."""
NOTHING = object()


class CloudFormation(yaml.SafeLoader):
    """Reads !Sub and the like as their long forms."""


def _long_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(tag)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


CloudFormation.add_multi_constructor("!", _long_form)


class Stack:
    """The template as CloudFormation would resolve it for some parameters."""

    def __init__(self, **parameters: str) -> None:
        text = (Path(__file__).parents[1] / "template.yaml").read_text(encoding="utf-8")
        self.template = yaml.load(text, CloudFormation)  # noqa: S506 - a SafeLoader
        defaults = {n: one.get("Default") for n, one in self.template["Parameters"].items()}
        self.values = {**defaults, **GIVEN, **parameters}
        self.resources: dict[str, Any] = {
            name: self.resolve(one)
            for name, one in self.template["Resources"].items()
            if "Condition" not in one or self.holds(one["Condition"])
        }

    def properties(self, name: str) -> Any:
        return self.resources[name]["Properties"]

    def holds(self, condition: str) -> bool:
        return bool(self.resolve(self.template["Conditions"][condition]))

    def resolve(self, part: Any) -> Any:
        if isinstance(part, list):
            return [one for one in map(self.resolve, part) if one is not NOTHING]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            ((name, argument),) = part.items()
            if name == "Ref":
                return self.ref(argument)
            if name.startswith("Fn::"):
                return getattr(self, f"fn_{name[4:].lower()}")(argument)
        resolved = {name: self.resolve(value) for name, value in part.items()}
        return {name: value for name, value in resolved.items() if value is not NOTHING}

    def ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in self.template["Resources"]:
            return self.values["ReportBucket"] if name == "Reports" else f"arn:aws:ref:::{name}"
        return self.values[name]

    def fn_getatt(self, name: str) -> str:
        return f"arn:aws:attribute:::{name}"

    def fn_sub(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in given:
                return str(self.resolve(given[name]))
            return self.fn_getatt(name) if "." in name else str(self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def fn_if(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self.resolve(yes if self.holds(condition) else no)

    def fn_equals(self, argument: list[Any]) -> bool:
        one, other = self.resolve(argument)
        return str(one) == str(other)

    def fn_not(self, argument: list[Any]) -> bool:
        return not self.resolve(argument)[0]

    def fn_findinmap(self, argument: list[Any]) -> Any:
        name, first, second = self.resolve(argument)
        return self.template["Mappings"][name][first][second]

    def fn_select(self, argument: list[Any]) -> Any:
        at, among = self.resolve(argument)
        return among[at]

    def fn_split(self, argument: list[Any]) -> list[str]:
        separator, text = self.resolve(argument)
        return str(text).split(separator)


EVERYTHING = {
    "InstanceCount": "3",
    "BaselineKey": "baseline/2026-11.json",
    "LabelPrefix": "labels",
    "CaptureKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/one",
    "AlarmEmail": "lead@example.com",
    "OwnProcessingLogs": "true",
    "ModelMonitorSchedule": "true",
}
STACKS = pytest.mark.parametrize("stack", [Stack(), Stack(**EVERYTHING)], ids=["default", "all"])
