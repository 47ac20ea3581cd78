"""A report as CloudWatch metrics: which values, under which dimensions."""

from __future__ import annotations

import json
from dataclasses import replace

import boto3
from botocore.stub import Stubber

from scones_monitoring.job.metrics import metrics_of, model_monitor_lines, put_metrics
from scones_monitoring.report import (
    Estimate,
    Histogram,
    LabelledAccuracy,
    RecordCounts,
    Report,
    Share,
    VariantReport,
    Verdict,
    Window,
)

HALF = Share(0.5, 0.4, 0.6)


def a_window(verdict: Verdict, below: float = 0.5) -> Window:
    return Window(
        first="2026-11-22T10",
        last="2026-11-22T10",
        records=500,
        verdict=verdict,
        reason="because",
        below_threshold=Share(below, 0.0, 1.0),
        mean_confidence=0.9,
        estimated_accuracy=0.95,
        psi=None,
        ks=None,
        cusum=None,
    )


def a_variant(name: str, *windows: Window) -> VariantReport:
    return VariantReport(
        variant=name,
        verdict=Verdict.OK,
        reason="because",
        records=1000,
        below_threshold=HALF,
        mean_confidence=0.8,
        estimated_accuracy=Estimate(0.9, "calibrated"),
        class_shares={"bicycle": 1.0},
        windows=windows,
        charts=(),
    )


def a_report(*variants: VariantReport) -> Report:
    return Report(
        verdict=Verdict.OK,
        reason="because",
        notes=(),
        endpoint="vehicles",
        captures="s3://captures/vehicles",
        made_at="2026-11-22T11:05:00Z",
        period=None,
        threshold=0.9,
        labels=("bicycle", "motorcycle"),
        records=RecordCounts(read=2000, malformed=3),
        malformed=(),
        malformed_reasons={},
        baseline=None,
        variants=variants,
        histogram=Histogram((0.0, 1.0), (1.0,), None),
        gallery=(),
        estimated_accuracy=None,
        accuracy=None,
        thresholds=(),
        wanted_accuracy=0.99,
        threshold_for_wanted=None,
    )


def values(report: Report, variant: str | None = None) -> dict[str, float]:
    return {one.name: one.value for one in metrics_of(report) if one.variant == variant}


def test_an_endpoint_has_its_counts_and_one_report() -> None:
    assert values(a_report()) == {"Reports": 1, "Records": 2000, "MalformedRecords": 3}


def test_a_variant_has_the_figures_of_its_latest_window() -> None:
    report = a_report(a_variant("A", a_window(Verdict.ALARM, 0.9), a_window(Verdict.OK, 0.1)))
    assert values(report, "A") == {
        "InAlarm": 0,
        "BelowThreshold": 0.1,
        "MeanConfidence": 0.9,
        "EstimatedAccuracy": 0.95,
    }


def test_a_window_without_enough_data_does_not_end_an_alarm() -> None:
    windows = a_window(Verdict.ALARM), a_window(Verdict.NOT_ENOUGH_DATA)
    assert values(a_report(a_variant("A", *windows)), "A")["InAlarm"] == 1


def test_one_variant_in_alarm_puts_the_endpoint_in_alarm() -> None:
    report = a_report(a_variant("A", a_window(Verdict.OK)), a_variant("B", a_window(Verdict.ALARM)))
    assert values(report)["InAlarm"] == 1
    assert values(report, "A")["InAlarm"] == 0
    assert values(report, "B")["InAlarm"] == 1


def test_a_warning_is_no_alarm() -> None:
    assert values(a_report(a_variant("A", a_window(Verdict.WARNING))))["InAlarm"] == 0


def test_without_a_baseline_there_are_figures_and_no_verdict() -> None:
    report = a_report(a_variant("A", a_window(Verdict.NOT_COMPARED)))
    assert "InAlarm" not in {one.name for one in metrics_of(report)}
    assert values(report, "A")["BelowThreshold"] == 0.5


def test_a_variant_that_never_had_enough_data_has_no_figures() -> None:
    report = a_report(a_variant("A", a_window(Verdict.NOT_ENOUGH_DATA)), a_variant("B"))
    assert values(report, "A") == values(report, "B") == {}


def test_labels_give_an_accuracy() -> None:
    accuracy = LabelledAccuracy(10, 0, 0, HALF, 0.1, ((5, 0), (5, 0)), ())
    assert values(replace(a_report(), accuracy=accuracy))["Accuracy"] == 0.5


def test_what_is_put_is_what_cloudwatch_takes() -> None:
    client = boto3.client(
        "cloudwatch", "eu-west-1", aws_access_key_id="id", aws_secret_access_key="key"
    )
    report = a_report(a_variant("A", a_window(Verdict.ALARM)))
    endpoint = {"Name": "Endpoint", "Value": "vehicles"}
    variant = {"Name": "Variant", "Value": "A"}
    expected = [
        {
            "MetricName": one.name,
            "Dimensions": [endpoint] if one.variant is None else [endpoint, variant],
            "Value": one.value,
            "Unit": one.unit,
        }
        for one in metrics_of(report)
    ]
    with Stubber(client) as stub:
        stub.add_response(
            "put_metric_data",
            {"ResponseMetadata": {"HTTPStatusCode": 200}},
            {"Namespace": "Scones", "MetricData": expected},
        )
        put_metrics(report, "Scones", client)
        stub.assert_no_pending_responses()


def test_a_line_for_model_monitor_is_a_metric_of_its_schedule() -> None:
    lines = model_monitor_lines(a_report(), "hourly").splitlines()
    assert json.loads(lines[0]) == {
        "MetricName": "Reports",
        "Timestamp": "2026-11-22T11:05:00Z",
        "Dimensions": [
            {"Name": "Endpoint", "Value": "vehicles"},
            {"Name": "MonitoringSchedule", "Value": "hourly"},
        ],
        "Value": 1,
        "Unit": "Count",
    }
    assert len(lines) == len(metrics_of(a_report()))
