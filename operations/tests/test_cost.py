"""The calculator: its arithmetic by hand, its figures from the templates, its page up to date."""

from __future__ import annotations

import datetime as dt
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
from scones_operations.cost.page import show_grounds
from scones_operations.cost.prices import Price, Prices, read_prices
from scones_operations.cost.savings import find_savings
from scones_operations.cost.system import System, read_system
from scones_operations.validation.templates import find_templates

ROOT = Path(__file__).parents[2]
BODIES = {str(one.path): one.body for one in find_templates(ROOT)}
# By hand, so that a new price in the table changes no sum here.
PER_MILLION = {
    "s3_put": 5, "s3_get": 0.4, "events_opt_in": 1, "events_custom": 2, "express_requests": 3,
    "lambda_requests": 0.2, "lambda_arm64": 10, "sqs": 0.5, "traces": 6, "scheduler": 7,
    "table_writes": 0.7,
}  # fmt: skip
EACH = {
    "s3_storage": 0.02, "express_duration": 0.06, "sagemaker_data": 0.01, "sagemaker_volume": 0.1,
    "logs_written": 0.5, "logs_kept": 0.03, "alarms": 0.2, "dashboards": 4, "metrics": 0.3,
    "keys": 1.5, "table_storage": 0.25, "ml.c5.large": 0.1, "ml.t3.medium": 0.05,
}  # fmt: skip
PRICES = Prices(
    dt.date(2020, 2, 2),
    "nowhere-1",
    {name: Price(usd, 1_000_000, "calls", "", "") for name, usd in PER_MILLION.items()}
    | {name: Price(usd, 1, "hour", "", "") for name, usd in EACH.items()},
)
SYSTEM = System(
    memory_mb={"serializer": 1024, "classifier": 512, "filter": 256},
    architecture="arm64",
    instance_type="ml.c5.large",
    instances=2,
    capture_share=0.5,
    report_every_s=3600,
    report_instance_type="ml.t3.medium",
    report_instances=1,
    report_volume_gb=73,
    capture_days=73,
    log_days=73,
    ledger_days=73,
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
    ledger_kb=0.5,
    function_metrics=20,
    report_metrics=10,
    endpoint_volume_gb=30,
    report_minutes=6,
    artifacts_gb=2,
)


def usd(lines: list[Line], service: str) -> list[float]:
    return [line.usd for line in lines if line.service == service]


def test_a_million_images_come_to_what_one_adds_up_by_hand() -> None:
    lines = image_lines(1_000_000, SYSTEM, GIVEN, PRICES)
    put, read, kept = 5, 0.4, 500 * 0.02
    # Half are captured, ten in a file; 73 days are 2.4 months.
    captured = [50_000 * 5e-6, 50_000 * 0.4e-6, 5 * 2.4 * 0.02]
    assert usd(lines, "S3") == pytest.approx([put, read, kept, *captured])
    assert usd(lines, "EventBridge") == pytest.approx([1, 0.5 * 2])
    # 0.4 s at 128 MB: both are billed in steps, of 100 ms and of 64 MB.
    assert usd(lines, "Step Functions") == pytest.approx([3, 1e6 * 0.4 * 0.125 / 3600 * 0.06])
    assert usd(lines, "DynamoDB") == pytest.approx([1.4, 0.5 * 2.4 * 0.25])
    assert usd(lines, "Lambda") == pytest.approx([0.6, 2, 0.5, 0.1])  # 200,000 GB-s and so on
    assert usd(lines, "SageMaker") == pytest.approx([5 * 0.01])
    assert usd(lines, "SQS") == pytest.approx([1.5])
    assert usd(lines, "CloudWatch") == pytest.approx([2, 4 * 2.4 * 0.03])
    assert usd(lines, "X-Ray") == pytest.approx([6])
    assert total(lines) == pytest.approx(sum(line.usd for line in lines))


def test_a_month_comes_to_what_one_adds_up_by_hand() -> None:
    lines = month_lines(SYSTEM, GIVEN, PRICES)
    endpoint, volumes = 2 * 730 * 0.1, 2 * 30 * 0.1
    reports = 73 * 0.05, 73 / 730 * 73 * 0.1  # six minutes of each hour; a tenth of a volume
    assert usd(lines, "SageMaker") == pytest.approx([endpoint, volumes, *reports])
    assert usd(lines, "EventBridge") == pytest.approx([730 * 7e-6])
    assert usd(lines, "CloudWatch") == pytest.approx([2, 4, 3, 6])
    assert usd(lines, "KMS") == pytest.approx([3])
    assert usd(lines, "S3") == pytest.approx([0.04])


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
    config = "Resources", "EndpointConfig", "Properties", "DataCaptureConfig"
    fewer = changed(model, *config, "InitialSamplingPercentage", value=20)
    assert (now.capture_share, fewer.capture_share) == (1, 0.2)
    daily = changed(monitoring, "Parameters", "Schedule", "Default", value="daily")
    assert (now.report_every_s, daily.report_every_s) == (3600, 86400)
    longer = changed("orchestration/template.yaml", "Parameters", "LedgerDays", "Default", value=60)
    assert (now.ledger_days, longer.ledger_days) == (30, 60)
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


def test_savings_are_by_hand() -> None:
    month = 2 * (730 * 0.1 + 30 * 0.1)  # the endpoint's
    by_hand = {
        "one instance": month / 2,
        "daily drift reports": (73 * 0.05 + 7.3 * 0.1 + 730 * 7e-6) * 23 / 24,
        "`scones-model destroy`": month * 108 / 168,
        "`make destroy": total(month_lines(SYSTEM, GIVEN, PRICES)) - 0.04,
        "10% captured": (0.25 + 0.02 + 0.24) * 0.8,
        "captures for 30 days": 0.24 * 43 / 73,
        "logs for 7 days": 4 * 2.4 * 0.03 * 66 / 73,
    }
    savings = find_savings(SYSTEM, GIVEN, PRICES)
    found = {name: one.usd for name in by_hand for one in savings if one.how.startswith(name)}
    assert found == pytest.approx(by_hand)
    assert len(savings) == len(by_hand)


def test_what_is_done_already_is_no_saving() -> None:
    least = replace(
        SYSTEM, instances=1, report_every_s=86400, capture_share=0.05, capture_days=20, log_days=7
    )
    hows = [one.how for one in find_savings(least, GIVEN, PRICES)]
    assert [how.split()[1] for how in hows] == ["destroy`", "destroy"]


def test_each_price_has_a_unit_and_awss_page() -> None:
    table = read_prices()
    assert table.region == "us-east-1"
    for price in table.by_name.values():
        assert price.usd > 0
        assert price.unit
        assert price.page.startswith("https://aws.amazon.com/")
        assert price.seen == "" or price.seen.startswith("https://")


def test_the_page_tells_a_price_that_was_seen_from_one_that_is_remembered() -> None:
    seen = Price(1, 1, "hour", "https://aws.amazon.com/x/", "https://else.where/y")
    remembered = replace(seen, usd=2, seen="")
    prices = replace(PRICES, by_name={"one": seen, "two": remembered})
    ends = [line.split(" | ")[-1] for line in show_grounds(GIVEN, prices)][-2:]
    assert ends == ["[else.where](https://else.where/y) |", "remembered |"]


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
