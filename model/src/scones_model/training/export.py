"""Write a trained network as the one ONNX file that is served, and what lies beside it."""

# mypy: disable-error-code="import-not-found, no-untyped-call"

from __future__ import annotations

import csv
import warnings
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch

from scones_model.serving.inference import Classifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scones_model.serving.metadata import ModelMetadata
    from scones_model.training.network import Served

__all__ = ["ExportDiffers", "export", "write_metadata", "write_predictions"]

TOLERANCE = 1e-4


class ExportDiffers(RuntimeError):
    """The exported graph does not answer as the trained network does."""


def export(served: Served, path: Path, about: ModelMetadata, example: NDArray[np.uint8]) -> None:
    """Write graph and metadata; raises ExportDiffers when the file answers `example` otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = torch.from_numpy(example)
    with warnings.catch_warnings():
        # The newer exporter needs two more packages and makes the same graph.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            served.eval(),
            (pixels,),
            path,
            dynamo=False,
            input_names=["pixels"],
            output_names=["probabilities"],
            dynamic_axes={"pixels": {0: "n"}, "probabilities": {0: "n"}},
        )
    write_metadata(path, about)
    with torch.no_grad():
        trained = served(pixels).numpy()
    gap = float(np.abs(Classifier(path).probabilities(example) - trained).max())
    if gap > TOLERANCE:
        raise ExportDiffers(f"The ONNX file's answers differ by {gap:.2g} from the network's.")


def write_metadata(path: Path, about: ModelMetadata) -> None:
    """Put `about` in place of what the file says about itself."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, about.to_properties())
    onnx.save(model, path)


def write_predictions(
    path: Path, labels: Sequence[str], answers: NDArray[np.float32], truth: NDArray[np.int64]
) -> None:
    """Keep what the file says of the held-out pictures, for monitoring to compare traffic with.

    CSV beside the model: `truth` and a probability for each label, a row a picture.
    """
    with path.with_suffix(".predictions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["truth", *labels])
        for number, row in zip(truth.tolist(), answers.tolist(), strict=True):
            writer.writerow([labels[number], *(f"{value:.6f}" for value in row)])
