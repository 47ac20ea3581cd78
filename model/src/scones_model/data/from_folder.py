"""Fill a data set from a folder of class subfolders, whatever sizes and modes its pictures have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_model.data.copies import look_at
from scones_model.data.division import CALIBRATION_SHARE, TooAlike, choose_some
from scones_model.data.folders import InvalidFolder, class_names, pictures, read_picture
from scones_model.data.layout import NEITHER, SPLITS, stored
from scones_model.data.manifest import LeftOut, Origin
from scones_model.data.progress import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["from_folder"]

_LOOSE = "other"
"""The name in the data set for pictures that lie right in a folder of neither."""


def from_folder(
    source: Path,
    folder: Path,
    classes: Sequence[str] | None,
    test_share: float,
    neither: Path | None = None,
) -> Origin:
    """Write the pictures of `source/<class>/`, as PNG, upright, RGB, no side over MAX_SIDE.

    A source with `train` and `test` folders (and `calibration`) keeps its division; another one is
    divided class by class: `test_share` for the test, CALIBRATION_SHARE of the others for
    calibration. `neither` has pictures of none of the classes, in subfolders or not; it is
    divided as one class would be. Raises InvalidFolder.
    """
    shares = _shares(source, test_share)
    labels = _labels(source, classes)
    left_out = _convert(source, folder, _class_files(source, labels))
    for split in _roots(source):
        _refuse_empty(folder, split, labels)
    for label in labels:
        _hold_out(pictures(folder / "train" / label), shares, label)
    named = {"folder": source.resolve().name}
    if neither is not None:
        left_out += _convert(neither, folder, _neither_files(neither))
        named["neither_folder"] = neither.resolve().name
        apart = _shares(neither, test_share)
        _hold_out(stored(folder, f"{NEITHER}/train"), apart, named["neither_folder"])
    return Origin(named, shares, tuple(left_out))


# --- what goes where -----------------------------------------------------------------------------


def _roots(source: Path) -> dict[str, Path]:
    """The folder of class subfolders of each split; all is train where nothing is divided."""
    roots = {split: source / split for split in SPLITS if (source / split).is_dir()}
    return roots if {"train", "test"} <= roots.keys() else {"train": source}


def _shares(source: Path, test_share: float) -> dict[str, float]:
    """What is to be held out of train, in this order, as the source does not have it."""
    shares = {"test": test_share, "calibration": CALIBRATION_SHARE}
    return {split: share for split, share in shares.items() if split not in _roots(source)}


def _labels(source: Path, classes: Sequence[str] | None) -> list[str]:
    present = {split: _chosen(root, classes) for split, root in _roots(source).items()}
    for split, labels in present.items():
        if labels != present["train"]:
            raise InvalidFolder(f"{source} has other classes to train than in {split}.")
    return present["train"]


def _chosen(folder: Path, classes: Sequence[str] | None) -> list[str]:
    present = class_names(folder)
    absent = set(classes or ()) - set(present)
    if absent:
        raise InvalidFolder(
            f"{folder} has no {', '.join(sorted(absent))}; it has {', '.join(present)}."
        )
    return sorted(classes or present)


def _class_files(source: Path, labels: Sequence[str]) -> list[tuple[Path, str]]:
    """Every file, and the folder of the data set that it goes to."""
    return [
        (path, f"{split}/{label}")
        for split, root in _roots(source).items()
        for label in labels
        for path in _visible(root / label)
    ]


def _neither_files(source: Path) -> list[tuple[Path, str]]:
    if not source.is_dir():
        raise InvalidFolder(f"There is no folder {source}.")
    files: list[tuple[Path, str]] = []
    for split, root in _roots(source).items():
        files += [(path, f"{NEITHER}/{split}/{_LOOSE}") for path in pictures(root)]
        for group in filter(lambda path: path.is_dir(), _visible(root)):
            files += [(path, f"{NEITHER}/{split}/{group.name}") for path in _visible(group)]
    return files


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


# --- writing and dividing ------------------------------------------------------------------------


def _convert(source: Path, folder: Path, files: Sequence[tuple[Path, str]]) -> list[LeftOut]:
    """Write every picture; tells which files are none, and why."""
    left_out = []
    for path, place in tracked(files, f"reading {source.name}", len(files)):
        try:
            picture = read_picture(path)
        except InvalidFolder as error:
            name = path.relative_to(source).as_posix()
            left_out.append(LeftOut(name, str(error).removeprefix(f"{path}: ")))
            continue
        target = folder / place / _written_name(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise InvalidFolder(f"{path} would be written over another's {target.name}; rename it.")
        picture.save(target)
    return left_out


def _written_name(path: Path) -> str:
    """A name for the PNG that fits in a line of a list, and still tells the file's suffix."""
    name = f"{path.stem}{path.suffix.replace('.', '-')}.png"
    return "".join(letter if letter.isprintable() else "-" for letter in name)


def _refuse_empty(folder: Path, split: str, labels: Iterable[str]) -> None:
    for label in labels:
        if not (folder / split / label).is_dir():
            raise InvalidFolder(f"None of the files for {split}/{label} is a picture.")


def _hold_out(files: Sequence[Path], shares: Mapping[str, float], whose: str) -> None:
    """Move shares of training pictures, `.../train/<label>/<picture>`, to `.../<split>/<label>`."""
    if not shares:
        return
    looks = look_at(map(read_picture, files))
    left = list(range(len(files)))
    for split, share in shares.items():
        try:
            chosen = {left[row] for row in choose_some(looks.of(left), share)}
        except TooAlike as error:
            raise InvalidFolder(
                f"{whose} has {len(files)} pictures to divide, too few different ones: train, "
                "calibration and test need one each. Add some."
            ) from error
        for row in sorted(chosen):
            _move(files[row], split)
        left = [row for row in left if row not in chosen]


def _move(path: Path, split: str) -> None:
    target = path.parents[2] / split / path.parent.name / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    path.replace(target)
