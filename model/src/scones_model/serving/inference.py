"""A model file behind one call: uint8 pixels in, class probabilities out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]

from scones_model.serving.metadata import InvalidMetadata, ModelMetadata

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Classifier", "ModelUnavailable", "find_model"]


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


class Classifier:
    """An ONNX model and its metadata, ready to answer.

    The graph takes uint8 [n, height, width, 3] and gives float32 [n, classes], rows summing to 1;
    normalisation, flip averaging, temperature and softmax are inside it.
    """

    def __init__(self, path: Path) -> None:
        """Load and try the model once; raises ModelUnavailable when the file cannot be served."""
        options = ort.SessionOptions()
        # One thread a call: a 32-pixel picture is too small to share, and calls run side by side.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
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
        shape = self.probabilities(blank).shape
        if shape != expected:
            raise ValueError(f"the graph answers with shape {shape}, its labels need {expected}")
