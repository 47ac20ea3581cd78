"""What is deployed in a stage: endpoint, version, traffic, alarms, scaling, captures.

Exit status: 0 it is there, 1 AWS refused to tell, 2 nothing is deployed.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from scones_model.aws.account import client, run
from scones_model.aws.endpoint import (
    VARIANT,
    alarms,
    describe_endpoint,
    endpoint_name,
    fleets,
    package_of,
    rang_since,
)
from scones_model.aws.events import failures, latest_operation
from scones_model.aws.packages import read, short
from scones_model.aws.stack import Stack, existing_stack, stage_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["main", "status"]

_FIGURES = "test_"
"""What the names of a package's figures begin with."""


def main(argv: Sequence[str] | None = None) -> int:
    """Print it, for people or as JSON; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _show(options))


def _show(options: argparse.Namespace) -> int:
    told = status(options.stage)
    print(json.dumps(told, indent=2) if options.json else "\n".join(_lines(told)))
    return 0


def status(stage: str) -> dict[str, Any]:
    """Everything there is to tell, as JSON's kinds of values; raises NoStack."""
    stack = existing_stack(stage)
    return {
        "stage": stage,
        "stack": _stack(stack, stage),
        "endpoint": _endpoint(stage, stack),
        "package": _package(stack.parameters["ModelPackageArn"]),
        "previous": short(stack.parameters.get("PreviousModelPackageArn", "")) or None,
        "alarms": [asdict(alarm) for alarm in alarms(stage)],
        "scaling": _scaling(stage),
        "captures": _captures(stack, stage),
    }


def _stack(stack: Stack, stage: str) -> dict[str, Any]:
    """How the last deployment ended or goes, and what failed in it."""
    events = latest_operation(stack.arn)
    return {
        "name": stack.name,
        "status": stack.status,
        "since": f"{events[0].when:%Y-%m-%dT%H:%M:%SZ}",
        "failures": [
            *(f"{one.name} rang: {one.reason}" for one in rang_since(stage, events[0].when)),
            *(f"{event.resource}: {event.reason}" for event in failures(events)),
        ],
    }


def _endpoint(stage: str, stack: Stack) -> dict[str, Any] | None:
    """What SageMaker says; `as_deployed` is false when it runs another configuration."""
    endpoint = describe_endpoint(stage)
    if endpoint is None:
        return None
    runs = endpoint.get("EndpointConfigName", "")
    wanted = stack.outputs.get("EndpointConfigName", runs)
    return {
        "name": endpoint["EndpointName"],
        "status": endpoint["EndpointStatus"],
        "reason": endpoint.get("FailureReason"),
        "as_deployed": stack.busy or runs == wanted,
        "fleets": [
            {**asdict(fleet), "package": short(package_of(fleet.configuration)) or None}
            for fleet in fleets(endpoint)
        ],
    }


def _package(arn: str) -> dict[str, Any]:
    package = read(arn)
    figures = {k: v for k, v in package.facts.items() if k.startswith(_FIGURES)}
    return {
        "name": str(package),
        "arn": package.arn,
        "approval": package.approval,
        "reason": package.reason or None,
        "sha256": package.sha256 or None,
        "figures": {name.removeprefix(_FIGURES): float(value) for name, value in figures.items()},
    }


def _scaling(stage: str) -> dict[str, int] | None:
    """How many instances there may be; None when nothing scales."""
    found = client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker",
        ResourceIds=[f"endpoint/{endpoint_name(stage)}/variant/{VARIANT}"],
    )["ScalableTargets"]
    return {"min": found[0]["MinCapacity"], "max": found[0]["MaxCapacity"]} if found else None


def _captures(stack: Stack, stage: str) -> str | None:
    if "CaptureBucket" not in stack.outputs:
        return None
    prefix = stack.outputs["CapturePrefix"]
    return f"s3://{stack.outputs['CaptureBucket']}/{prefix}/{endpoint_name(stage)}/{VARIANT}"


# --- for people ----------------------------------------------------------------------------------


def _lines(told: dict[str, Any]) -> Iterable[str]:
    stack = told["stack"]
    yield f"stack      {stack['name']} {stack['status']}, begun {stack['since']}"
    yield from (f"           {failure}" for failure in stack["failures"])
    yield from _endpoint_lines(told["endpoint"])
    yield from _package_lines(told["package"])
    yield f"previous   {told['previous'] or '-'}"
    yield from (f"alarm      {one['name']} {one['state']}{_because(one)}" for one in told["alarms"])
    scaling = told["scaling"]
    yield "scaling    " + (
        f"{scaling['min']} to {scaling['max']} instances" if scaling else "no, always as many"
    )
    yield f"captures   {told['captures'] or '-'}"


def _because(alarm: dict[str, str]) -> str:
    return f": {alarm['reason']}" if alarm["state"] == "ALARM" else ""


def _endpoint_lines(endpoint: dict[str, Any] | None) -> Iterable[str]:
    if endpoint is None:
        yield "endpoint   none"
        return
    yield f"endpoint   {endpoint['name']} {endpoint['status']}"
    if endpoint["reason"]:
        yield f"           {endpoint['reason']}"
    if not endpoint["as_deployed"]:
        yield "           it runs another configuration than the stack says: deploy again"
    whole = sum(fleet["weight"] for fleet in endpoint["fleets"]) or 1.0
    for fleet in endpoint["fleets"]:
        yield (
            f"{'new fleet' if fleet['new'] else 'fleet':<11}{fleet['package'] or 'unknown'}, "
            f"{fleet['weight'] / whole:.0%} of the traffic, {fleet['instances']} of "
            f"{fleet['wanted']} instances{', ' + fleet['state'] if fleet['state'] else ''}"
        )


def _package_lines(package: dict[str, Any]) -> Iterable[str]:
    reason = f": {package['reason']}" if package["reason"] else ""
    yield f"package    {package['name']} {package['approval']}{reason}"
    figures = ", ".join(f"{name} {value:g}" for name, value in package["figures"].items())
    yield f"figures    {figures or '-'}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model status",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stage", type=stage_name, default="dev", help="part of every name (dev)")
    parser.add_argument("--json", action="store_true", help="for programs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
