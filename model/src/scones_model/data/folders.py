"""Labelled pictures in class subfolders: `<folder>/<class>/<picture>`.

Class numbers follow the alphabetical order of the subfolder names, here and in every manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from scones_model.data.copies import look_at
from scones_model.data.division import TooAlike, choose_some
from scones_model.data.images import fit_to, read_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scones_model.serving.metadata import Fit, Rgb

__all__ = [
    "MAX_SIDE", "InvalidFolder", "class_names", "divide", "pictures", "read_picture",
    "read_pixels",
]  # fmt: skip

MAX_SIDE = 256
"""Pixels; larger photos are shrunk to it, as no model here looks closer."""

_WHITE = (255, 255, 255)
_FEWEST = 2
"""Classes to tell apart."""


class InvalidFolder(ValueError):
    """The folder does not hold class subfolders with pictures."""


def class_names(folder: Path) -> tuple[str, ...]:
    """Names of the class subfolders, in class order; hidden folders are not classes."""
    if not folder.is_dir():
        raise InvalidFolder(f"There is no folder {folder}.")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    names = [name for name in names if not name.startswith(".")]
    if len(names) < _FEWEST:
        raise InvalidFolder(
            f"{folder} needs two or more class subfolders with pictures, it has {len(names)}."
        )
    return tuple(names)


def pictures(folder: Path) -> list[Path]:
    """The files of one class subfolder, sorted by name; hidden files are not pictures."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [path for path in files if not path.name.startswith(".")]


def divide(files: Sequence[Path], share: float) -> tuple[list[Path], list[Path]]:
    """Split pictures of one class into (rest, `share` of them), in the order they are given.

    What they show decides (see division.choose_some), so the same pictures are always divided the
    same way, on any machine, and near copies stay together if possible. Either part holds one
    picture at least; raises InvalidFolder when that cannot be, and when a file is no picture.
    """
    try:
        chosen = set(choose_some(look_at(map(read_picture, files)), share))
    except TooAlike as error:
        where = files[0].parent if files else "A class subfolder"
        raise InvalidFolder(
            f"{where} has too few different pictures to be divided ({len(files)}): {error} "
            "Add pictures."
        ) from error
    rest = [path for row, path in enumerate(files) if row not in chosen]
    return rest, [files[row] for row in sorted(chosen)]


def read_picture(path: Path) -> Image.Image:
    """A file as RGB, upright, no side over MAX_SIDE; raises InvalidFolder naming the file.

    Transparent parts become white.
    """
    try:
        # A large JPEG is decoded at a scale that still leaves the resampling something to average.
        scale = (2 * MAX_SIDE, 2 * MAX_SIDE)
        picture = read_rgb(path.read_bytes(), background=_WHITE, upright=True, at_least=scale)
    except OSError as error:
        raise InvalidFolder(f"{path}: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidFolder(f"{path}: {error}") from error
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return picture


def read_pixels(
    files: Sequence[Path], size: tuple[int, int], fit: Fit, pad_color: Rgb
) -> NDArray[np.uint8]:
    """Read pictures to RGB pixels [n, height, width, 3] of one size (width, height).

    Raises InvalidFolder naming the file that is no picture.
    """
    pixels = np.empty((len(files), size[1], size[0], 3), dtype=np.uint8)
    for row, path in enumerate(files):
        try:
            image = read_rgb(path.read_bytes(), background=pad_color)
        except ValueError as error:
            raise InvalidFolder(f"{path}: {error} Remove or replace it.") from error
        pixels[row] = np.asarray(fit_to(image, size, fit, pad_color))
    return pixels
