"""What `drift_report.py` measures of NannyML 0.13: `with_nannyml.py <frames> <out>`."""

from __future__ import annotations

import sys
from pathlib import Path

import nannyml
import numpy as np
import pandas as pd
from measured import cpu_seconds, tell_output


def main(frames: Path, out: Path) -> None:
    """Drift of both columns by window, and estimated accuracy, each with its plot."""
    out.mkdir(exist_ok=True)
    begun = cpu_seconds()
    with np.load(frames) as file:
        columns = dict(file)
    baseline = _frame(columns["baseline_confidence"], columns["baseline_predicted"])
    right = columns["baseline_right"] < columns["baseline_confidence"]
    baseline["truth"] = np.where(right, baseline["answer"], 1 - baseline["answer"])
    current = _frame(columns["confidence"], columns["predicted"])
    windows = len(np.unique(columns["window"]))
    drift = nannyml.UnivariateDriftCalculator(
        column_names=["confidence", "predicted"], treat_as_categorical=["predicted"],
        chunk_number=windows,
    )  # fmt: skip
    drift.fit(baseline).calculate(current).plot(kind="drift").write_html(out / "drift.html")
    accuracy = nannyml.CBPE(
        y_pred_proba="probability", y_pred="answer", y_true="truth", metrics=["accuracy"],
        problem_type="classification_binary", chunk_number=windows,
    )  # fmt: skip
    accuracy.fit(baseline).estimate(current).plot().write_html(out / "accuracy.html")
    tell_output(out, windows, begun)


def _frame(confidence: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    probability = np.where(predicted == 1, confidence, 1 - confidence)
    return pd.DataFrame(
        {
            "confidence": confidence,
            "predicted": predicted.astype(str),
            "answer": predicted,
            "probability": probability,
        }
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
