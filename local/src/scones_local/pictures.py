"""The pictures that a demo uploads: the user's own, CIFAR-100's vehicles, or drawn ones."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

__all__ = ["NoPictures", "Picture", "choose", "find_pictures", "prepare_pictures"]

SUFFIXES = {
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic",
}  # fmt: skip
"""What orchestration/template.yaml takes for an image."""
COULD_NOT_DOWNLOAD = 3
"""Exit status of the dataset command, where another source would do."""


class NoPictures(ValueError):
    """There is nothing to upload; the message says where it looked and what would do."""


@dataclass(frozen=True)
class Picture:
    """One file to upload.

    Attributes:
        path: The file.
        name: Its path below the folder that was named; becomes part of the key.
        label: Its class, if it lay in a class folder.
    """

    path: Path
    name: str
    label: str | None


def find_pictures(folder: Path, console: Console) -> list[Picture]:
    """List a folder's images; class subfolders give labels. Says what it leaves out.

    Raises:
        NoPictures: It holds none, or is no folder.
    """
    if not folder.is_dir():
        raise NoPictures(f"There is no folder {folder}: name one that holds images.")
    present = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [path for path in present if path.suffix.lower() in SUFFIXES]
    if not files:
        kinds = ", ".join(sorted(SUFFIXES))
        raise NoPictures(f"{folder} holds no images ({kinds}): name a folder that does.")
    if others := len(present) - len(files):
        without = "file" if others == 1 else "files"
        console.print(f"{others} {without} without an image's suffix stay behind.")
    names = [path.relative_to(folder) for path in files]
    return [
        Picture(path, str(name), name.parts[0] if len(name.parts) > 1 else None)
        for path, name in zip(files, names, strict=True)
    ]


def choose(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """Draw `count` pictures, the same ones each time, evenly from every class."""
    shuffled = random.Random(0).sample(pictures, len(pictures))  # noqa: S311 - a fair sample
    ranks: dict[str | None, int] = {}
    order = []
    for picture in shuffled:
        ranks[picture.label] = ranks.get(picture.label, 0) + 1
        order.append((ranks[picture.label], picture.label or "", picture))
    return [picture for *_, picture in sorted(order, key=lambda entry: entry[:2])][:count]


def prepare_pictures(python: str, work: Path, archive: str | None, console: Console) -> Path:
    """Return a folder of CIFAR-100's vehicle test images; offline, of drawn ones.

    Args:
        python: Interpreter of the model's environment.
        work: Where the folder is made, and kept for the next time.
        archive: The user's own copy of CIFAR-100; None uses the cache or downloads it.
        console: Where to say that drawn pictures stand in.

    Raises:
        NoPictures: The archive that the user named will not do.
    """
    folder = work / "cifar100-vehicles"
    if archive:
        shutil.rmtree(folder, ignore_errors=True)  # what the user names is what counts
    if (folder / "test.lst").exists():
        return folder / "test"
    command = [python, "-m", "scones_model.data.dataset", "--out", str(folder), "--split", "test"]
    own = ["--archive", archive] if archive else []
    # A session of its own: Ctrl-C is ours to handle, and ends it without its stack trace.
    done = subprocess.run([*command, *own], check=False, start_new_session=True)
    if done.returncode == 0:
        return folder / "test"
    if done.returncode != COULD_NOT_DOWNLOAD:
        raise NoPictures("CIFAR-100 could not be prepared: the reason stands above.")
    console.print("Drawn pictures stand in for CIFAR-100; they say nothing about the model.")
    drawn = work / "drawn"
    subprocess.run([python, "-m", "scones_model.data.drawn", "--out", str(drawn)], check=True)
    return drawn
