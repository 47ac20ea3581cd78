"""The calculator: its arithmetic by hand, its figures from the templates, its page up to date."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from scones_operations.account import CannotBeDone
from scones_operations.cost.assumptions import Assumptions
from scones_operations.cost.bill import Line, image_lines, month_lines, total
from scones_operations.cost.cost import main, make_page
from scones_operations.cost.prices import read_prices
from scones_operations.cost.savings import find_savings
from scones_operations.cost.system import System, read_system
from scones_operations.validation.templates import find_templates

ROOT = Path(__file__).parents[2]
BODIES = {str(one.path): one.body for one in find_templates(ROOT)}
PRICES = read_prices()
SYSTEM = System(
    memory_mb={"serializer": 1024, "classifier": 512, "filter": 256},
    architecture="arm64",
    instance_type="ml.c5.large",
    instances=2,
    report_every_s=3600,
    report_instance_type="ml.t3.medium",
    report_instances=1,
    report_volume_gb=73,
    capture_days=73,
    log_days=73,
    watched_metrics=10,
    dashboards=1,
    keys=2,
)
GIVEN = Assumptions(
    image_kb=500,
    accepted=0.5,
    billed_ms={"serializer": 200, "classifier": 100, "filter": 40},
    workflow_ms=301,
    workflow_mb=65,
    request_kb=5,
    capture_kb=10,
    captures_per_file=10,
    log_kb=4,
    report_minutes=6,
)


def usd(lines: list[Line], service: str) -> list[float]:
    return [line.usd for line in lines if line.service == service]


def test_a_million_images_come_to_what_one_adds_up_by_hand() -> None:
    lines = image_lines(1_000_000, SYSTEM, GIVEN, PRICES)
    put, read, kept = 5, 0.4, 500 * 0.023
    captured = [0.5, 0.04, 10 * 2.4 * 0.023]  # 73 days are 2.4 months
    assert usd(lines, "S3") == pytest.approx([put, read, kept, *captured])
    assert usd(lines, "EventBridge") == pytest.approx([1, 0.5])
    # 0.4 s at 128 MB: both are billed in steps, of 100 ms and of 64 MB.
    assert usd(lines, "Step Functions") == pytest.approx([1, 1e6 * 0.4 * 0.125 / 3600 * 0.06])
    gb_seconds = [200_000, 50_000, 10_000]
    functions = [one * 0.0000133334 for one in gb_seconds]
    assert usd(lines, "Lambda") == pytest.approx([0.6, *functions])
    assert usd(lines, "SageMaker") == pytest.approx([5 * 0.016])
    assert usd(lines, "SQS") == pytest.approx([1.2])
    assert usd(lines, "CloudWatch") == pytest.approx([2, 4 * 2.4 * 0.03])
    assert usd(lines, "X-Ray") == pytest.approx([5])
    assert total(lines) == pytest.approx(sum(line.usd for line in lines))


def test_a_month_comes_to_what_one_adds_up_by_hand() -> None:
    lines = month_lines(SYSTEM, GIVEN, PRICES)
    reports = 730 * 0.1 * 0.05  # six minutes every hour
    assert usd(lines, "SageMaker") == pytest.approx([2 * 730 * 0.102, reports, 7.3 * 0.14])
    assert usd(lines, "EventBridge") == pytest.approx([730 / 1e6])
    metrics = [GIVEN.report_metrics * 0.3, GIVEN.function_metrics * 0.3]
    assert usd(lines, "CloudWatch") == pytest.approx([1, 3, *metrics])
    assert usd(lines, "KMS") == pytest.approx([2])


def test_x_ray_takes_the_first_of_each_second_and_a_twentieth_of_the_rest() -> None:
    seconds = 730 * 3600
    (line,) = (
        one for one in image_lines(3 * seconds, SYSTEM, GIVEN, PRICES) if one.service == "X-Ray"
    )
    assert line.quantity == pytest.approx(seconds * (1 + 2 * 0.05))


@for_any(st.integers(1, 10**9), st.integers(1, 10**9))
def test_more_images_never_cost_less(some: int, more: int) -> None:
    fewer = total(image_lines(some, SYSTEM, GIVEN, PRICES))
    assert fewer <= total(image_lines(some + more, SYSTEM, GIVEN, PRICES))


def changed(path: str, *steps: str, value: Any) -> System:
    """The system, were one place of a template different."""
    bodies = deepcopy(BODIES)
    place: Any = bodies[path]
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = value
    return read_system(bodies)


def test_what_the_templates_say_is_what_is_calculated() -> None:
    now = read_system(BODIES)
    model, monitoring = "model/template.yaml", "monitoring/template.yaml"
    serializer = "services/serializer/template.yaml"
    assert changed(model, "Parameters", "InstanceType", "Default", value="ml.m5.large") == replace(
        now, instance_type="ml.m5.large"
    )
    assert changed(model, "Parameters", "MinInstances", "Default", value=7).instances == 7
    daily = changed(monitoring, "Parameters", "Schedule", "Default", value="daily")
    assert (now.report_every_s, daily.report_every_s) == (3600, 86400)
    memory = ("Resources", "Function", "Properties", "MemorySize")
    assert changed(serializer, *memory, value=3008).memory_mb["serializer"] == 3008


def test_alarms_are_billed_by_the_metrics_they_watch_and_scaling_makes_two() -> None:
    now = read_system(BODIES).watched_metrics
    alarm: dict[str, Any] = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "one"}}
    where = ("observability/template.yaml", "Resources", "New")
    assert changed(*where, value=alarm).watched_metrics == now + 1
    metrics = [{"Expression": "a/b"}, {"MetricStat": {}}, {"MetricStat": {}}]
    alarm["Properties"] = {"Metrics": metrics}
    assert changed(*where, value=alarm).watched_metrics == now + 2
    scaling = {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": {}}
    assert changed(*where, value=scaling).watched_metrics == now + 2


def test_a_type_without_a_price_is_asked_for() -> None:
    with pytest.raises(CannotBeDone, match=r"no price of ml\.unheard\.of"):
        month_lines(replace(SYSTEM, instance_type="ml.unheard.of"), GIVEN, PRICES)


def test_each_saving_saves_and_the_endpoints_are_by_hand() -> None:
    savings = list(find_savings(SYSTEM, GIVEN, PRICES))
    assert all(one.usd > 0 for one in savings)
    endpoint = 2 * 730 * 0.102
    by_hand = {"one instance": endpoint / 2, "`scones-model destroy`": endpoint * 108 / 168}
    found = {name: one.usd for name in by_hand for one in savings if one.how.startswith(name)}
    assert found == pytest.approx(by_hand)


def test_each_price_has_a_unit_and_awss_page() -> None:
    assert PRICES.region == "us-east-1"
    for price in PRICES.by_name.values():
        assert price.usd > 0
        assert price.unit
        assert price.page.startswith("https://aws.amazon.com/")
        assert price.seen == "" or price.seen.startswith("https://")


def test_docs_cost_is_what_the_command_prints() -> None:
    page = "\n".join(make_page(ROOT)) + "\n"
    assert (ROOT / "docs" / "cost.md").read_text(encoding="utf-8") == page, (
        "run: scones-ops cost --markdown > docs/cost.md"
    )


def test_the_command_shows_one_count_or_both(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    assert main([]) == 0
    usual = capsys.readouterr().out
    assert main(["--images", "5000"]) == 0
    asked = capsys.readouterr().out
    assert "1,000 images" in usual
    assert "1,000,000 images" in usual
    assert "5,000 images" in asked
    assert "1,000,000 images" not in asked
    assert main(["--images", "0"]) == 2
