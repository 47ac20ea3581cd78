"""One runtime in a process of its own: `timed_model.py <onnxruntime|pytorch> <model>`.

Takes a line of JSON, answers with one: `{"pictures": 32, "calls": 10}` with the seconds that each
call took, `{"pictures": 32, "calls": 0}` with the probabilities of those pictures.
"""

# Each runtime is imported where it is asked for: the other need not be installed.
# ruff: noqa: PLC0415

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch_graph import TorchClassifier

    from scones_model.serving.inference import Classifier


def main(runtime: str, model: Path) -> None:
    """Answer until the input ends."""
    classifier = _loaded(runtime, model)
    width, height = classifier.metadata.size
    for line in sys.stdin:
        asked = json.loads(line)
        shape = (asked["pictures"], height, width, 3)
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        first = classifier.probabilities(pixels)
        times = []
        for _ in range(asked["calls"]):
            started = time.perf_counter()
            classifier.probabilities(pixels)
            times.append(time.perf_counter() - started)
        print(json.dumps(times or first.tolist()), flush=True)


def _loaded(runtime: str, model: Path) -> Classifier | TorchClassifier:
    if runtime == "pytorch":
        from torch_graph import TorchClassifier

        return TorchClassifier(model)
    from scones_model.serving.inference import Classifier

    return Classifier(model)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
