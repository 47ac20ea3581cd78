"""The command line as a person uses it: exit statuses, sentences, files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from monitoring.tests.capturing import Traffic

from scones_monitoring.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Traffic:
    traffic = Traffic(tmp_path_factory.mktemp("traffic"), records=500)
    traffic.hours("2026-11-22T00", 20, seed=1)
    traffic.hours("2026-11-22T20", 3, seed=3, degraded=0.4)
    options = [
        "--captures",
        traffic.captures,
        "--labels",
        traffic.labels,
        "--to",
        "2026-11-22T18:00Z",
    ]
    assert main(["baseline", *options, "--out", str(traffic.root / "baseline.json")]) == 0
    return traffic


def run(traffic: Traffic, out: Path, *options: str) -> int:
    captures, baseline = traffic.captures, str(traffic.root / "baseline.json")
    given = ["--captures", captures, "--baseline", baseline, "--out", str(out), *options]
    return main(["report", *given])


def test_an_alarm_is_status_3_and_is_told_with_the_reports_path(
    traffic: Traffic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(traffic, tmp_path, "--labels", traffic.labels, "--threshold", "0.9") == 3
    said = capsys.readouterr().out
    assert said.startswith("ALARM  Share below the threshold")
    assert f"11500 predictions read, 0 lines malformed. The report: {tmp_path}/report.html" in said
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["verdict"] == "ALARM"
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.md", "report.json"}


def test_all_well_is_status_0(traffic: Traffic, tmp_path: Path) -> None:
    assert run(traffic, tmp_path, "--from", "2026-11-22T18", "--to", "2026-11-22T20:00Z") == 0
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "OK"


def test_a_report_without_baseline_is_status_0(traffic: Traffic, tmp_path: Path) -> None:
    assert main(["report", "--captures", traffic.captures, "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["verdict"] == "NOT COMPARED"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--captures", "/absent"], "There is no folder /absent: name one, or s3://bucket/prefix."),
        (["--from", "2026-11-22T10:30"], "is no whole hour"),
        (["--from", "2026-11-23", "--to", "2026-11-22"], "is not before"),
        (["--variant", "red"], "no variant red"),
        (["--baseline", "/absent/b.json"], "The baseline /absent/b.json cannot be read"),
        (["--threshold", "0.8"], "make another with --threshold 0.8"),
        (["--labels", "/absent"], "There is no folder /absent"),
    ],
)
def test_bad_usage_is_status_2_with_a_sentence_that_says_what_to_do(
    traffic: Traffic, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    options: list[str], sentence: str,
) -> None:  # fmt: skip
    assert run(traffic, tmp_path, *options) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [
    ["report"], ["report", "--captures", "x", "--out", "y", "--threshold", "1.5"],
    ["report", "--captures", "x", "--out", "y", "--threshold", "high"],
    ["simulate", "--runs", "0"], ["simulate", "--sizes", "a"], ["nonsense"], [],
])  # fmt: skip
def test_wrong_options_are_status_2(options: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(options)
    assert ended.value.code == 2


def test_a_baseline_is_of_captures_or_of_predictions_not_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "b.json")]
    assert main(["baseline", *out]) == 2
    assert main(["baseline", *out, "--captures", "x", "--predictions", "y"]) == 2
    assert capsys.readouterr().err.count("from --captures or from --predictions") == 2
    assert main(["baseline", *out, "--predictions", str(tmp_path / "absent.csv")]) == 2


def test_predictions_become_a_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "bicycle,0.95,0.05\nmotorcycle,0.3,0.7\n" * 60
    (tmp_path / "p.csv").write_text(f"truth,bicycle,motorcycle\n{rows}")
    out = tmp_path / "new" / "b.json"
    assert main(["baseline", "--predictions", str(tmp_path / "p.csv"), "--out", str(out)]) == 0
    assert "120 predictions in 1 windows, mean confidence 0.825, 50.0% below 0.9" in (
        capsys.readouterr().out
    )
    assert json.loads(out.read_text())["labels"] == ["bicycle", "motorcycle"]


def test_the_simulation_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--runs", "1", "--sizes", "100", "--baseline-windows", "3"]) == 0
    said = capsys.readouterr().out
    assert "healthy" in said
    assert "PSI>=.1" in said
