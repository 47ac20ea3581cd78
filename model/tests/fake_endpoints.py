"""SageMaker endpoints with deployment guardrails: canary, baking, alarms, rolling back.

After https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html. Every step of a
deployment takes one tick of the account's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from model.tests.fake_account import REGION, Account, Refusal

from scones_model.aws.account import client

if TYPE_CHECKING:
    from collections.abc import Iterator

BAKING = 3
"""Ticks that a fleet is watched."""


@dataclass
class Endpoint:
    """`count` instances of configuration `config`; a deployment's course is `work`."""

    name: str
    config: str
    count: int
    status: str = "Creating"
    reason: str = ""
    pending: dict[str, Any] | None = None
    shares: tuple[float, float] = (1.0, 0.0)
    work: Iterator[None] = field(default_factory=lambda: iter(()))
    capture: dict[str, Any] = field(default_factory=dict)


class Endpoints:
    """Answers the endpoint operations of an account.

    `symptoms` are of models that fail: a package's ARN, and the metric that goes up once its fleet
    gets traffic. An alarm rings that watches this metric of this fleet, if there is one.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.there: dict[str, Endpoint] = {}
        self.symptoms: dict[str, str] = {}
        self.courses: list[tuple[float, str]] = []
        account.handle("sagemaker.CreateEndpoint", self._create)
        account.handle("sagemaker.UpdateEndpoint", self._update)
        account.handle("sagemaker.DescribeEndpoint", self._describe)
        account.handle("sagemaker.DeleteEndpoint", self._delete)
        account.ticking.append(self._tick)

    def uses(self, config: str) -> bool:
        """Whether an endpoint runs, or is being moved to, a configuration."""
        return any(
            config in (one.config, (one.pending or {}).get("EndpointConfigName"))
            for one in self.there.values()
        )

    # --- operations ------------------------------------------------------------------------------

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["EndpointName"]
        if name in self.there:
            raise Refusal("ValidationException", f"Cannot create already existing endpoint {name}")
        config = _config(asked["EndpointConfigName"])
        count = config["ProductionVariants"][0]["InitialInstanceCount"]
        _check(asked["DeploymentConfig"], count)
        made = Endpoint(name, config["EndpointConfigName"], count)
        made.capture = config["DataCaptureConfig"]
        made.work = _created(made)
        self.there[name] = made
        return {"EndpointArn": _arn(name)}

    def _update(self, asked: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._find(asked["EndpointName"])
        if endpoint.status != "InService":
            raise Refusal("ValidationException", "Cannot update in-progress endpoint")
        config = _config(asked["EndpointConfigName"])
        variant = config["ProductionVariants"][0]
        kept = asked.get("RetainAllVariantProperties", False)
        count = endpoint.count if kept else variant["InitialInstanceCount"]
        _check(asked["DeploymentConfig"], count)
        endpoint.work = self._deploy(endpoint, config, count, asked)
        endpoint.status = "Updating"
        endpoint.reason = ""
        return {"EndpointArn": _arn(endpoint.name)}

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        one = self._find(asked["EndpointName"])
        now = datetime.now(UTC)
        told: dict[str, Any] = {
            "EndpointName": one.name,
            "EndpointArn": _arn(one.name),
            "EndpointStatus": one.status,
            "CreationTime": now,
            "LastModifiedTime": now,
            "EndpointConfigName": one.config,
            "ProductionVariants": [_variant(one.count, one.shares[0], "")],
        }
        if one.reason:
            told["FailureReason"] = one.reason
        if one.pending:
            told["PendingDeploymentSummary"] = one.pending | {
                "ProductionVariants": [
                    _variant(one.count, one.shares[1], one.pending["ProductionVariants"][0])
                ]
            }
        return told

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self._find(asked["EndpointName"]).status in ("Updating", "RollingBack", "Creating"):
            raise Refusal("ValidationException", "Cannot delete in-progress endpoint")
        del self.there[asked["EndpointName"]]
        return {}

    def _find(self, name: str) -> Endpoint:
        if name not in self.there:
            raise Refusal("ValidationException", f'Could not find endpoint "{_arn(name)}".')
        return self.there[name]

    # --- time ------------------------------------------------------------------------------------

    def _tick(self) -> None:
        for endpoint in list(self.there.values()):
            next(endpoint.work, None)

    def _deploy(
        self, endpoint: Endpoint, config: dict[str, Any], count: int, asked: dict[str, Any]
    ) -> Iterator[None]:
        """Blue, green, and back when an alarm rings while green is watched."""
        policy = asked["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
        by_canary = policy["Type"] == "CANARY"
        canary = policy["CanarySize"]["Value"] / count if by_canary else 0.0
        name = config["EndpointConfigName"]
        endpoint.pending = {"EndpointConfigName": name, "ProductionVariants": ["Creating"]}
        yield
        for share in [canary, 1.0] if by_canary else [1.0]:
            endpoint.shares = (1 - share, share)
            endpoint.pending["ProductionVariants"] = ["Baking"]
            for _ in range(BAKING):
                self.courses.append((share, self._package(name)))
                yield
                self._suffer(name)
                if rings := _ringing(asked["DeploymentConfig"]):
                    yield from _back(endpoint, rings)
                    return
        endpoint.config, endpoint.count = name, count
        excluded = asked.get("ExcludeRetainedVariantProperties", [])
        if {"VariantPropertyType": "DataCaptureConfig"} in excluded:
            endpoint.capture = config["DataCaptureConfig"]
        endpoint.pending, endpoint.shares, endpoint.status = None, (1.0, 0.0), "InService"

    def _package(self, config: str) -> str:
        name = _config(config)["ProductionVariants"][0]["ModelName"]
        model = client("sagemaker").describe_model(ModelName=name)
        return str(model["PrimaryContainer"]["ModelPackageName"])

    def _suffer(self, config: str) -> None:
        """What the fleet of a failing model does to the alarms that watch it."""
        metric = self.symptoms.get(self._package(config))
        if metric is None:
            return
        for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]:
            dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
            watched = {"EndpointName", "VariantName", "EndpointConfigName"} == dimensions.keys()
            if (
                (alarm.get("Namespace"), alarm.get("MetricName")) == ("AWS/SageMaker", metric)
                and watched
                and dimensions["EndpointConfigName"] == config
                and dimensions["EndpointName"] in self.there
                and dimensions["VariantName"] == "AllTraffic"
            ):
                client("cloudwatch").set_alarm_state(
                    AlarmName=alarm["AlarmName"],
                    StateValue="ALARM",
                    StateReason="Threshold Crossed: 2 out of the last 3 datapoints",
                )


def _created(endpoint: Endpoint) -> Iterator[None]:
    yield
    endpoint.status = "InService"


def _back(endpoint: Endpoint, rings: list[str]) -> Iterator[None]:
    endpoint.status, endpoint.shares = "RollingBack", (1.0, 0.0)
    yield
    endpoint.pending, endpoint.status = None, "InService"
    endpoint.reason = f"Deployment was rolled back: alarms {', '.join(rings)} tripped."


def _ringing(deployment: dict[str, Any]) -> list[str]:
    names = [one["AlarmName"] for one in deployment["AutoRollbackConfiguration"]["Alarms"]]
    found = client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return [one["AlarmName"] for one in found if one["StateValue"] == "ALARM"]


def _check(deployment: dict[str, Any], count: int) -> None:
    """What SageMaker refuses at once."""
    names = {one["AlarmName"] for one in deployment["AutoRollbackConfiguration"]["Alarms"]}
    there = client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    if absent := names - {one["AlarmName"] for one in there}:
        raise Refusal("ValidationException", f"There are no alarms {', '.join(sorted(absent))}")
    traffic = deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    if ("CanarySize" in traffic) != (traffic["Type"] == "CANARY"):
        raise Refusal("ValidationException", "CanarySize is for CANARY, and CANARY needs it")
    if traffic["Type"] == "CANARY" and 2 * traffic["CanarySize"]["Value"] > count:
        raise Refusal("ValidationException", "CanarySize must be at most half of the fleet")


def _config(name: str) -> dict[str, Any]:
    return dict(client("sagemaker").describe_endpoint_config(EndpointConfigName=name))


def _variant(count: int, weight: float, state: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "VariantName": "AllTraffic",
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }
    return told | ({"VariantStatus": [{"Status": state}]} if state else {})


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:123456789012:endpoint/{name}"
