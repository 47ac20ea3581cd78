"""A report as CloudWatch metrics: sent with `PutMetricData`, or as lines for Model Monitor.

| metric | of | value |
| --- | --- | --- |
| `Reports` | endpoint | 1; where it is missing, no report was made |
| `Records`, `MalformedRecords` | endpoint | in the hours read |
| `Accuracy` | endpoint | of labelled predictions, if there are any |
| `InAlarm` | endpoint, variant | 1 if the latest window is an alarm, else 0; needs a baseline |
| `BelowThreshold`, `MeanConfidence`, `EstimatedAccuracy` | variant | of the latest window |

The latest window is the last that has enough records to say something.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.literals import StandardUnitType
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef

    from scones_monitoring.report import Report, VariantReport, Window

__all__ = ["Metric", "latest_window", "metrics_of", "model_monitor_lines", "put_metrics"]


class Metric(NamedTuple):
    """One value; `variant` is None where it is of the whole endpoint."""

    name: str
    value: float
    unit: StandardUnitType
    endpoint: str
    variant: str | None

    @property
    def dimensions(self) -> dict[str, str]:
        """Names and values of its dimensions."""
        variant = {} if self.variant is None else {"Variant": self.variant}
        return {"Endpoint": self.endpoint, **variant}


def metrics_of(report: Report) -> list[Metric]:
    """Every metric of a report; what it does not know has none."""
    return [*_of_endpoint(report), *_of_variants(report)]


def latest_window(variant: VariantReport) -> Window | None:
    """The last window with enough records to say something."""
    told = [window for window in variant.windows if window.verdict != Verdict.NOT_ENOUGH_DATA]
    return told[-1] if told else None


def put_metrics(report: Report, namespace: str, client: CloudWatchClient) -> None:
    """Send a report's metrics to CloudWatch.

    Raises:
        ClientError: CloudWatch refuses them.
    """
    data: list[MetricDatumTypeDef] = [
        {
            "MetricName": metric.name,
            "Dimensions": _dimensions(metric.dimensions),
            "Value": metric.value,
            "Unit": metric.unit,
        }
        for metric in metrics_of(report)
    ]
    client.put_metric_data(Namespace=namespace, MetricData=data)


def model_monitor_lines(report: Report, schedule: str) -> str:
    """The metrics as Model Monitor publishes them: a JSON object a line, under its schedule."""
    lines = [
        {
            "MetricName": metric.name,
            "Timestamp": report.made_at,
            "Dimensions": _dimensions({**metric.dimensions, "MonitoringSchedule": schedule}),
            "Value": metric.value,
            "Unit": metric.unit,
        }
        for metric in metrics_of(report)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def _of_endpoint(report: Report) -> Iterator[Metric]:
    of = (report.endpoint, None)
    yield Metric("Reports", 1, "Count", *of)
    yield Metric("Records", report.records.read, "Count", *of)
    yield Metric("MalformedRecords", report.records.malformed, "Count", *of)
    if report.accuracy is not None:
        yield Metric("Accuracy", report.accuracy.accuracy.value, "None", *of)
    windows = [window for window in map(latest_window, report.variants) if window]
    verdicts = {window.verdict for window in windows} - {Verdict.NOT_COMPARED}
    if verdicts:
        yield Metric("InAlarm", int(Verdict.ALARM in verdicts), "Count", *of)


def _of_variants(report: Report) -> Iterator[Metric]:
    for variant in report.variants:
        of = (report.endpoint, variant.variant)
        window = latest_window(variant)
        if window is None:
            continue
        if window.verdict != Verdict.NOT_COMPARED:
            yield Metric("InAlarm", int(window.verdict == Verdict.ALARM), "Count", *of)
        yield Metric("BelowThreshold", window.below_threshold.value, "None", *of)
        yield Metric("MeanConfidence", window.mean_confidence, "None", *of)
        yield Metric("EstimatedAccuracy", window.estimated_accuracy, "None", *of)


def _dimensions(values: dict[str, str]) -> list[DimensionTypeDef]:
    return [{"Name": name, "Value": value} for name, value in values.items()]
