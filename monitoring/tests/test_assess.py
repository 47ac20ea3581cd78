"""Reports of made-up traffic, whole: verdicts, their reasons, and every part of the report."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from monitoring.tests.capturing import Traffic, capture, line
from moto import mock_aws

from scones_monitoring.assess import (
    ReportSettings,
    make_baseline,
    make_report,
    write_report,
    write_summaries,
)
from scones_monitoring.errors import InvalidUsage, MonitoringError, NothingReadable
from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from scones_monitoring.report import Report

CLEAN = "2026-11-23T00"
"""Baseline before, the period to judge from here on."""


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Traffic:
    """A day of baseline, six clean hours, six drifted ones; 500 predictions an hour."""
    traffic = Traffic(tmp_path_factory.mktemp("traffic"), records=500)
    traffic.hours("2026-11-22T00", 24, seed=1)
    traffic.hours("2026-11-23T00", 6, seed=2)
    traffic.hours("2026-11-23T06", 6, seed=3, degraded=0.3)
    baseline = make_baseline(
        ReportSettings(captures=traffic.captures, labels=traffic.labels, last=CLEAN)
    )
    (traffic.root / "baseline.json").write_text(baseline.to_json())
    return traffic


def report(traffic: Traffic, **options: Any) -> Report:
    settings = ReportSettings(
        captures=traffic.captures, baseline=str(traffic.root / "baseline.json"), first=CLEAN
    )
    return make_report(replace(settings, **options))


def test_healthy_hours_are_ok(traffic: Traffic) -> None:
    made = report(traffic, last="2026-11-23T06")
    assert made.verdict is Verdict.OK
    assert made.reason == "All 6 windows are within their limits."
    assert made.notes == ()


def test_a_drift_is_an_alarm_that_says_what_strayed_how_far_and_since_when(
    traffic: Traffic,
) -> None:
    made = report(traffic)
    assert made.verdict is Verdict.ALARM
    assert made.reason.startswith("Share below the threshold ")
    assert made.reason.endswith("since 23 Nov 06:00.")
    (variant,) = made.variants
    assert [window.verdict for window in variant.windows[:6]] == [Verdict.OK] * 6
    assert [window.verdict for window in variant.windows[7:]] == [Verdict.ALARM] * 5
    below, confidence, share = variant.charts
    assert [chart.key for chart in variant.charts] == [
        "below_threshold", "confidence", "share:motorcycle",
    ]  # fmt: skip
    assert all(point.outside for point in (*below.points[6:], *confidence.points[6:]))
    assert not any(point.outside for point in share.points)
    assert variant.windows[-1].psi.value > variant.windows[-1].psi.limit  # type: ignore[union-attr, operator]


def test_an_alarm_that_is_over_leaves_a_warning_with_its_times(
    tmp_path: Path, traffic: Traffic
) -> None:
    after = Traffic(tmp_path, records=500)
    after.hours("2026-11-23T00", 3, seed=2)
    after.hours("2026-11-23T03", 4, seed=3, degraded=0.3)
    after.hours("2026-11-23T07", 6, seed=4)
    made = report(traffic, captures=after.captures)
    assert made.verdict is Verdict.WARNING
    assert "from 23 Nov 03:00 to 23 Nov 0" in made.reason
    assert "within limits again after that" in made.reason


def test_without_a_baseline_nothing_is_compared_and_the_report_says_so(traffic: Traffic) -> None:
    made = report(traffic, baseline=None)
    assert made.verdict is Verdict.NOT_COMPARED
    assert "no baseline" in made.reason
    assert made.baseline is None
    assert made.histogram.baseline is None
    (variant,) = made.variants
    assert {window.verdict for window in variant.windows} == {Verdict.NOT_COMPARED}
    assert all(point.low is None for chart in variant.charts for point in chart.points)
    assert made.labels == ("class 0", "class 1")
    assert any("no names" in note for note in made.notes)


def test_few_predictions_are_not_judged(tmp_path: Path, traffic: Traffic) -> None:
    few = Traffic(tmp_path, records=60)
    few.hours(CLEAN, 1, degraded=1.0)
    made = report(traffic, captures=few.captures)
    assert made.verdict is Verdict.NOT_ENOUGH_DATA
    assert "60 predictions, and at least 100 are needed" in made.reason


def test_records_and_period_are_told(traffic: Traffic) -> None:
    made = report(traffic)
    assert (made.records.read, made.records.malformed) == (6000, 0)
    assert (made.period.first, made.period.last) == (CLEAN, "2026-11-23T11")  # type: ignore[union-attr]
    assert sum(made.histogram.current) == pytest.approx(1)


def test_labels_give_accuracy_thresholds_and_the_one_that_is_wanted(traffic: Traffic) -> None:
    made = report(traffic, labels=traffic.labels, last="2026-11-23T06", wanted_accuracy=0.97)
    assert made.accuracy is not None
    assert made.accuracy.labelled == 3000
    assert made.accuracy.unmatched > 0
    assert made.accuracy.accuracy.low < 0.91 < made.accuracy.accuracy.high
    assert made.accuracy.ece < 0.05
    at = {one.threshold: one for one in made.thresholds}
    assert at[0.9].accuracy == pytest.approx(0.985, abs=0.01)
    assert at[0.9].coverage == pytest.approx(0.65, abs=0.04)
    wanted = made.threshold_for_wanted
    assert wanted is not None
    assert wanted.accuracy is not None
    assert wanted.accuracy >= 0.97
    assert wanted.threshold < 0.9


def test_the_estimate_follows_the_accuracy_that_labels_show(traffic: Traffic) -> None:
    for last in ("2026-11-23T06", None):
        made = report(traffic, labels=traffic.labels, last=last)
        assert made.accuracy is not None
        assert made.estimated_accuracy is not None
        assert made.estimated_accuracy.value == pytest.approx(
            made.accuracy.accuracy.value, abs=0.02
        )
        assert "baseline" in made.estimated_accuracy.assumption


def test_the_gallery_shows_the_least_confident_first(traffic: Traffic) -> None:
    shown = report(traffic).gallery
    assert len(shown) == 12
    assert [one.confidence for one in shown] == sorted(one.confidence for one in shown)
    assert all((one.image or "").startswith("data:image/png;base64,") for one in shown)
    assert {one.predicted for one in shown} <= {"bicycle", "motorcycle"}


def test_variants_are_judged_each(tmp_path: Path, traffic: Traffic) -> None:
    for variant, degraded in (("blue", 0.0), ("green", 0.4)):
        Traffic(tmp_path, records=500, variant=variant).hours(CLEAN, 4, degraded=degraded, seed=9)
    made = report(traffic, captures=str(tmp_path / "captures"))
    assert {one.variant: one.verdict for one in made.variants} == {
        "blue": Verdict.OK, "green": Verdict.ALARM,
    }  # fmt: skip
    assert made.verdict is Verdict.ALARM
    assert made.reason.startswith("green: share below the threshold")
    alone = report(traffic, captures=str(tmp_path / "captures"), variant="blue")
    assert [one.variant for one in alone.variants] == ["blue"]


def test_variants_may_know_different_numbers_of_classes(tmp_path: Path) -> None:
    when = datetime.fromisoformat(f"{CLEAN}:00")
    for variant, answer in (("old", [0.7, 0.3]), ("new", [0.2, 0.2, 0.6])):
        record = capture(answer, time="2026-11-23T00:00:00Z")
        Traffic(tmp_path, variant=variant).file("captures", when, "a.jsonl", [line(record)] * 120)
    made = make_report(ReportSettings(captures=str(tmp_path / "captures")))
    assert [one.class_shares for one in made.variants] == [
        {"class 0": 0.0, "class 1": 0.0, "class 2": 1.0},
        {"class 0": 1.0, "class 1": 0.0, "class 2": 0.0},
    ]
    write_report(made, tmp_path / "out")


def test_malformed_lines_are_counted_listed_and_never_fatal(
    tmp_path: Path, traffic: Traffic
) -> None:
    odd = Traffic(tmp_path, records=150)
    odd.hours(CLEAN, 1)
    when = datetime.fromisoformat(f"{CLEAN}:00")
    place = odd.file("captures", when, "odd.jsonl", [line(capture()), line(capture())[:150]])
    made = report(traffic, captures=odd.captures)
    assert (made.records.read, made.records.malformed) == (150, 1)  # the good line is of 2026-11-22
    (listed,) = made.malformed
    assert place.as_posix().endswith(listed.file)
    assert (listed.offset, listed.reason) == (len(line(capture())), "no JSON")
    assert made.malformed_reasons == {"no JSON": 1}


def test_captures_and_labels_in_s3_give_the_same_report(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = report(traffic, labels=traffic.labels)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        for path in (
            *Path(traffic.captures).rglob("*.jsonl"),
            *Path(traffic.labels).rglob("*.jsonl"),
        ):
            key = path.relative_to(traffic.root).as_posix()
            client.put_object(Bucket="data", Key=key, Body=path.read_bytes())
        places = {"captures": "s3://data/captures", "labels": "s3://data/labels/"}
        there = report(traffic, **places)
        same = {"made_at": "", "captures": ""}
        assert replace(there, **same) == replace(here, **same)  # type: ignore[arg-type]
        kept = client.list_objects_v2(Bucket="data", Prefix="captures/_summaries/")
        assert kept["KeyCount"] == 13  # the period's hours, and one before it


def test_several_machines_shares_give_the_same_report(tmp_path: Path, traffic: Traffic) -> None:
    whole = report(traffic, labels=traffic.labels)
    shares = [tmp_path / name for name in ("one", "two")]
    files = sorted(Path(traffic.captures).rglob("*.jsonl"))
    for number, path in enumerate(files):
        if "_summaries" not in path.parts:
            copy = shares[number % 2] / path.relative_to(traffic.captures)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    for share in shares:
        one = ReportSettings(captures=str(share), labels=traffic.labels, threshold=0.9)
        write_summaries(one, tmp_path / "summaries", share.name)
    merged = report(traffic, labels=traffic.labels, summaries=str(tmp_path / "summaries"))
    same = {"made_at": "", "gallery": ()}
    assert replace(merged, **same) == replace(whole, **same)  # type: ignore[arg-type]
    assert [one.offset for one in merged.gallery] == [one.offset for one in whole.gallery]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"endpoint": "x"}'])
def test_what_is_no_summary_is_refused_by_name(
    tmp_path: Path, traffic: Traffic, content: str
) -> None:
    (tmp_path / "algo-1.json").write_text(content)
    with pytest.raises(NothingReadable, match="algo-1"):
        report(traffic, summaries=str(tmp_path))


def test_ground_truth_as_captures_is_refused_with_the_reason(traffic: Traffic) -> None:
    with pytest.raises(NothingReadable, match=r"None of the .* no captureData"):
        report(traffic, captures=traffic.labels, first=None)


def test_a_period_without_predictions_is_refused(traffic: Traffic) -> None:
    with pytest.raises(MonitoringError, match="2026-12-01T00"):
        report(traffic, first="2026-12-01T00")


def test_another_models_baseline_is_refused(tmp_path: Path, traffic: Traffic) -> None:
    three = Traffic(tmp_path)
    record = capture([0.5, 0.3, 0.2], time="2026-11-23T00:00:00Z")
    three.file("captures", datetime.fromisoformat(f"{CLEAN}:00"), "a.jsonl", [line(record)] * 200)
    with pytest.raises(InvalidUsage, match="3 classes, and 2 are named"):
        report(traffic, captures=three.captures)


def test_labels_name_the_classes_of_a_baseline_that_only_counts_them(
    traffic: Traffic, tmp_path: Path
) -> None:
    counted = make_baseline(ReportSettings(captures=traffic.captures, last=CLEAN))
    assert counted.labels == ("class 0", "class 1")
    (tmp_path / "counted.json").write_text(counted.to_json())
    made = report(traffic, baseline=str(tmp_path / "counted.json"), labels=traffic.labels)
    assert made.verdict is Verdict.ALARM
    assert made.labels == ("bicycle", "motorcycle")
    assert made.accuracy is not None
    assert made.accuracy.labelled == 6000
    assert any("Taken for the classes" in note for note in made.notes)
    three = Traffic(tmp_path)
    record = capture([0.5, 0.3, 0.2], time="2026-11-23T00:00:00Z")
    three.file("captures", datetime.fromisoformat(f"{CLEAN}:00"), "a.jsonl", [line(record)] * 200)
    with pytest.raises(MonitoringError, match="of the classes class 0, class 1, not"):
        report(traffic, captures=three.captures, baseline=str(tmp_path / "counted.json"))


def test_labels_that_match_nothing_are_told(tmp_path: Path, traffic: Traffic) -> None:
    (tmp_path / "a.jsonl").write_text("")
    made = report(traffic, labels=str(tmp_path))
    assert made.accuracy is None
    assert any("None of the captured predictions has a label" in note for note in made.notes)


def test_a_report_is_written_as_page_markdown_and_json(tmp_path: Path, traffic: Traffic) -> None:
    made = report(traffic, labels=traffic.labels)
    write_report(made, tmp_path / "out")
    page, markdown, text = (
        (tmp_path / "out" / f"report.{kind}").read_text() for kind in ("html", "md", "json")
    )
    values = json.loads(text)
    assert values["verdict"] == "ALARM"
    assert values["records"] == {"read": 6000, "malformed": 0}
    assert {"threshold", "coverage", "accuracy"} <= values["thresholds"][0].keys()
    assert made.reason in values["reason"]
    for shown in (page, markdown):
        assert "ALARM" in shown
        assert "since 23 Nov 06:00" in shown
    assert 30_000 < len(page.encode()) < 130_000


def test_a_baseline_of_few_windows_is_noted(traffic: Traffic, tmp_path: Path) -> None:
    few = make_baseline(
        ReportSettings(captures=traffic.captures, labels=traffic.labels, last="2026-11-22T08")
    )
    (tmp_path / "few.json").write_text(few.to_json())
    made = report(traffic, baseline=str(tmp_path / "few.json"))
    assert made.verdict is Verdict.ALARM
    assert any("8 windows" in note for note in made.notes)


def test_a_models_validation_predictions_are_baseline_enough(
    traffic: Traffic, tmp_path: Path
) -> None:
    rows = [f"bicycle,{p},{1 - p:.3f}" for p in (0.99, 0.97, 0.95, 0.93, 0.92, 0.91, 0.7, 0.6, 0.3)]
    rows += [f"motorcycle,{1 - p:.3f},{p}" for p in (0.99, 0.98, 0.96, 0.95, 0.93, 0.91, 0.8, 0.6)]
    (tmp_path / "p.csv").write_text("\n".join(["truth,bicycle,motorcycle", *rows * 8]) + "\n")
    made = report(traffic, baseline=str(tmp_path / "p.csv"), last="2026-11-23T06")
    assert made.verdict in {Verdict.OK, Verdict.WARNING}
    assert any("single set of predictions" in note for note in made.notes)
    assert any("shares of classes are not judged" in note for note in made.notes)
    assert [chart.key for chart in made.variants[0].charts] == ["below_threshold", "confidence"]
    write_report(made, tmp_path / "out")
    assert made.baseline is not None
    assert made.baseline.accuracy == pytest.approx(16 / 17)
