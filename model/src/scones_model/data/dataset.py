"""Write labelled train, calibration and test pictures, from CIFAR-100 or from a folder.

Writes `<out>/<split>/<class>/<picture>.png`, pictures of no class in `<out>/neither/<split>/`,
`<out>/<split>.lst` for SageMaker's built-in image classification, `<out>/manifest.json` with what
was divided how, and the data card `<out>/card.md`.

Exit status: 0 written, 2 bad input, 3 the archive could not be downloaded.
"""

# ruff: noqa: T201 - a command line

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scones_model.data.cifar100 import InvalidArchive
from scones_model.data.datacard import write_card
from scones_model.data.division import TEST_SHARE
from scones_model.data.download import CIFAR100_MD5, CIFAR100_URL, CouldNotDownload, download
from scones_model.data.folders import InvalidFolder
from scones_model.data.from_archive import from_archive, only_test_pictures
from scones_model.data.from_folder import from_folder
from scones_model.data.layout import (
    NEITHER,
    PLACES,
    SPLITS,
    OutputExists,
    stored,
    whole,
    write_lists,
)
from scones_model.data.manifest import survey, write_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_model.data.manifest import Manifest

__all__ = ["main"]

DEFAULT_CLASSES = ("bicycle", "motorcycle")


def main(argv: Sequence[str] | None = None) -> int:
    """Write a data set; the exit status is the module's."""
    options = _parser().parse_args(argv)
    if options.neither_folder is not None and options.folder is None:
        print("--neither-folder goes with --folder; CIFAR-100 brings its own.", file=sys.stderr)
        return 2
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
    archive = None if options.folder is not None else _archive(options)
    with whole(options.out) as folder:
        if options.split == "test":
            _write_test(options, archive, folder)
        else:
            _write_all(options, archive, folder)
    for place in PLACES:
        if count := len(stored(options.out, place)):
            print(f"{count} {place} pictures in {options.out / place}")


def _archive(options: argparse.Namespace) -> Path:
    target: Path = options.cache / "cifar-100-python.tar.gz"
    return options.archive or download(options.url, CIFAR100_MD5, target)


def _write_test(options: argparse.Namespace, archive: Path | None, folder: Path) -> None:
    if archive is not None:
        only_test_pictures(archive, folder, options.classes or DEFAULT_CLASSES)
    else:
        from_folder(options.folder, folder, options.classes, options.test_share)
        for split in set(SPLITS) - {"test"}:
            shutil.rmtree(folder / split)
    write_lists(folder)


def _write_all(options: argparse.Namespace, archive: Path | None, folder: Path) -> None:
    if archive is not None:
        classes = options.classes or DEFAULT_CLASSES
        origin = from_archive(archive, folder, classes, neither=not options.no_neither)
    else:
        neither = options.neither_folder
        origin = from_folder(options.folder, folder, options.classes, options.test_share, neither)
    write_lists(folder)
    manifest = survey(folder, origin)
    write_manifest(folder, manifest)
    write_card(folder, manifest)
    _warn(manifest, options.out)


def _warn(manifest: Manifest, out: Path) -> None:
    """Say what makes the data set worth less than it seems."""
    for each in manifest.origin.left_out:
        print(f"left out {each.file}: {each.reason}", file=sys.stderr)
    if copied := {copy.path for copy in manifest.copies}:
        of_none = sum(path.startswith(NEITHER) for path in copied)
        print(
            f"warning: near copies across splits (of the classes: {len(copied) - of_none}, of none:"
            f" {of_none}); see {out / 'card.md'}, and copies in {out / 'manifest.json'}.",
            file=sys.stderr,
        )
    if several := len(manifest.contradictions):
        print(
            f"warning: pictures that are there under several labels: {several}; see "
            f"contradictions in {out / 'manifest.json'}.",
            file=sys.stderr,
        )


# --- command line --------------------------------------------------------------------------------


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
        "--classes", type=_classes, metavar="A,B",
        help=f"two or more ({','.join(DEFAULT_CLASSES)}, or all of --folder)",
    )  # fmt: skip
    neither = parser.add_mutually_exclusive_group()
    neither.add_argument(
        "--neither-folder", type=Path, help="with --folder: pictures of none of its classes"
    )
    neither.add_argument(
        "--no-neither", action="store_true", help="leave CIFAR-100's other classes out"
    )
    parser.add_argument(
        "--split", choices=["all", "test"], default="all",
        help="test: its pictures and list alone, in a moment (all)",
    )  # fmt: skip
    parser.add_argument(
        "--test-share", type=_share, default=TEST_SHARE,
        help=f"of a --folder that is not divided ({TEST_SHARE:g})",
    )  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, default=_path_of("SCONES_CACHE") or Path.home() / ".cache/scones",
        help="where a download is kept [SCONES_CACHE]",
    )  # fmt: skip
    parser.add_argument("--url", default=CIFAR100_URL, help="a mirror of the published archive")
    return parser


def _classes(value: str) -> tuple[str, ...]:
    """Names without repeats, sorted."""
    names = {name.strip() for name in value.split(",")} - {""}
    if len(names) < 2:  # noqa: PLR2004 - one class is nothing to tell apart
        raise argparse.ArgumentTypeError("name two or more classes, separated by commas")
    return tuple(sorted(names))


def _share(value: str) -> float:
    share = float(value)
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"{value} is no share between 0 and 1")
    return share


def _path_of(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


if __name__ == "__main__":
    sys.exit(main())
