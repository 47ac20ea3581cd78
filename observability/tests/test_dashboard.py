from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from observability.tests.inventory import SERVICES, exists
from observability.tests.reading import DASHBOARD, METRICS, TEMPLATE, metrics_of, of_type

BODY = of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
COLUMNS = 24


def cells(widget: dict[str, Any]) -> set[tuple[int, int]]:
    columns = range(widget["x"], widget["x"] + widget["width"])
    rows = range(widget["y"], widget["y"] + widget["height"])
    return set(itertools.product(columns, rows))


def title(widget: dict[str, Any]) -> str:
    name: str = widget["properties"].get("title", f"y{widget['y']}")
    return name


def test_widgets_fill_the_grid_without_overlap_or_gap() -> None:
    taken = [cells(widget) for widget in DASHBOARD]
    rows = max(row for place in taken for _, row in place) + 1
    assert set.union(*taken) == set(itertools.product(range(COLUMNS), range(rows)))
    assert sum(map(len, taken)) == COLUMNS * rows


@pytest.mark.parametrize("widget", METRICS, ids=title)
def test_every_metric_that_a_chart_reads_is_written_by_somebody(widget: dict[str, Any]) -> None:
    for namespace, name, dimensions in metrics_of(widget):
        assert exists(namespace, name, tuple(dimensions)), (namespace, name, dimensions)
        if "service" in dimensions:
            assert dimensions["service"] in SERVICES


@pytest.mark.parametrize("widget", METRICS, ids=title)
def test_every_expression_uses_metrics_of_its_chart_or_searches_some_that_exist(
    widget: dict[str, Any],
) -> None:
    rows = widget["properties"]["metrics"]
    options = [row[-1] for row in rows if isinstance(row[-1], dict)]
    known = {option["id"] for option in options if "id" in option}
    for option in options:
        expression = option.get("expression", "")
        if expression.startswith("SEARCH"):
            # A namespace with a slash stands in quotes.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
            ((namespace, schema),) = re.findall(r'\{"([\w/]+)",([\w,]+)\}', expression)
            (name,) = re.findall(r'MetricName="(\w+)"', expression)
            assert exists(namespace, name, tuple(schema.split(",")))
        else:
            assert set(re.findall(r"\b[a-z]\w*\b", expression)) <= known


@pytest.mark.parametrize("widget", METRICS, ids=title)
def test_every_chart_says_what_it_shows_and_in_what_unit(widget: dict[str, Any]) -> None:
    properties = widget["properties"]
    assert properties["title"]
    assert properties["region"] == "eu-central-1"
    if properties.get("view") != "singleValue":
        assert "label" in properties["yAxis"]["left"]
    shown = [row[-1] for row in properties["metrics"] if row[-1].get("visible", True)]
    assert all(option["label"] for option in shown)


def test_every_threshold_of_an_alarm_is_a_line_in_a_chart() -> None:
    lines = {name for name in re.findall(r'"value": \$\{(\w+)\}', BODY) if name.startswith("Alarm")}
    parameters = TEMPLATE["Parameters"]
    assert lines == {
        name
        for name, parameter in parameters.items()
        if name.startswith("Alarm") and parameter["Type"] == "Number"
    }


def test_every_alarm_of_the_template_has_its_place() -> None:
    (widget,) = (widget for widget in DASHBOARD if widget["type"] == "alarm")
    assert sorted(widget["properties"]["alarms"]) == sorted(
        f"{name}.Arn" for name in of_type("AWS::CloudWatch::Alarm")
    )


def test_what_is_asked_for_is_on_it() -> None:
    shown = {(namespace, name) for widget in METRICS for namespace, name, _ in metrics_of(widget)}
    assert shown >= {
        ("AWS/Events", "Invocations"), ("AWS/States", "ExecutionsStarted"),  # throughput
        ("AWS/SQS", "NumberOfMessagesSent"), ("Scones/test", "UploadsRefused"),  # outcomes by kind
        ("AWS/Lambda", "Duration"), ("AWS/States", "ExecutionTime"),  # latency by state
        ("AWS/SageMaker", "Invocation5XXErrors"), ("AWS/SageMaker", "ModelLatency"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/Lambda", "Throttles"), ("Scones", "InAlarm"),
    }  # fmt: skip
    assert 'MetricName=\\"Confidence\\"' in BODY


def test_the_template_fits_into_a_request_of_cloudformation() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    assert len(json.dumps(TEMPLATE, separators=(",", ":")).encode()) <= 51_200
