"""What `drift_report.py` measures of this project: `with_ours.py <frames> <out>`."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from measured import cpu_seconds, tell_output

from scones_monitoring.assess import ReportSettings, make_report, write_report
from scones_monitoring.capture.summarise import Part
from scones_monitoring.capture.summary import Reading, summarise
from scones_monitoring.drift.baseline import Baseline
from scones_monitoring.evidence import save_summaries

THRESHOLD = 0.9
START = datetime(2026, 11, 1)  # noqa: DTZ001 - hours are UTC and have no zone here
LABELS = ("bicycle", "motorcycle")


def main(frames: Path, out: Path) -> None:
    """Summarise both frames, fit the baseline, judge the windows and write the report."""
    begun = cpu_seconds()
    with np.load(frames) as file:
        columns = dict(file)
    names = ("window", "confidence", "predicted")
    current = _reading(*(columns[name] for name in names))
    usual = _reading(*(columns[name] for name in ("window", *(f"baseline_{n}" for n in names[1:]))))
    baseline = Baseline.from_reading(usual, "the baseline frame", LABELS, THRESHOLD, None)
    save_summaries(out / "summaries/all.json", "bench", THRESHOLD, Part(current, {}))
    (out / "baseline.json").write_text(baseline.to_json())
    settings = ReportSettings(
        captures=str(out), summaries=str(out / "summaries"), baseline=str(out / "baseline.json")
    )
    report = make_report(settings)
    write_report(report, out / "report")
    tell_output(out / "report", len(report.variants[0].windows), begun)


def _reading(windows: np.ndarray, confidences: np.ndarray, predicted: np.ndarray) -> Reading:
    """One summary for each window, as if each was an hour."""
    edges = np.searchsorted(windows, np.arange(windows[-1] + 2))
    summaries = {}
    for number in range(len(edges) - 1):
        rows = slice(edges[number], edges[number + 1])
        hour = f"{START + timedelta(hours=number):%Y-%m-%dT%H}"
        summaries["bench", hour] = summarise(
            "bench", hour, confidences[rows], predicted[rows], len(LABELS), THRESHOLD
        )
    return Reading(summaries)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
