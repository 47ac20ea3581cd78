"""Measure a model file on a folder of labelled pictures, through ONNX Runtime only."""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scones_model.evaluation import figures
from scones_model.data.folders import InvalidFolder, class_names, pictures, read_pixels
from scones_model.serving.inference import Classifier, ModelUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Evaluation", "evaluate", "main"]

_BATCH = 100


@dataclass(frozen=True)
class Evaluation:
    """Figures over `images` pictures; `confusion` counts [true class][predicted class].

    `coverage_90` is the share of pictures answered with confidence .90 or more, and
    `accuracy_90` the accuracy among them.
    """

    images: int
    accuracy: float
    nll: float
    ece: float
    coverage_90: float
    accuracy_90: float
    labels: tuple[str, ...]
    confusion: list[list[int]]

    def as_figures(self) -> dict[str, float]:
        """The plain numbers, rounded for the model file's metadata."""
        numbers = {name: value for name, value in asdict(self).items() if name not in _NOT_NUMBERS}
        return {f"test_{name}": round(value, 4) for name, value in numbers.items()}


_NOT_NUMBERS = ("labels", "confusion")


def evaluate(classifier: Classifier, folder: Path) -> Evaluation:
    """Classify every picture under `folder/<label>/`; raises InvalidFolder for other labels."""
    labels = classifier.metadata.labels
    if set(class_names(folder)) != set(labels):
        raise InvalidFolder(f"{folder} must have exactly the subfolders {', '.join(labels)}.")
    files = [
        (path, number) for number, name in enumerate(labels) for path in pictures(folder / name)
    ]
    probabilities = _probabilities(classifier, [path for path, _ in files])
    truth = np.array([number for _, number in files])
    return _measure(probabilities, truth, labels)


def _probabilities(classifier: Classifier, files: Sequence[Path]) -> NDArray[np.float32]:
    about = classifier.metadata
    pixels = read_pixels(files, about.size, about.fit, about.pad_color)
    parts = [
        classifier.probabilities(pixels[start : start + _BATCH])
        for start in range(0, len(pixels), _BATCH)
    ]
    return np.concatenate(parts)


def _measure(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], labels: tuple[str, ...]
) -> Evaluation:
    share, accuracy_among = figures.coverage(probabilities, truth, 0.90)
    return Evaluation(
        images=len(truth),
        accuracy=figures.accuracy(probabilities, truth),
        nll=figures.nll(probabilities, truth),
        ece=figures.expected_calibration_error(probabilities, truth),
        coverage_90=share,
        accuracy_90=accuracy_among,
        labels=labels,
        confusion=figures.confusion(probabilities, truth).tolist(),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the evaluation as JSON; exit status 2 with a sentence when it cannot be made."""
    parser = argparse.ArgumentParser(prog="scones-model evaluate", description=__doc__)
    parser.add_argument("model", type=Path, help="the .onnx file")
    parser.add_argument("folder", type=Path, help="pictures as <folder>/<label>/<picture>")
    arguments = parser.parse_args(argv)
    try:
        result = evaluate(Classifier(arguments.model), arguments.folder)
    except (InvalidFolder, ModelUnavailable) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(result), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
