"""What the templates say of the system's size, so that the calculation cannot go stale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_operations.repository import SERVICES
from scones_operations.validation.templates import of_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["System", "read_system"]

_ALARMS_OF_SCALING = 2
"""That Application Auto Scaling makes for a target: one to add instances, one to remove them."""


@dataclass(frozen=True)
class System:
    """A stage's stacks, as far as they cost something.

    Attributes:
        memory_mb: Of each function.
        architecture: Of the functions.
        instance_type: Of the endpoint.
        instances: That it always has.
        capture_share: Of its answers that are captured, from 0 to 1.
        report_every_s: A drift report is made so often, in seconds.
        report_instance_type: Of its job.
        report_instances: Of its job.
        report_volume_gb: Of each of them.
        capture_days: How long captures are kept.
        log_days: How long logs are kept.
        ledger_days: How long the ledger knows an upload.
        watched_metrics: Of all alarms together.
        dashboards: How many.
        keys: How many of KMS.
    """

    memory_mb: Mapping[str, int]
    architecture: str
    instance_type: str
    instances: int
    capture_share: float
    report_every_s: int
    report_instance_type: str
    report_instances: int
    report_volume_gb: int
    capture_days: int
    log_days: int
    ledger_days: int
    watched_metrics: int
    dashboards: int
    keys: int


def read_system(bodies: Mapping[str, Mapping[str, Any]]) -> System:
    """The system that templates, by their paths, describe with their defaults."""
    services = {name: bodies[f"services/{name}/template.yaml"] for name in SERVICES}
    function, model = _defaults(services["serializer"]), _defaults(bodies["model/template.yaml"])
    monitoring = bodies["monitoring/template.yaml"]
    report = _defaults(monitoring)
    return System(
        memory_mb={name: _memory(body) for name, body in services.items()},
        architecture=function["Architecture"],
        instance_type=model["InstanceType"],
        instances=model["MinInstances"],
        capture_share=_capture_share(bodies["model/template.yaml"]),
        report_every_s=monitoring["Mappings"]["Every"][report["Schedule"]]["Seconds"],
        report_instance_type=report["InstanceType"],
        report_instances=report["InstanceCount"],
        report_volume_gb=report["VolumeSizeInGB"],
        capture_days=model["CaptureRetentionDays"],
        log_days=function["LogRetentionDays"],
        ledger_days=_defaults(bodies["orchestration/template.yaml"])["LedgerDays"],
        watched_metrics=sum(_watched(body) for body in bodies.values()),
        dashboards=_count(bodies, "AWS::CloudWatch::Dashboard"),
        keys=_count(bodies, "AWS::KMS::Key"),
    )


def _defaults(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one["Default"] for name, one in body["Parameters"].items() if "Default" in one}


def _memory(body: Mapping[str, Any]) -> int:
    ((_, function),) = of_type(body, "AWS::Serverless::Function")
    memory: int = function["MemorySize"]
    return memory


def _capture_share(body: Mapping[str, Any]) -> float:
    ((_, config),) = of_type(body, "AWS::SageMaker::EndpointConfig")
    percent: int = config["DataCaptureConfig"]["InitialSamplingPercentage"]
    return percent / 100


def _watched(body: Mapping[str, Any]) -> int:
    scalings = len(list(of_type(body, "AWS::ApplicationAutoScaling::ScalingPolicy")))
    return sum(_metrics_of_alarms(body)) + _ALARMS_OF_SCALING * scalings


def _metrics_of_alarms(body: Mapping[str, Any]) -> Iterator[int]:
    """An alarm on an expression is billed for each metric in it."""
    for _, alarm in of_type(body, "AWS::CloudWatch::Alarm"):
        yield sum("MetricStat" in one for one in alarm.get("Metrics", [])) or 1


def _count(bodies: Mapping[str, Mapping[str, Any]], type_: str) -> int:
    return sum(len(list(of_type(body, type_))) for body in bodies.values())
