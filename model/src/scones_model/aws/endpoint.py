"""The endpoint itself: what it runs, how traffic moves, and the alarms that watch it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_model.aws.account import client, unless_missing
from scones_model.aws.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

__all__ = [
    "VARIANT",
    "Alarm",
    "Fleet",
    "alarms",
    "brake",
    "describe_endpoint",
    "endpoint_name",
    "fleets",
    "package_of",
    "rang_since",
    "traffic",
]

VARIANT = "AllTraffic"


@dataclass(frozen=True)
class Fleet:
    """Instances of one configuration. `weight` is its part of the traffic, beside the other's.

    `state` is what SageMaker does to it (`Creating`, `Baking`, ...); empty for nothing.
    """

    configuration: str
    new: bool
    weight: float
    instances: int
    wanted: int
    state: str


@dataclass(frozen=True)
class Alarm:
    """A CloudWatch alarm: `state` is OK, ALARM or INSUFFICIENT_DATA."""

    name: str
    state: str
    reason: str


def endpoint_name(stage: str) -> str:
    """As template.yaml names it."""
    return f"scones-{stage}"


def describe_endpoint(stage: str) -> Mapping[str, Any] | None:
    """What SageMaker says of the stage's endpoint; None when there is none."""
    name = endpoint_name(stage)
    return unless_missing(lambda: dict(client("sagemaker").describe_endpoint(EndpointName=name)))


def fleets(endpoint: Mapping[str, Any]) -> list[Fleet]:
    """The present fleet, and while a deployment lasts the new one."""
    both = ((endpoint, False), (endpoint.get("PendingDeploymentSummary", {}), True))
    return [
        _fleet(variant, described["EndpointConfigName"], new=new)
        for described, new in both
        for variant in described.get("ProductionVariants", [])
    ]


def _fleet(variant: Mapping[str, Any], configuration: str, *, new: bool) -> Fleet:
    states = [one["Status"] for one in variant.get("VariantStatus", [])]
    return Fleet(
        configuration=configuration,
        new=new,
        weight=variant.get("CurrentWeight", 0.0),
        instances=variant.get("CurrentInstanceCount", 0),
        wanted=variant.get("DesiredInstanceCount", 0),
        state=", ".join(states),
    )


def traffic(endpoint: Mapping[str, Any] | None) -> str:
    """How a deployment goes, as a line; empty when there is none."""
    if endpoint is None or "PendingDeploymentSummary" not in endpoint:
        return ""
    found = fleets(endpoint)
    whole = sum(fleet.weight for fleet in found) or 1.0
    told = [
        f"{'new' if fleet.new else 'present'} fleet {fleet.weight / whole:.0%} of the traffic"
        f"{f', {fleet.state}' if fleet.state else ''}"
        for fleet in found
    ]
    return f"{endpoint['EndpointName']} {endpoint['EndpointStatus']}: {'; '.join(told)}"


def package_of(configuration: str) -> str:
    """ARN of the model package behind an endpoint configuration; empty when it is gone."""
    sagemaker = client("sagemaker")
    describe = sagemaker.describe_endpoint_config
    found = unless_missing(lambda: describe(EndpointConfigName=configuration))
    if found is None:
        return ""
    name = found["ProductionVariants"][0].get("ModelName", "")
    model = unless_missing(lambda: sagemaker.describe_model(ModelName=name))
    return model.get("PrimaryContainer", {}).get("ModelPackageName", "") if model else ""


# --- alarms --------------------------------------------------------------------------------------


def alarms(stage: str) -> list[Alarm]:
    """Those of template.yaml that are there."""
    pages = client("cloudwatch").get_paginator("describe_alarms")
    return [
        Alarm(one["AlarmName"], one["StateValue"], one.get("StateReason", ""))
        for page in pages.paginate(AlarmNamePrefix=f"scones-{stage}-endpoint-")
        for one in page["MetricAlarms"]
    ]


def rang_since(stage: str, begin: datetime) -> Sequence[Alarm]:
    """The stage's alarms that have rung since, silent again or not, the first one first."""
    found = [entry for alarm in alarms(stage) for entry in _rings(alarm.name, begin)]
    return [alarm for _, alarm in sorted(found, key=lambda entry: entry[0])]


def _rings(name: str, begin: datetime) -> list[tuple[datetime, Alarm]]:
    pages = client("cloudwatch").get_paginator("describe_alarm_history")
    updates = pages.paginate(AlarmName=name, HistoryItemType="StateUpdate", StartDate=begin)
    rings = []
    for page in updates:
        for item in page["AlarmHistoryItems"]:
            state = json.loads(item["HistoryData"])["newState"]
            if state["stateValue"] == "ALARM":
                alarm = Alarm(name, "ALARM", state.get("stateReason", ""))
                rings.append((item["Timestamp"], alarm))
    return rings


def brake(stage: str, *, on: bool, reason: str) -> Request:
    """Rings the alarm that stops a deployment, or ends that."""
    return Request(
        "cloudwatch",
        "SetAlarmState",
        {
            "AlarmName": f"scones-{stage}-endpoint-roll-back",
            "StateValue": "ALARM" if on else "OK",
            "StateReason": reason,
        },
    )
