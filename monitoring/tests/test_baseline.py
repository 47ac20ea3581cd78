from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pytest
from monitoring.tests.capturing import Traffic
from moto import mock_aws

from scones_monitoring.assess import ReportSettings, make_baseline
from scones_monitoring.capture.summary import Reading, Summary
from scones_monitoring.drift.baseline import Baseline, estimated_accuracy, load_baseline
from scones_monitoring.errors import InvalidBaseline, InvalidUsage

if TYPE_CHECKING:
    from pathlib import Path

PREDICTIONS = "truth,bicycle,motorcycle\n" + "bicycle,0.95,0.05\nmotorcycle,0.3,0.7\n" * 60


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    traffic = Traffic(tmp_path, records=260)
    traffic.hours("2026-11-22T00", 6)
    return traffic


def settings(traffic: Traffic, **options: object) -> ReportSettings:
    plain = ReportSettings(captures=traffic.captures, classes=("bicycle", "motorcycle"))
    return replace(plain, **options)  # type: ignore[arg-type]


def test_captured_hours_become_windows(traffic: Traffic) -> None:
    baseline = make_baseline(settings(traffic))
    assert [(one.first[-2:], one.last[-2:], one.records) for one in baseline.windows] == [
        ("00", "01", 520), ("02", "03", 520), ("04", "05", 520),
    ]  # fmt: skip
    assert baseline.labels == ("bicycle", "motorcycle")
    assert baseline.calibration is None
    assert baseline.compared().made_from == (
        "captures of endpoint vehicles, 22 Nov 00:00-05:59 UTC, 2026"
    )


def test_labels_teach_it_how_often_a_confidence_is_right(traffic: Traffic) -> None:
    baseline = make_baseline(settings(traffic, labels=traffic.labels))
    accuracy = baseline.compared().accuracy
    assert accuracy == pytest.approx(0.91, abs=0.03)
    estimate = estimated_accuracy(baseline.whole, baseline.calibration)
    assert estimate.value == pytest.approx(accuracy, abs=0.01)


def test_an_overconfident_model_is_corrected_by_the_baselines_labels() -> None:
    """Sure at .95, right at .75: the estimate must say .75 of the same confidences."""
    calibration = [(0, 0, 0.0)] * 47 + [(1000, 750, 950.0), (0, 0, 0.0), (0, 0, 0.0)]
    histogram = (0,) * 47 + (200, 0, 0)
    window = Summary("v", "h", "h", 200, 0, 190 * 10**7, 0, (100, 100), histogram)
    assert estimated_accuracy(window, tuple(calibration)).value == pytest.approx(0.75, abs=0.005)
    assert estimated_accuracy(window, None).value == pytest.approx(0.95)


def test_a_file_gives_the_same_baseline_again(traffic: Traffic, tmp_path: Path) -> None:
    baseline = make_baseline(settings(traffic, labels=traffic.labels))
    path = tmp_path / "baseline.json"
    path.write_text(baseline.to_json())
    assert load_baseline(str(path), None) == Baseline.from_json(baseline.to_json(), "x")
    kept = load_baseline(str(path), 0.9)
    assert kept.calibration == baseline.calibration
    assert [one.histogram for one in kept.windows] == [one.histogram for one in baseline.windows]
    assert not any(one.least for one in kept.windows)  # files that the model travels without


def test_predictions_that_training_wrote_are_a_baseline_too(tmp_path: Path) -> None:
    path = tmp_path / "vehicles.csv"
    path.write_text(PREDICTIONS)
    baseline = load_baseline(str(path), None)
    assert baseline.labels == ("bicycle", "motorcycle")
    (window,) = baseline.windows
    assert (window.records, window.below, window.classes) == (120, 60, (60, 60))
    assert baseline.compared().accuracy == 1.0


@pytest.mark.parametrize("text", [
    "", "truth\n", "label,a,b\na,0.9,0.1\n", "truth,a,b\n", "truth,a,b\na,x,y\n",
    "truth,a,b\na,0.9\n", "truth,a,b\na,0.9,0.1\nb,0.5\n", "\x00",
])  # fmt: skip
def test_a_table_that_is_none_of_predictions_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(InvalidBaseline, match="no table of predictions"):
        load_baseline(str(path), None)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"windows": 5}', "\x00", "{" * 10])
def test_a_file_that_is_no_baseline_is_refused_with_what_makes_one(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(InvalidBaseline, match="scones-monitor baseline"):
        load_baseline(str(path), None)


def test_a_baseline_with_wrong_values_is_refused(traffic: Traffic, tmp_path: Path) -> None:
    values = json.loads(make_baseline(settings(traffic)).to_json())
    for name, wrong in (("windows", []), ("threshold", "high"), ("labels", ["one"])):
        path = tmp_path / "b.json"
        path.write_text(json.dumps({**values, name: wrong}))
        with pytest.raises(InvalidBaseline):
            load_baseline(str(path), None)


def test_another_threshold_needs_another_baseline(traffic: Traffic, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(make_baseline(settings(traffic)).to_json())
    with pytest.raises(InvalidBaseline, match=r"below 0\.9, not below 0\.8"):
        load_baseline(str(path), 0.8)


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "absent.json", tmp_path / "absent" / "b.json"):
        with pytest.raises(InvalidBaseline, match=str(place)):
            load_baseline(str(place), None)


def test_too_few_predictions_are_no_baseline(tmp_path: Path) -> None:
    traffic = Traffic(tmp_path, records=40)
    traffic.hours("2026-11-22T00", 2)
    with pytest.raises(InvalidUsage, match=r"at least 100 .* there are 80"):
        make_baseline(settings(traffic))


def test_a_variant_is_compared_with_itself_or_else_with_all(traffic: Traffic) -> None:
    baseline = make_baseline(settings(traffic))
    green = [replace(one, variant="green") for one in baseline.windows[:1]]
    both = replace(baseline, windows=(*baseline.windows, *green))
    assert both.of("green") == tuple(green)
    assert both.of("AllTraffic") == baseline.windows
    assert both.of("new") == both.windows


def test_a_baseline_is_read_from_s3(traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    text = make_baseline(settings(traffic)).to_json()
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="models")
        client.put_object(Bucket="models", Key="b.json", Body=text.encode())
        assert load_baseline("s3://models/b.json", None) == Baseline.from_json(text, "x")
        for place in ("s3://models/absent.json", "s3://nowhere/b.json"):
            with pytest.raises(InvalidBaseline, match=place):
                load_baseline(place, None)


def test_an_empty_reading_is_no_baseline() -> None:
    with pytest.raises(InvalidUsage, match="there are 0"):
        Baseline.from_reading(Reading(), "x", ("a", "b"), 0.9, None)
