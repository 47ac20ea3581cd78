"""What `drift_report.py` measures of Evidently 0.7: `with_evidently.py <frames> <out>`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from measured import cpu_seconds, tell_output

COLUMNS = DataDefinition(numerical_columns=["confidence"], categorical_columns=["predicted"])


def main(frames: Path, out: Path) -> None:
    """Compare each window with the baseline frame, as its documentation does, and write a page."""
    out.mkdir(exist_ok=True)
    begun = cpu_seconds()
    with np.load(frames) as file:
        columns = dict(file)
    baseline = _dataset(columns["baseline_confidence"], columns["baseline_predicted"])
    windows = np.unique(columns["window"])
    for window in windows:
        rows = columns["window"] == window
        current = _dataset(columns["confidence"][rows], columns["predicted"][rows])
        Report([DataDriftPreset()]).run(current, baseline).save_html(str(out / f"{window}.html"))
    tell_output(out, len(windows), begun)


def _dataset(confidence: np.ndarray, predicted: np.ndarray) -> Dataset:
    frame = pd.DataFrame({"confidence": confidence, "predicted": predicted.astype(str)})
    return Dataset.from_pandas(frame, data_definition=COLUMNS)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
