"""Find the repository's templates, and read what intrinsic functions in them may become."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_operations.stacks.template import read_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["TRANSFORM", "Template", "branches", "find_templates", "listed", "of_type", "text_of"]

TRANSFORM = "AWS::Serverless-2016-10-31"
_MARK = "AWSTemplateFormatVersion:"
_NOTHING = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class Template:
    """One template.

    Attributes:
        path: Where it lies, below the repository's root.
        text: As it is written, with its comments.
        body: As it is read, short function names spelled out.
    """

    path: Path
    text: str
    body: Mapping[str, Any]


def find_templates(root: Path) -> list[Template]:
    """Every template of the repository, by path: found, so that none can be forgotten."""
    written = {path: path.read_text(encoding="utf-8") for path in _yaml_files(root)}
    return [
        Template(path.relative_to(root), text, read_template(path))
        for path, text in sorted(written.items())
        if text.startswith(_MARK)
    ]


def _yaml_files(root: Path) -> Iterator[Path]:
    for pattern in ("*/*.yaml", "*/*.yml", "services/*/*.yaml", "services/*/*.yml"):
        yield from root.glob(pattern)


def of_type(body: Mapping[str, Any], *types: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names and properties of a template's resources of these types."""
    for name, resource in body.get("Resources", {}).items():
        if resource["Type"] in types:
            yield name, resource.get("Properties", {})


def branches(value: Any) -> Iterator[Any]:  # noqa: ANN401 - a template's values are any JSON
    """What a value can be: both sides of each `Fn::If`, without the side that leaves it out."""
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        for one in value["Fn::If"][1:]:
            yield from branches(one)
    elif value != _NOTHING and value is not None:
        yield value


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - a template's values are any JSON
    """A value that may be one or a list, as the list of all that can be in it."""
    return [
        leaf
        for one in branches(value)
        for item in (one if isinstance(one, list) else [one])
        for leaf in branches(item)
    ]


def text_of(value: Any) -> str:  # noqa: ANN401 - a template's values are any JSON
    """A text as it is written, with `${...}` where the stack fills something in."""
    match value:
        case str():
            return value
        case {"Fn::Sub": [str(text), _]} | {"Fn::Sub": str(text)}:
            return text
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(text_of(part) for part in parts)
    return "${" + re.sub(r"\W+", " ", str(value)).strip() + "}"
