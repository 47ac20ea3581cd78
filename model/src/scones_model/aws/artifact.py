"""model.tar.gz as SageMaker unpacks it into `/opt/ml/model`: the ONNX file and its predictions."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone
from scones_model.serving.inference import find_model

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NoPredictions", "model_files", "packed"]


class NoPredictions(CannotBeDone):
    """Beside the model there is no table of its predictions, the baseline of monitoring."""


def model_files(model: Path) -> tuple[Path, Path]:
    """The ONNX file that `model` is, or holds, and the predictions beside it.

    Raises ModelUnavailable for a folder with none or several models, and NoPredictions.
    """
    onnx = find_model(model) if model.is_dir() else model
    predictions = onnx.with_suffix(".predictions.csv")
    if not predictions.is_file():
        raise NoPredictions(
            f"{predictions} is missing: `scones-model train` writes it beside the model, and "
            "monitoring needs it as a baseline."
        )
    return onnx, predictions


def packed(*files: Path) -> bytes:
    """A gzipped tar of the files' names and content: the same ones give the same bytes.

    Nothing else goes in: no owner, no time, no mode. Nor is anything compressed: weights hardly
    shrink, and what they shrink to differs from one zlib to another.
    """
    memory = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=memory, mode="wb", compresslevel=0, filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path in sorted(files, key=lambda path: path.name):
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.name)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return memory.getvalue()
