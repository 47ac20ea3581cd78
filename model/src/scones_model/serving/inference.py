"""A model file behind one call: uint8 pixels in, class probabilities out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

# Since 1.29 it tells its maker the model file's name and hashes, unless told not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort  # type: ignore[import-untyped]

from scones_model.serving.metadata import InvalidMetadata, ModelMetadata

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Classifier", "ModelUnavailable", "find_model", "threads"]

MOST_THREADS = 4
"""A picture of 32 pixels is too small to share among more."""

SUM_TOLERANCE = 1e-3
"""Of probabilities in 32 bits, or in 16."""


class ModelUnavailable(RuntimeError):
    """No model can be served from here; the message says why."""


def find_model(folder: Path) -> Path:
    """The one `.onnx` file directly in `folder`; raises ModelUnavailable when there is not one."""
    if not folder.is_dir():
        raise ModelUnavailable(f"The model folder {folder} does not exist; set SM_MODEL_DIR.")
    found = sorted(folder.glob("*.onnx"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise ModelUnavailable(f"{folder} must hold one .onnx file, it holds {names}.")
    return found[0]


def threads() -> int:
    """How many share one call: the cores that this process may use, MOST_THREADS at most."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


def _session_options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    # Threads that spin between layers save a call 0.05 ms of 0.7, and burn the cores that decode
    # pictures and run other calls: 4 ms of processor time a call instead of 1.7.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


class Classifier:
    """An ONNX model and its metadata, ready to answer.

    The graph takes uint8 [n, height, width, 3] and gives float32 [n, classes], rows summing to 1;
    normalisation, temperature and softmax are inside it.
    """

    def __init__(self, path: Path) -> None:
        """Load and try the model once; raises ModelUnavailable when the file cannot be served."""
        try:
            self._session = ort.InferenceSession(
                path, _session_options(), providers=["CPUExecutionProvider"]
            )
            properties = self._session.get_modelmeta().custom_metadata_map
            self.metadata = ModelMetadata.from_properties(properties)
            self._input = self._session.get_inputs()[0].name
            self._try_once()
        except InvalidMetadata as error:
            raise ModelUnavailable(f"{path.name}: {error}") from error
        # ONNX Runtime raises a dozen unrelated classes for a broken file.
        except Exception as error:
            raise ModelUnavailable(f"{path.name} is not a usable model: {error}") from error

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Class probabilities [n, classes] of RGB pixels [n, height, width, 3]."""
        answer: NDArray[np.float32] = self._session.run(None, {self._input: pixels})[0]
        return answer

    def _try_once(self) -> None:
        width, height = self.metadata.size
        blank = np.zeros((1, height, width, 3), dtype=np.uint8)
        expected = (1, len(self.metadata.labels))
        answer = self.probabilities(blank)
        if answer.shape != expected:
            raise ValueError(
                f"the graph answers with shape {answer.shape}, its labels need {expected}"
            )
        if not (answer.min() >= 0 and abs(answer.sum() - 1) < SUM_TOLERANCE):  # NaN is neither
            raise ValueError(f"the graph answers with {answer[0].tolist()}, no probabilities")
