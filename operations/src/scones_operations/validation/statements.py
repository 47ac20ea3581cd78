"""The statements of all policies of a template, wherever they stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from scones_operations.validation.templates import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["KEY", "RESOURCE", "ROLE", "TRUST", "Statement", "find_statements", "unexplained_stars"]

ROLE = "what a role may do"
TRUST = "who may take a role"
KEY = "who may use a key"
RESOURCE = "who may use a resource"
_ROLES = {
    "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy",
    "AWS::Serverless::Function", "AWS::Serverless::StateMachine",
}  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; of an `Fn::If` there are two.

    Attributes:
        where: Its resource, its policy and its Sid, as far as they have names.
        kind: ROLE, TRUST, KEY or RESOURCE.
        of: Type of the resource that the policy belongs to.
        body: Effect, Action and so on.
    """

    where: str
    kind: str
    of: str
    body: Mapping[str, Any]

    @property
    def allows(self) -> bool:
        """Whether it gives rights; the others take them away."""
        return bool(self.body["Effect"] == "Allow")

    @property
    def actions(self) -> list[str]:
        """The actions it names."""
        return listed(self.body.get("Action", []))


def find_statements(body: Mapping[str, Any]) -> Iterator[Statement]:
    """Every statement of every policy of a template."""
    for name, resource in body.get("Resources", {}).items():
        yield from _below(resource.get("Properties", {}), name, _kind(resource["Type"]), resource)


def _kind(type_: str) -> str:
    if type_ in _ROLES:
        return ROLE
    return KEY if type_ == "AWS::KMS::Key" else RESOURCE


def _below(value: Any, where: str, kind: str, resource: Mapping[str, Any]) -> Iterator[Statement]:  # noqa: ANN401 - any JSON
    """Walk down to everything that has statements, and remember the names on the way."""
    if isinstance(value, list):
        for one in value:
            yield from _below(one, where, kind, resource)
    if not isinstance(value, dict):
        return
    if isinstance(value.get("PolicyName"), str):
        where = f"{where} {value['PolicyName']}"
    for statement in listed(value.get("Statement")):
        named = f"{where}/{statement['Sid']}" if "Sid" in statement else where
        yield Statement(named, kind, resource["Type"], statement)
    for key, one in value.items():
        if key != "Statement":
            inner = TRUST if key == "AssumeRolePolicyDocument" else kind
            yield from _below(one, where, inner, resource)


def unexplained_stars(text: str) -> Iterator[str]:
    """Statements of a template's text that allow something on `*` with no comment beside them."""
    lines = text.splitlines()
    tree = yaml.compose(text, yaml.SafeLoader)
    for node in _mappings(tree) if tree else ():
        values = {key.value: value for key, value in node.value}
        if getattr(values.get("Effect"), "value", None) != "Allow" or not _names_star(values):
            continue
        first, last = node.start_mark.line, _last_line(node)
        while first and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        if not any(_has_comment(line) for line in lines[first : last + 1]):
            yield f"line {node.start_mark.line + 1}: `*` has no reason beside it; write a comment"


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _mappings(one)


def _names_star(values: Mapping[str, yaml.Node]) -> bool:
    resource = values.get("Resource")
    named = resource.value if isinstance(resource, yaml.SequenceNode) else [resource]
    return any(isinstance(one, yaml.ScalarNode) and one.value == "*" for one in named)


def _last_line(node: yaml.Node) -> int:
    """Of what is written; the node itself ends where the next begins, below that one's comments."""
    if isinstance(node, yaml.MappingNode):
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value:
        return _last_line(node.value[-1])
    line: int = node.end_mark.line
    return line


def _has_comment(line: str) -> bool:
    return line.lstrip().startswith("#") or " # " in line
