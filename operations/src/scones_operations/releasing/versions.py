"""Which versions the functions of a stage have, and which of them answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from scones_operations.account import client
from scones_operations.repository import SERVICES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Version", "compare", "function_name", "live_versions", "published", "traffic"]

_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Version:
    """A published version of a function.

    Attributes:
        number: What Lambda calls it: 1, 2, ...
        description: `<service> <version> git <commit> zip <sha256>`.
        changed: When, in UTC, as Lambda writes it.
    """

    number: str
    description: str
    changed: str

    def __str__(self) -> str:
        return f"{self.number}: {_SHA256.sub(lambda found: found[0][:12], self.description)}"


def function_name(stage: str, service: str) -> str:
    """Name of a service's function, as its template gives it."""
    return f"scones-{stage}-{service}"


def published(function: str) -> list[Version]:
    """The function's versions, the oldest first."""
    pages = client("lambda").get_paginator("list_versions_by_function")
    found = [
        Version(one["Version"], one["Description"], one["LastModified"])
        for page in pages.paginate(FunctionName=function)
        for one in page["Versions"]
        if one["Version"] != "$LATEST"
    ]
    return sorted(found, key=lambda one: int(one.number))


def live_versions(stage: str) -> dict[str, Version | None]:
    """What each service's alias points to; None where there is no alias."""
    return {service: _live(function_name(stage, service)) for service in SERVICES}


def traffic(function: str) -> str:
    """Who gets the alias' calls: `version 4`, `version 4 (version 5 gets 10 %)`, `no version`."""
    lambdas = client("lambda")
    try:
        alias = lambdas.get_alias(FunctionName=function, Name="live")
    except lambdas.exceptions.ResourceNotFoundException:
        return "no version"
    shares = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    new = "".join(f" (version {number} gets {share:.0%})" for number, share in shares.items())
    return f"version {alias['FunctionVersion']}{new}"


def compare(before: Mapping[str, Version | None], after: Mapping[str, Version | None]) -> Table:
    """A table of what was live before and what is live now."""
    table = Table("service", "live before", "live now", box=box.SIMPLE)
    for service, now in after.items():
        then = before[service]
        table.add_row(service, str(then or "-"), "the same" if then == now else str(now or "-"))
    return table


def _live(function: str) -> Version | None:
    lambdas = client("lambda")
    try:
        told = lambdas.get_function_configuration(FunctionName=function, Qualifier="live")
    except lambdas.exceptions.ResourceNotFoundException:
        return None
    return Version(told["Version"], told["Description"], told["LastModified"])
