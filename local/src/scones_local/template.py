"""Read SAM templates as AWS does: CloudFormation's YAML, then the serverless transform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from samtranslator.translator.transform import transform

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["read_template", "translate"]


class _TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short function names."""


def _function(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has these three
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _function)


class _ManagedPolicies:
    """AWS's managed policies by name, for which the translator would ask IAM: we use none."""

    def load(self) -> Mapping[str, str]:
        return {}


def read_template(path: Path) -> dict[str, Any]:
    """Read a template with its short function names spelled out."""
    template = yaml.load(path.read_text(), Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader
    assert isinstance(template, dict)  # noqa: S101
    return template


def translate(template: dict[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Turn `AWS::Serverless::*` resources into what CloudFormation itself knows."""
    translated: dict[str, Any] = transform(template, dict(parameters), _ManagedPolicies())
    return translated
