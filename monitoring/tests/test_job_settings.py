"""What a Processing job is told by its environment, ours and Model Monitor's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from scones_monitoring.errors import InvalidUsage
from scones_monitoring.job.settings import Job

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 10, 20, tzinfo=UTC)
WINDOW = {"start_time": "2026-11-22T09:00:00Z", "end_time": "2026-11-22T10:00:00Z"}


def a_job(root: Path, **environment: str) -> Job:
    return Job.from_environment(environment, root, NOW)


def test_a_plain_job_reads_its_endpoints_captures_of_a_week(tmp_path: Path) -> None:
    job = a_job(tmp_path, SCONES_CAPTURES="s3://captures/in/", sagemaker_endpoint_name="vehicles")
    assert job.settings.captures == "s3://captures/in/vehicles"
    assert (job.settings.first, job.settings.last) == ("2026-11-15T11", None)
    assert job.settings.cache
    assert job.output == tmp_path / "processing/output"
    assert job.namespace is None


def test_model_monitors_environment_is_enough(tmp_path: Path) -> None:
    captures = tmp_path / "endpoint/vehicles"
    captures.mkdir(parents=True)
    job = a_job(
        tmp_path,
        dataset_source=str(captures.parent),
        dataset_format='{"sagemakerCaptureJson":{"captureIndexNames":["endpointOutput"]}}',
        output_path=str(tmp_path / "result"),
        publish_cloudwatch_metrics="Enabled",
        sagemaker_endpoint_name="vehicles",
        sagemaker_monitoring_schedule_name="hourly",
        **WINDOW,
    )
    assert job.settings.captures == str(captures)
    assert (job.settings.first, job.settings.last) == ("2026-11-22T09", "2026-11-22T10")
    assert not job.settings.cache
    assert job.output == tmp_path / "result"
    assert (job.endpoint, job.schedule, job.metric_lines) == ("vehicles", "hourly", True)


def test_captures_that_lie_without_the_endpoints_folder_are_read_too(tmp_path: Path) -> None:
    job = a_job(tmp_path, dataset_source=str(tmp_path), sagemaker_endpoint_name="vehicles")
    assert job.settings.captures == str(tmp_path)


def test_our_captures_and_look_back_outdo_model_monitors_window(tmp_path: Path) -> None:
    ours = {"SCONES_CAPTURES": "s3://captures", "SCONES_HOURS": "48"}
    job = a_job(tmp_path, dataset_source=str(tmp_path), **ours, **WINDOW)
    assert job.settings.captures == "s3://captures"
    assert (job.settings.first, job.settings.last) == ("2026-11-20T10", "2026-11-22T10")


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2026-11-22T10:00:00Z", "2026-11-22T10"),
        ("2026-11-22T10:00:01Z", "2026-11-22T11"),
        ("2026-11-22T10:00:00", "2026-11-22T10"),
        ("2026-11-22T12:00:00+02:00", "2026-11-22T10"),
    ],
)
def test_a_window_ends_with_its_last_begun_hour_in_utc(tmp_path: Path, end: str, last: str) -> None:
    assert a_job(tmp_path, end_time=end).settings.last == last


@pytest.mark.parametrize("name", ["baseline_statistics", "baseline_constraints"])
def test_a_schedules_baseline_is_taken_as_file_or_folder(tmp_path: Path, name: str) -> None:
    file = tmp_path / "baseline/ours.json"
    file.parent.mkdir()
    file.touch()
    assert a_job(tmp_path, **{name: str(file)}).settings.baseline == str(file)
    assert a_job(tmp_path, **{name: str(file.parent)}).settings.baseline == str(file)


def test_our_baseline_outdoes_the_schedules(tmp_path: Path) -> None:
    both = {"SCONES_BASELINE": "s3://reports/one.json", "baseline_statistics": str(tmp_path)}
    assert a_job(tmp_path, **both).settings.baseline == "s3://reports/one.json"


def test_a_baseline_that_is_not_mounted_is_none(tmp_path: Path) -> None:
    assert a_job(tmp_path, baseline_statistics=str(tmp_path / "no")).settings.baseline is None


def test_an_empty_setting_is_none(tmp_path: Path) -> None:
    names = ("SCONES_BASELINE", "SCONES_LABELS", "SCONES_HOURS", "SCONES_METRIC_NAMESPACE")
    assert a_job(tmp_path, **dict.fromkeys(names, "")) == a_job(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCONES_THRESHOLD", "ninety"),
        ("SCONES_THRESHOLD", "90"),
        ("SCONES_THRESHOLD", "0"),
        ("SCONES_THRESHOLD", "nan"),
        ("SCONES_WANTED_ACCURACY", "1.01"),
        ("SCONES_HOURS", "0"),
        ("SCONES_HOURS", "a week"),
        ("SCONES_HOURS", "9" * 5000),
        ("start_time", "yesterday"),
        ("end_time", "22.11.2026"),
    ],
)
def test_a_setting_without_sense_is_refused_by_its_name(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(InvalidUsage, match=name):
        a_job(tmp_path, **{name: value})
