"""Write labelled train and test pictures, with manifests, from CIFAR-100 or from a folder.

Writes `<out>/<split>/<class>/<picture>.png` and `<out>/<split>.lst` with one `index, class number,
path` line (tab-separated) a picture, as SageMaker's built-in image classification wants. Class
numbers follow the alphabetical order of the class names.

Exit status: 0 written, 2 bad input, 3 the archive could not be downloaded.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from scones_model.data.cifar100 import InvalidArchive, read_archive
from scones_model.data.download import CIFAR100_MD5, CIFAR100_URL, CouldNotDownload, download
from scones_model.data.folders import InvalidFolder, class_names, divide, pictures
from scones_model.data.images import read_rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["OutputExists", "from_archive", "from_folder", "main"]

SPLITS = ("train", "test")
DEFAULT_CLASSES = "bicycle,motorcycle"
CALIBRATION_SHARE = 0.15
"""Of each class's training pictures."""
NEITHER_SHARE = 0.04
"""Of the training pictures of each class that is none of those to tell apart."""
MAX_SIDE = 256
"""Pixels; a folder's larger photos are shrunk to it, as no model here looks closer."""

_WHITE = (255, 255, 255)


class OutputExists(ValueError):
    """The output folder already holds something that would be mixed with the new pictures."""


def from_archive(archive: Path, out: Path, classes: Sequence[str], splits: Sequence[str]) -> None:
    """Write the pictures of `classes` from a CIFAR-100 archive.

    Raises InvalidArchive, and OutputExists when `out` is not empty. `out` appears when complete.
    """

    def write(folder: Path) -> None:
        for part in read_archive(archive, sorted(classes), splits):
            target = folder / part.split / part.label
            target.mkdir(parents=True)
            for pixels, name in zip(part.pixels, part.names, strict=True):
                Image.fromarray(pixels).save(target / name)

    _write_whole(out, write)


def from_folder(
    source: Path, out: Path, classes: Sequence[str] | None, splits: Sequence[str], share: float
) -> list[str]:
    """Write the pictures of `source/<class>/`, as PNG, upright, RGB, no side over MAX_SIDE.

    A `source` with `train` and `test` folders keeps its division; another one gives `share` of each
    class to the test, by content, so that the same files are always divided the same way. Returns
    a line for each file left out because it is no picture. Raises InvalidFolder, and OutputExists
    when `out` is not empty.
    """
    left_out: list[str] = []

    def write(folder: Path) -> None:
        for split, label, files in _divided(source, classes, share):
            if split in splits:
                left_out.extend(_write_pictures(files, folder / split / label))

    _write_whole(out, write)
    return left_out


def _divided(
    source: Path, classes: Sequence[str] | None, share: float
) -> Iterator[tuple[str, str, list[Path]]]:
    """(split, class, files) for every class of the source."""
    if all((source / split).is_dir() for split in SPLITS):
        labels = [_chosen(source / split, classes) for split in SPLITS]
        if labels[0] != labels[1]:
            raise InvalidFolder(f"{source} has other classes to train than to test with.")
        for split, label in itertools.product(SPLITS, labels[0]):
            yield split, label, pictures(source / split / label)
        return
    for label in _chosen(source, classes):
        rest, tests = divide(pictures(source / label), share)
        yield "train", label, rest
        yield "test", label, tests


def _chosen(folder: Path, classes: Sequence[str] | None) -> list[str]:
    present = class_names(folder)
    absent = set(classes or ()) - set(present)
    if absent:
        raise InvalidFolder(
            f"{folder} has no {', '.join(sorted(absent))}; it has {', '.join(present)}."
        )
    return sorted(classes or present)


def _write_pictures(files: Sequence[Path], target: Path) -> Iterator[str]:
    """Write one class; yields why each file that was left out was."""
    target.mkdir(parents=True)
    for path in files:
        try:
            picture = _upright(path)
        except ValueError as error:
            yield f"{path}: {error}"
            continue
        picture.save(target / f"{path.stem}{path.suffix.replace('.', '-')}.png")
    if not any(target.iterdir()):
        raise InvalidFolder(
            f"None of the files for {target.parent.name}/{target.name} is a picture."
        )


def _upright(path: Path) -> Image.Image:
    picture = read_rgb(path.read_bytes(), background=_WHITE, upright=True)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return picture


def _write_whole(out: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a folder beside `out` and move it there, manifests included, when done."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputExists(f"{out} is not empty; name another --out or remove it first.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as beside:
        folder = Path(beside) / out.name
        write(folder)
        for split in SPLITS:
            if (folder / split).is_dir():
                _write_manifest(folder, split)
        shutil.rmtree(out, ignore_errors=True)
        folder.replace(out)


def _write_manifest(folder: Path, split: str) -> None:
    rows = [
        (number, f"{label}/{path.name}")
        for number, label in enumerate(class_names(folder / split))
        for path in pictures(folder / split / label)
    ]
    lines = [f"{index}\t{number}\t{path}\n" for index, (number, path) in enumerate(rows)]
    (folder / f"{split}.lst").write_text("".join(lines), encoding="utf-8")


# --- command line --------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Write a data set; the exit status is the module's."""
    options = _parser().parse_args(argv)
    try:
        _run(options)
    except (InvalidArchive, InvalidFolder, OutputExists) as error:
        print(error, file=sys.stderr)
        return 2
    except CouldNotDownload as error:
        print(f"{error}\nName an archive you have: CIFAR100=<archive>.", file=sys.stderr)
        return 3
    return 0


def _run(options: argparse.Namespace) -> None:
    splits = SPLITS if options.split == "both" else (options.split,)
    classes = re.findall(r"[^,\s]+", options.classes or "") or None
    if options.folder is not None:
        for line in from_folder(options.folder, options.out, classes, splits, options.test_share):
            print(f"left out {line}", file=sys.stderr)
    else:
        archive = options.archive or download(
            options.url, CIFAR100_MD5, options.cache / "cifar-100-python.tar.gz"
        )
        from_archive(archive, options.out, classes or DEFAULT_CLASSES.split(","), splits)
    for split in splits:
        lines = (options.out / f"{split}.lst").read_text(encoding="utf-8").count("\n")
        print(f"{lines} {split} pictures in {options.out / split}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model dataset",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="new or empty folder to write")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--archive", type=Path, default=_path_of("CIFAR100"),
        help="a CIFAR-100 archive, instead of a download [CIFAR100]",
    )  # fmt: skip
    source.add_argument("--folder", type=Path, help="a folder of class subfolders instead")
    parser.add_argument(
        "--classes", help=f"comma-separated ({DEFAULT_CLASSES}, or all of --folder)"
    )
    parser.add_argument("--split", choices=["both", *SPLITS], default="both")
    parser.add_argument(
        "--test-share", type=float, default=0.2, help="of a --folder that is not divided (0.2)"
    )
    parser.add_argument(
        "--cache", type=Path, default=_path_of("SCONES_CACHE") or Path.home() / ".cache/scones",
        help="where a download is kept [SCONES_CACHE]",
    )  # fmt: skip
    parser.add_argument("--url", default=CIFAR100_URL, help="a mirror of the published archive")
    return parser


def _path_of(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


if __name__ == "__main__":
    sys.exit(main())
