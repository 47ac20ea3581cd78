"""Labelled pictures in class subfolders: `<folder>/<class>/<picture>`.

Class numbers follow the alphabetical order of the subfolder names, here and in every manifest.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from scones_model.data.images import fit_to, read_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from scones_model.serving.metadata import Fit, Rgb

__all__ = ["InvalidFolder", "class_names", "divide", "pictures", "read_pixels"]

_FEWEST = 2
"""Classes to tell apart, and pictures of each to divide."""


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
    """Split into (rest, `share` of them) by the content's sha256: no seed, no order, no names.

    The same files are always divided the same way, on any machine. Either part holds one file at
    least; raises InvalidFolder for fewer than two files.
    """
    if len(files) < _FEWEST:
        where = files[0].parent if files else "a class subfolder"
        raise InvalidFolder(f"Two or more pictures a class are needed, see {where}.")
    ordered = sorted(files, key=lambda path: hashlib.sha256(path.read_bytes()).digest())
    count = min(max(round(len(ordered) * share), 1), len(ordered) - 1)
    return ordered[count:], ordered[:count]


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
