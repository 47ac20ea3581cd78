"""The same figures from a real Spark on this machine as from our own processes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from monitoring.tests.capturing import Traffic
from pyspark.sql import SparkSession

from scones_monitoring.capture import spark as spark_job
from scones_monitoring.capture import summarise
from scones_monitoring.capture.layout import Selection, capture_folders
from scones_monitoring.capture.spark import summarise_with_spark
from scones_monitoring.capture.store import open_store
from scones_monitoring.capture.summarise import summarise_captures
from scones_monitoring.errors import NothingReadable
from scones_monitoring.evidence import ReportSettings, gather

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scones_monitoring.capture.summary import Reading

HOUR = "2026-11-22T10"


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Two worker threads that talk over loopback alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        builder = SparkSession.builder.master("local[2]")
        for name, value in {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        yield session
        session.stop()


@pytest.fixture(scope="session")
def captures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three hours of two variants, with lines in each that are no predictions."""
    root = tmp_path_factory.mktemp("traffic")
    for seed, variant in enumerate(("Blue", "Green")):
        Traffic(root, records=70, variant=variant).hours(HOUR, 3, seed=seed)
    for file in root.rglob("captures/**/0030.jsonl"):
        text = file.read_bytes()
        file.write_bytes(b"{}\n" + text + b"\xff\n" + text[:200])
    return str(root / "captures")


def alone(captures: str, selection: Selection) -> Reading:
    store = open_store(captures)
    folders = capture_folders(store, selection)
    return summarise_captures(store, folders, 0.9, cache=False).reading


@pytest.mark.parametrize("selection", [Selection(), Selection(variant="Green")])
def test_spark_summarises_exactly_as_one_machine_does(
    spark: SparkSession, captures: str, selection: Selection
) -> None:
    made = summarise_with_spark(spark, captures, selection, 0.9)
    variants = 1 if selection.variant else 2
    assert sum(each.records for each in made.summaries.values()) == variants * 3 * 70
    assert made.malformed.count == variants * 3 * 3
    assert made == alone(captures, selection)


def test_files_of_one_hour_that_several_tasks_read_make_one_summary(
    spark: SparkSession, captures: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summarise, "SHARE_BYTES", 1)
    made = summarise_with_spark(spark, captures, Selection(), 0.9)
    assert made == alone(captures, Selection())


def test_a_report_can_be_made_of_what_the_job_has_written(
    spark: SparkSession, captures: str, tmp_path: Path
) -> None:
    assert spark_job.main(["--captures", captures, "--out", str(tmp_path)]) == 0
    evidence = gather(ReportSettings(captures=captures, summaries=str(tmp_path)))
    assert evidence.endpoint == "vehicles"
    assert evidence.reading == alone(captures, Selection())


def test_a_folder_without_captures_is_said_to_have_none(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NothingReadable, match="holds no capture files"):
        summarise_with_spark(spark, str(tmp_path), Selection(), 0.9)
    assert spark_job.main(["--captures", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "holds no capture files" in capsys.readouterr().err
