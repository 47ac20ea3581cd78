"""The Processing job: its files, and what it says at the end."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones_monitoring.errors import InvalidBaseline, NothingReadable
from scones_monitoring.job import metrics, processing
from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scones_monitoring.assess import ReportSettings
    from scones_monitoring.report import Report

OURS = ("SCONES_", "sagemaker_", "dataset_", "output_path", "baseline_", "start_time", "end_time")


class Assessment:
    """Stands for assess.py: remembers what it is asked, answers with a report or an error."""

    def __init__(self, answer: Report | Exception) -> None:
        self.answer = answer
        self.asked: list[ReportSettings] = []

    def make_report(self, settings: ReportSettings) -> Report:
        self.asked.append(settings)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def write_report(self, report: Report, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        for kind in ("html", "md", "json"):
            (out / f"report.{kind}").write_text(report.endpoint, encoding="utf-8")

    def write_summaries(self, settings: ReportSettings, out: Path, name: str) -> None:
        self.make_report(settings)
        out.mkdir(parents=True)
        (out / f"{name}.json").write_text("{}", encoding="utf-8")


class Machine:
    """SageMaker's folder and environment around one run."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.monkeypatch = monkeypatch

    def run(self, answer: Report | Exception, *argv: str, **environment: str) -> int:
        self.assessment = Assessment(answer)
        for name in ("make_report", "write_report", "write_summaries"):
            self.monkeypatch.setattr(processing, name, getattr(self.assessment, name))
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        return processing.main(["--root", str(self.root), *argv])

    @property
    def message(self) -> str:
        return (self.root / "output/message").read_text(encoding="utf-8")

    def output(self, name: str) -> Any:
        return json.loads((self.root / "processing/output" / name).read_text(encoding="utf-8"))

    def files(self, folder: str) -> set[str]:
        place = self.root / folder
        return {str(one.relative_to(place)) for one in place.rglob("*") if one.is_file()}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("publish_cloudwatch_metrics", raising=False)
    return Machine(tmp_path, monkeypatch)


@pytest.fixture
def drifting(make_report: Callable[..., Report]) -> Report:
    return make_report(drift=True, malformed=3, verdict=Verdict.ALARM)


@pytest.fixture
def healthy(make_report: Callable[..., Report]) -> Report:
    made = make_report(drift=False, malformed=0, verdict=Verdict.OK)
    return replace(made, variants=tuple(replace(one, verdict=Verdict.OK) for one in made.variants))


# --- What a run leaves behind -----------------------------------------------------------------


def test_drift_is_a_result_and_no_failure(machine: Machine, drifting: Report) -> None:
    assert machine.run(drifting) == 0
    assert machine.message.startswith("CompletedWithViolations: ")
    assert "ALARM" in machine.message


def test_a_healthy_endpoint_completes_without_violations(machine: Machine, healthy: Report) -> None:
    assert machine.run(healthy) == 0
    assert machine.message.startswith("Completed: ")
    assert machine.output("constraint_violations.json") == {"violations": []}


def test_a_run_leaves_the_report_the_documents_and_a_copy_under_its_time(
    machine: Machine, drifting: Report
) -> None:
    machine.run(drifting)
    report = {"report.html", "report.md", "report.json"}
    documents = {"statistics.json", "constraints.json", "constraint_violations.json"}
    copy = {f"history/2026-11-24T03-05-00Z/{name}" for name in report}
    assert machine.files("processing/output") == report | documents | copy
    assert machine.files("output") == {"message"}


def test_model_monitor_gets_lines_for_cloudwatch_and_no_copy(
    machine: Machine, drifting: Report
) -> None:
    schedule = {"sagemaker_monitoring_schedule_name": "hourly"}
    machine.run(drifting, **schedule, publish_cloudwatch_metrics="Enabled")
    assert not any(name.startswith("history") for name in machine.files("processing/output"))
    lines = machine.root / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl"
    told = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert {"Name": "MonitoringSchedule", "Value": "hourly"} in told[0]["Dimensions"]


def test_model_monitor_that_wants_no_metrics_gets_none(machine: Machine, drifting: Report) -> None:
    machine.run(
        drifting, sagemaker_monitoring_schedule_name="hourly", publish_cloudwatch_metrics="Disabled"
    )
    assert machine.files("output") == {"message"}


