"""What a model answers to picture files, read a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scones_model.data.folders import read_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scones_model.serving.inference import Classifier
    from scones_model.serving.metadata import ModelMetadata

__all__ = ["answer", "batches"]

_BATCH = 100


def answer(
    classifier: Classifier,
    files: Sequence[Path],
    done: Callable[[int], object] = lambda _answered: None,
) -> NDArray[np.float32]:
    """Class probabilities [n, classes]; `done` is told how many more pictures are answered."""
    parts = []
    for _, pixels in batches(files, classifier.metadata):
        parts.append(classifier.probabilities(pixels))
        done(len(pixels))
    return np.concatenate(parts)


def batches(files: Sequence[Path], about: ModelMetadata) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(place of the first file, pixels [n, height, width, 3] as the model takes them)."""
    for start in range(0, len(files), _BATCH):
        part = files[start : start + _BATCH]
        yield start, read_pixels(part, about.size, about.fit, about.pad_color)
