"""The pictures to measure a model on: a data set's parts, or one plain folder of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scones_model.data.folders import InvalidFolder, pictures
from scones_model.data.manifest import copied_test_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Labelled", "Parts", "labelled", "read_parts"]


class Labelled(NamedTuple):
    """Picture files and the numbers [n] of the classes they show."""

    files: Sequence[Path]
    classes: NDArray[np.int64]


def labelled(folder: Path, labels: Sequence[str]) -> Labelled:
    """The pictures under `folder/<label>/`, class by class; a label may have none.

    Class numbers count in `labels`, by name. Raises InvalidFolder for other subfolders, and where
    there is no picture at all.
    """
    unknown = sorted(set(_subfolders(folder)) - set(labels))
    if unknown:
        raise InvalidFolder(
            f"{folder} has the subfolders {', '.join(unknown)}, which are no classes of this "
            f"model; it knows {', '.join(labels)}."
        )
    groups = [pictures(folder / label) if (folder / label).is_dir() else [] for label in labels]
    files = [path for group in groups for path in group]
    if not files:
        raise InvalidFolder(
            f"There are no pictures in {folder}; it needs subfolders {', '.join(labels)}."
        )
    return Labelled(files, np.repeat(np.arange(len(labels)), [len(group) for group in groups]))


def _subfolders(folder: Path) -> list[str]:
    """Names of the class subfolders, one or more, sorted; raises InvalidFolder without `folder`."""
    if not folder.is_dir():
        raise InvalidFolder(f"There is no folder {folder}.")
    return sorted(
        path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


class Parts(NamedTuple):
    """What a folder holds besides training pictures.

    `neither` shows none of the model's classes: its class numbers count in `kinds`. `copied` [n]
    marks the test pictures that nearly copy a training picture.
    """

    test: Labelled
    copied: NDArray[np.bool_]
    calibration: Labelled | None
    neither: Labelled | None
    kinds: Sequence[str]

    def images(self) -> int:
        """Of all parts."""
        return sum(len(part.files) for part in (self.test, self.calibration, self.neither) if part)

    def counts(self) -> dict[str, int]:
        """How many pictures each part has, without those that it does not have."""
        parts = {"test": self.test, "calibration": self.calibration, "neither": self.neither}
        counts = {name: len(part.files) for name, part in parts.items() if part}
        return counts | ({"near copies": int(self.copied.sum())} if self.copied.any() else {})


def read_parts(data: Path, labels: Sequence[str]) -> Parts:
    """List the pictures of a data set, or of a plain folder `data/<label>/`, all of them for test.

    Raises InvalidFolder for classes that are not in `labels`, or for no test pictures.
    """
    if not (data / "test").is_dir():
        test = labelled(data, labels)
        return Parts(test, np.zeros(len(test.files), dtype=np.bool_), None, None, ())
    test = labelled(data / "test", labels)
    copies = copied_test_pictures(data)
    copied = [path.relative_to(data).as_posix() in copies for path in test.files]
    calibration, neither = data / "calibration", data / "neither" / "test"
    kinds = _subfolders(neither) if neither.is_dir() else []
    return Parts(
        test,
        np.array(copied),
        labelled(calibration, labels) if calibration.is_dir() else None,
        labelled(neither, kinds) if kinds else None,
        kinds,
    )
