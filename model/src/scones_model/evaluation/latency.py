"""How long a model takes for one picture, as the endpoint runs it."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from scones_model.serving.inference import threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scones_model.serving.inference import Classifier

__all__ = ["THREADS", "latency_ms"]

THREADS = threads()
"""That `Classifier` gives a call."""
_WARM_UP = 10
_CALLS = 100


def latency_ms(classifier: Classifier) -> float:
    """Median milliseconds of one picture through the model, without reading the picture."""
    width, height = classifier.metadata.size
    one = np.zeros((1, height, width, 3), dtype=np.uint8)
    times = [_seconds(classifier, one) for _ in range(_WARM_UP + _CALLS)]
    return 1000 * median(times[_WARM_UP:])


def _seconds(classifier: Classifier, one: NDArray[np.uint8]) -> float:
    started = time.perf_counter()
    classifier.probabilities(one)
    return time.perf_counter() - started
