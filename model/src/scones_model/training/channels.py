"""Read the pictures that a training job is given: its channels, as SageMaker calls them."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from scones_model.data.folders import class_names, divide, pictures, read_pixels
from scones_model.training.fitting import Labelled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scones_model.serving.metadata import Fit

__all__ = ["Channels", "read_channels"]

HELD_OUT_SHARE = 0.15
GREY = (128, 128, 128)


@dataclass(frozen=True)
class Channels:
    """Pictures to train with, and those held out; class number `len(labels)` is neither."""

    labels: tuple[str, ...]
    training: Labelled
    held_out: Labelled

    @property
    def neither(self) -> bool:
        """Whether there are pictures that show none of the classes."""
        return bool((self.training.classes == len(self.labels)).any())


def read_channels(
    train: Path, calibration: Path | None, neither: Path | None, size: int, fit: Fit
) -> Channels:
    """Read `<folder>/<label>/<picture>`, brought to `size` x `size` pixels; raises InvalidFolder.

    Without a `calibration` folder a part of each class of `train` is held out, by content.
    `neither` has `train` and `calibration` folders with pictures of none of the classes.
    """
    labels = class_names(train)
    if calibration is None:
        parts = [divide(pictures(train / label), HELD_OUT_SHARE) for label in labels]
    else:
        parts = [(pictures(train / label), pictures(calibration / label)) for label in labels]
    if neither is not None:
        parts.append((_below(neither / "train"), _below(neither / "calibration")))
    training, held_out = zip(*parts, strict=True)
    return Channels(labels, _labelled(training, size, fit), _labelled(held_out, size, fit))


def _below(folder: Path) -> list[Path]:
    """All pictures below a folder, whatever its subfolders are called."""
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
    return [path for place in (folder, *inner) for path in pictures(place)]


def _labelled(files: Sequence[Sequence[Path]], size: int, fit: Fit) -> Labelled:
    """Pixels of `files`, which are listed class by class."""
    every = [path for group in files for path in group]
    numbers = [number for number, group in enumerate(files) for _ in group]
    pixels = read_pixels(every, (size, size), fit, GREY)
    return Labelled(torch.from_numpy(pixels), torch.tensor(numbers))