def test_metrics_go_into_the_namespace_under_the_endpoints_own_name(
    machine: Machine, drifting: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[tuple[str, str]] = []
    monkeypatch.setattr(boto3, "client", lambda service: service)
    monkeypatch.setattr(
        metrics, "put_metrics", lambda made, namespace, _: put.append((made.endpoint, namespace))
    )
    machine.run(drifting, SCONES_METRIC_NAMESPACE="Scones", sagemaker_endpoint_name="vehicles")
    assert put == [("vehicles", "Scones")]


@pytest.mark.parametrize(
    "error",
    [
        InvalidBaseline("The baseline is of another model: make one"),
        NothingReadable("There are no captures: look at DataCaptureConfig"),
    ],
)
def test_what_cannot_be_reported_fails_with_its_sentence(
    machine: Machine, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    assert machine.run(error) == 2
    assert machine.message == str(error)
    assert capsys.readouterr().err == f"{error}\n"


def test_a_bad_setting_fails_before_anything_is_read(machine: Machine, healthy: Report) -> None:
    assert machine.run(healthy, SCONES_THRESHOLD="90") == 2
    assert "SCONES_THRESHOLD" in machine.message
    assert machine.assessment.asked == []


def test_an_unforeseen_fault_is_named_in_the_message(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.run(ZeroDivisionError("by zero")) == 1
    assert machine.message == "ZeroDivisionError: by zero"
    assert "Traceback" in capsys.readouterr().err


def test_a_message_is_as_long_as_sagemaker_shows(machine: Machine, healthy: Report) -> None:
    machine.run(replace(healthy, reason="because " * 1000))
    assert len(machine.message) == 1024


# --- Documents --------------------------------------------------------------------------------


def violations(machine: Machine) -> list[dict[str, str]]:
    found: list[dict[str, str]] = machine.output("constraint_violations.json")["violations"]
    return found


def test_each_chart_outside_is_a_drift_of_its_feature(machine: Machine, drifting: Report) -> None:
    machine.run(drifting)
    outside = [one.key for one in drifting.variants[0].charts if one.points[-1].outside]
    drift = [
        one["feature_name"]
        for one in violations(machine)
        if one["constraint_check_type"] == "baseline_drift_check"
    ]
    assert drift == outside
    assert "below_threshold" in drift


def test_an_alarm_of_the_cumulative_sum_alone_is_a_drift_too(
    machine: Machine, healthy: Report
) -> None:
    (variant,) = healthy.variants
    charts = tuple(
        replace(one, points=tuple(replace(point, outside=False) for point in one.points))
        for one in variant.charts
    )
    alarmed = replace(variant, verdict=Verdict.ALARM, charts=charts)
    machine.run(replace(healthy, variants=(alarmed,)))
    assert [one["feature_name"] for one in violations(machine)] == ["confidence"]


def test_malformed_lines_are_a_violation_with_their_reasons(
    machine: Machine, healthy: Report
) -> None:
    counts = replace(healthy.records, malformed=3)
    reasons = {"no JSON": 2, "no captureData": 1}
    machine.run(replace(healthy, records=counts, malformed_reasons=reasons))
    (found,) = violations(machine)
    assert found["constraint_check_type"] == "data_type_check"
    assert found["description"].endswith("no JSON (2), no captureData (1)")


def test_not_enough_data_is_a_violation_of_completeness(machine: Machine, healthy: Report) -> None:
    thin = replace(healthy.variants[0], verdict=Verdict.NOT_ENOUGH_DATA)
    machine.run(replace(healthy, variants=(thin,)))
    assert [one["constraint_check_type"] for one in violations(machine)] == ["completeness_check"]


def test_statistics_count_every_prediction_once(machine: Machine, drifting: Report) -> None:
    machine.run(drifting)
    statistics = machine.output("statistics.json")
    count = drifting.records.read
    assert statistics["dataset"]["item_count"] == count
    confidence, predicted = statistics["features"]
    buckets = confidence["numerical_statistics"]["distribution"]["kll"]["buckets"]
    labels = predicted["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert sum(one["count"] for one in buckets) == pytest.approx(count, abs=len(buckets))
    assert sum(one["count"] for one in labels) == pytest.approx(count, abs=len(labels))
    assert {one["value"] for one in labels} == set(drifting.labels)


def test_constraints_say_how_complete_the_captures_are(machine: Machine, drifting: Report) -> None:
    machine.run(drifting)
    read = drifting.records.read
    for feature in machine.output("constraints.json")["features"]:
        assert feature["completeness"] == pytest.approx(read / (read + 3))


def test_a_report_of_nothing_has_documents_too(machine: Machine, empty_report: Report) -> None:
    assert machine.run(empty_report) == 0
    assert machine.output("statistics.json")["features"] == []
    assert machine.output("constraints.json")["features"][0]["completeness"] == 0


# --- More than one machine --------------------------------------------------------------------


def named(machine: Machine, host: str) -> None:
    config = machine.root / "config/resourceconfig.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"current_host": host, "hosts": ["algo-1", host]}))


def test_each_machine_writes_its_summaries_under_its_name(
    machine: Machine, healthy: Report
) -> None:
    named(machine, "algo-2")
    assert machine.run(healthy, "summarise") == 0
    assert machine.files("processing/output") == {"algo-2.json"}
    assert not machine.assessment.asked[0].cache


def test_a_machine_without_a_share_does_not_fail_the_others(machine: Machine) -> None:
    named(machine, "algo-2")
    assert machine.run(NothingReadable("There are no captures"), "summarise") == 0
    assert "algo-2" in machine.message


def test_a_machine_without_a_name_cannot_summarise(machine: Machine, healthy: Report) -> None:
    assert machine.run(healthy, "summarise") == 2
    assert "resourceconfig.json" in machine.message


def test_the_report_is_made_of_the_summaries(machine: Machine, healthy: Report) -> None:
    machine.run(healthy, "report", SCONES_SUMMARIES="/opt/ml/processing/input/summaries")
    assert machine.assessment.asked[0].summaries == "/opt/ml/processing/input/summaries"
