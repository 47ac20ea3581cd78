"""Resolves a CloudFormation template for some parameters, as CloudFormation does."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
}
NOTHING = object()


class _CloudFormation(yaml.SafeLoader):
    """Reads !Sub and the like as their long forms."""


def _long_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(tag)
    return {tag if tag in {"Ref", "Condition"} else f"Fn::{tag}": value}


_CloudFormation.add_multi_constructor("!", _long_form)


@cache
def _parsed(text: str) -> Any:
    """The template; it is only ever read, and takes long to parse."""
    return yaml.load(text, _CloudFormation)  # noqa: S506 - a SafeLoader


class Template:
    """A template with its parameters; what resources are called is asked of `attribute`.

    `attribute(resource, name)` gives a GetAtt, and for the name "" a Ref.
    """

    def __init__(
        self,
        text: str,
        parameters: dict[str, str],
        attribute: Callable[[str, str], str] = lambda resource, name: f"<{resource}.{name}>",
    ) -> None:
        self.whole = _parsed(text)
        self.attribute = attribute
        self.values = PSEUDO | {
            name: _typed(one, parameters.get(name, one.get("Default")))
            for name, one in self.whole["Parameters"].items()
        }

    def resources(self) -> dict[str, Any]:
        """Those whose condition holds, unresolved, each after those it needs."""
        present = {
            name: one
            for name, one in self.whole["Resources"].items()
            if "Condition" not in one or self.holds(one["Condition"])
        }
        ordered: dict[str, Any] = {}

        def add(name: str) -> None:
            for needed in self.needs(present[name]):
                if needed in present and needed not in ordered:
                    add(needed)
            ordered.setdefault(name, present[name])

        for name in present:
            add(name)
        return ordered

    def needs(self, resource: Any) -> set[str]:
        after = resource.get("DependsOn", [])
        return {*([after] if isinstance(after, str) else after), *_named(resource["Properties"])}

    def properties(self, name: str) -> Any:
        return self.resolve(self.whole["Resources"][name]["Properties"])

    def outputs(self) -> dict[str, str]:
        return {
            name: str(self.resolve(one["Value"]))
            for name, one in self.whole["Outputs"].items()
            if "Condition" not in one or self.holds(one["Condition"])
        }

    def holds(self, condition: str) -> bool:
        return bool(self.resolve(self.whole["Conditions"][condition]))

    def resolve(self, part: Any) -> Any:
        if isinstance(part, list):
            return [one for one in map(self.resolve, part) if one is not NOTHING]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            ((name, argument),) = part.items()
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                return getattr(self, f"_{name[4:].lower()}")(argument)
        resolved = {name: self.resolve(value) for name, value in part.items()}
        return {name: value for name, value in resolved.items() if value is not NOTHING}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        return self.attribute(name, "") if name in self.whole["Resources"] else self.values[name]

    def _getatt(self, name: str) -> str:
        resource, _, attribute = name.partition(".")
        return self.attribute(resource, attribute)

    def _sub(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            return self._getatt(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def _if(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self.resolve(yes if self.holds(condition) else no)

    def _equals(self, argument: list[Any]) -> bool:
        one, other = self.resolve(argument)
        return str(one) == str(other)

    def _not(self, argument: list[Any]) -> bool:
        return not self.resolve(argument)[0]


def _typed(declared: Any, value: Any) -> Any:
    """Numbers are numbers to the services, which a parameter's text is not."""
    if declared["Type"] != "Number":
        return value
    number = float(value)
    return int(number) if number.is_integer() else number


def _named(part: Any) -> Iterator[str]:
    """Names that a part refers to: resources, and parameters too."""
    if isinstance(part, list):
        for one in part:
            yield from _named(one)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in ("Ref", "Fn::GetAtt"):
                yield value.partition(".")[0]
            elif name == "Fn::Sub":
                yield from (
                    found.partition(".")[0] for found in re.findall(r"\$\{([^}]+)\}", value)
                )
            else:
                yield from _named(value)
