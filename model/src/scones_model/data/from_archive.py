"""Fill a data set from a CIFAR-100 archive."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from PIL import Image

from scones_model.data.cifar100 import Pictures, class_labels, read_archive
from scones_model.data.copies import look_at
from scones_model.data.division import CALIBRATION_SHARE, NEITHER_SHARE, choose_looks
from scones_model.data.layout import NEITHER
from scones_model.data.manifest import Origin
from scones_model.data.progress import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["from_archive", "only_test_pictures"]


def from_archive(
    archive: Path, folder: Path, classes: Sequence[str], *, neither: bool = True
) -> Origin:
    """Write train, calibration and test pictures of `classes`, and some that show none of them.

    CIFAR-100's test pictures stay test pictures. Of each class that is none of `classes`,
    NEITHER_SHARE goes to calibration and as many to train. Raises InvalidArchive.
    """
    labels = [*classes]
    shares = {"calibration": CALIBRATION_SHARE}
    if neither:
        labels += [label for label in class_labels(archive) if label not in classes]
        shares[NEITHER] = NEITHER_SHARE
    splits = ("train", "test")
    parts = read_archive(archive, labels, splits)
    for part in tracked(parts, "dividing CIFAR-100", len(labels) * len(splits)):
        places = _places(part) if part.label in classes else _places_of_neither(part)
        for place, rows in places.items():
            _write(part, rows, folder / place / part.label)
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Origin({"archive": "CIFAR-100", "sha256": digest}, shares)


def only_test_pictures(archive: Path, folder: Path, classes: Sequence[str]) -> None:
    """Write the test pictures of `classes` alone, in a moment; raises InvalidArchive."""
    for part in read_archive(archive, classes, ["test"]):
        _write(part, range(len(part.names)), folder / "test" / part.label)


def _places(part: Pictures) -> Mapping[str, Sequence[int]]:
    """Where which of a class's pictures go."""
    if part.split == "test":
        return {"test": range(len(part.names))}
    looks = look_at(map(Image.fromarray, part.pixels))
    calibration = choose_looks(looks, CALIBRATION_SHARE)
    return {"train": _rest(part, calibration), "calibration": calibration}


def _places_of_neither(part: Pictures) -> Mapping[str, Sequence[int]]:
    if part.split == "test":
        return {f"{NEITHER}/test": range(len(part.names))}
    looks = look_at(map(Image.fromarray, part.pixels))
    calibration = choose_looks(looks, NEITHER_SHARE)
    rest = _rest(part, calibration)
    train = choose_looks(looks.of(rest), len(calibration) / len(rest))
    return {
        f"{NEITHER}/train": [rest[row] for row in train],
        f"{NEITHER}/calibration": calibration,
    }


def _rest(part: Pictures, chosen: Iterable[int]) -> list[int]:
    return sorted(set(range(len(part.names))) - set(chosen))


def _write(part: Pictures, rows: Iterable[int], target: Path) -> None:
    target.mkdir(parents=True)
    for row in rows:
        Image.fromarray(part.pixels[row]).save(target / part.names[row])
