"""The wrong answers that look surest, as pictures."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from scones_model.data.images import read_rgb
from scones_model.evaluation import figures
from scones_model.evaluation.result import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scones_model.evaluation.figures import Probabilities
    from scones_model.evaluation.parts import Labelled
    from scones_model.serving.metadata import ModelMetadata

__all__ = ["worst_mistakes"]

_MOST = 12
_SIDE = 96
"""Pixels; a card shows them no larger."""


def worst_mistakes(
    probabilities: Probabilities, pictures: Labelled, about: ModelMetadata, data: Path
) -> Iterator[Mistake]:
    """At most 12 mistakes, most confident first, with paths relative to the folder `data`."""
    wrong = np.flatnonzero(~figures.is_right(probabilities, pictures.classes))
    sure = figures.confidence(probabilities)
    # Stable, so that of equally sure ones the order is always the same.
    for row in wrong[np.argsort(-sure[wrong], kind="stable")][:_MOST].tolist():
        path = pictures.files[row]
        yield Mistake(
            path=path.relative_to(data).as_posix(),
            truth=about.labels[pictures.classes[row]],
            answer=about.labels[probabilities[row].argmax()],
            confidence=float(sure[row]),
            picture=_small(path, about),
        )


def _small(path: Path, about: ModelMetadata) -> str:
    """A PNG in base64, as it was stored but no side over 96 pixels."""
    image = read_rgb(path.read_bytes(), background=about.pad_color)
    image.thumbnail((_SIDE, _SIDE))
    packed = io.BytesIO()
    image.save(packed, "PNG", optimize=True)
    return base64.b64encode(packed.getvalue()).decode("ascii")
