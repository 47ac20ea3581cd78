"""Find pictures that are nearly the same: repeats, recoloured products, mirrored copies.

Such copies on both sides of a division make a model look better than it is: CIFAR-100 has them
between its own training and test pictures (Barz and Denzler 2020, "Do We Train on Test Data?").
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["NEAR", "Looks", "fingerprints", "groups", "look_at", "near_copies"]

NEAR = 0.9
"""Correlation from which two pictures are called copies: chosen by looking at CIFAR-100's vehicles,
where pairs above it are the same photo or the same product in another colour."""

_SIDE = 16
_ROWS = 1024


@dataclass(frozen=True)
class Looks:
    """What tells pictures apart: fingerprints [n, 768] and the SHA-256 of each one's pixels."""

    prints: NDArray[np.float32]
    digests: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.digests)

    def of(self, rows: Sequence[int]) -> Looks:
        """Those of some of the pictures."""
        return Looks(self.prints[rows], tuple(self.digests[row] for row in rows))


def look_at(images: Iterable[Image.Image]) -> Looks:
    """Go once through RGB pictures, which need not all be held at a time."""
    digests: list[bytes] = []

    def noted() -> Iterator[Image.Image]:
        for image in images:
            digests.append(hashlib.sha256(image.tobytes()).digest())
            yield image

    return Looks(fingerprints(noted()), tuple(digests))


def fingerprints(images: Iterable[Image.Image]) -> NDArray[np.float32]:
    """Each RGB picture as 16 x 16 colours, centred, of length 1: [n, 768]; a blank one is 0."""
    small = [
        np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.float32).ravel()
        for image in images
    ]
    rows = np.stack(small) if small else np.empty((0, 3 * _SIDE**2), dtype=np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    # A blank picture correlates with nothing, itself included.
    prints: NDArray[np.float32] = np.divide(
        rows, lengths, out=np.zeros_like(rows), where=lengths > 1
    )
    return prints


def near_copies(
    left: NDArray[np.float32], right: NDArray[np.float32]
) -> Iterator[tuple[int, int, float]]:
    """(row of left, row of right, correlation) of all near copies, mirrored ones included."""
    mirrored = right.reshape(-1, _SIDE, _SIDE, 3)[:, :, ::-1].reshape(right.shape)
    for start in range(0, len(left), _ROWS):
        part = left[start : start + _ROWS]
        likeness = np.maximum(part @ right.T, part @ mirrored.T)
        for row, column in np.argwhere(likeness >= NEAR).tolist():
            yield start + row, column, float(likeness[row, column])


def groups(prints: NDArray[np.float32]) -> list[int]:
    """A group number for each picture: near copies, and copies of copies, share one."""
    parent = list(range(len(prints)))

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    for left, right, _ in near_copies(prints, prints):
        first, second = sorted((root(left), root(right)))
        parent[second] = first
    return [root(row) for row in range(len(prints))]
