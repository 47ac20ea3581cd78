"""How a data set lies on disk, and where things are in it.

<folder>/{train,calibration,test}/<label>/<picture>.png           the classes to tell apart
<folder>/neither/{train,calibration,test}/<other>/<picture>.png   pictures of none; optional
<folder>/{train,calibration,test}.lst
<folder>/manifest.json, card.md, contact-sheet.png
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scones_model.data.folders import class_names, pictures

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NEITHER", "PLACES", "SPLITS", "OutputExists", "stored", "whole", "write_lists"]

SPLITS = ("train", "calibration", "test")
NEITHER = "neither"
PLACES = (*SPLITS, *(f"{NEITHER}/{split}" for split in SPLITS))
"""Every folder of class subfolders that a data set may have, relative to it."""


class OutputExists(ValueError):
    """The output folder already holds something that would be mixed with the new pictures."""


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Lend a folder beside `out` to fill, and move it there when that went well.

    Raises OutputExists when `out` is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputExists(f"{out} is not empty; name another --out or remove it first.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as beside:
        folder = Path(beside) / out.name
        folder.mkdir()
        yield folder
        shutil.rmtree(out, ignore_errors=True)
        folder.replace(out)


def stored(folder: Path, place: str) -> list[Path]:
    """The pictures of one place (`train`, `neither/test`, ...), class by class; none without it."""
    if not (folder / place).is_dir():
        return []
    labels = sorted(path for path in (folder / place).iterdir() if path.is_dir())
    return [picture for label in labels for picture in pictures(label)]


def write_lists(folder: Path) -> None:
    """Write `<split>.lst`, as SageMaker's built-in image classification wants it.

    One `index, class number, path` line (tab-separated) a picture; paths are relative to the
    split, class numbers follow the alphabetical order of the class names.
    """
    for split in (split for split in SPLITS if (folder / split).is_dir()):
        numbers = {label: number for number, label in enumerate(class_names(folder / split))}
        lines = [
            f"{index}\t{numbers[path.parent.name]}\t{path.parent.name}/{path.name}\n"
            for index, path in enumerate(stored(folder, split))
        ]
        (folder / f"{split}.lst").write_text("".join(lines), encoding="utf-8")
