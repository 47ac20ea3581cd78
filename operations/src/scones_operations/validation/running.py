"""Rules of what runs: functions and state machines, bounded, traced, and logged for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scones_operations.validation.templates import branches, of_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["endless_logs", "silent_machines", "unbounded_functions", "unlogged_functions"]

_MACHINES = {
    "AWS::Serverless::StateMachine": ("Role", "Tracing", "Logging"),
    "AWS::StepFunctions::StateMachine": (
        "RoleArn", "TracingConfiguration", "LoggingConfiguration",
    ),
}  # fmt: skip


def endless_logs(body: Mapping[str, Any]) -> Iterator[str]:
    """Log groups that forget nothing, and are billed for it for ever."""
    for name, group in of_type(body, "AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group:
            yield f"{name}: it has no RetentionInDays"


def unlogged_functions(body: Mapping[str, Any]) -> Iterator[str]:
    """Functions whose log group Lambda would make, without an end."""
    groups = {name for name, _ in of_type(body, "AWS::Logs::LogGroup")}
    taken: set[str] = set()
    for name, function in of_type(body, "AWS::Serverless::Function", "AWS::Lambda::Function"):
        group = function.get("LoggingConfig", {}).get("LogGroup", {})
        own = group.get("Ref") if isinstance(group, dict) else None
        if own not in groups or own in taken:
            yield f"{name}: its LoggingConfig names no log group of its own in this template"
        taken.add(str(own))


def unbounded_functions(body: Mapping[str, Any]) -> Iterator[str]:
    """Functions without a limit, a trace or a role of their own."""
    for name, _ in of_type(body, "AWS::Lambda::Function"):
        yield f"{name}: write it as AWS::Serverless::Function, which these rules know"
    for name, function in of_type(body, "AWS::Serverless::Function"):
        for wanted in ("Timeout", "MemorySize", "ReservedConcurrentExecutions", "Role"):
            if not list(branches(function.get(wanted))):
                yield f"{name}: it has no {wanted}"
        if set(branches(function.get("Tracing", ""))) != {"Active"}:
            yield f"{name}: its Tracing is not Active"


def silent_machines(body: Mapping[str, Any]) -> Iterator[str]:
    """State machines that leave neither trace nor log, or have a role that SAM thinks up."""
    for type_, (role, tracing, logging) in _MACHINES.items():
        for name, machine in of_type(body, type_):
            if machine.get(tracing, {}).get("Enabled") is not True:
                yield f"{name}: {tracing} is not Enabled: true"
            told = machine.get(logging, {})
            if told.get("Level", "OFF") == "OFF" or not told.get("Destinations"):
                yield f"{name}: {logging} has no Level, or no Destinations"
            if role not in machine:
                yield f"{name}: it has no {role}"
