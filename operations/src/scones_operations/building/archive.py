"""Pack a folder into a zip whose bytes depend on nothing but the folder's contents."""

from __future__ import annotations

import hashlib
import os
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bytes_below", "pack", "sha256_of"]

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip can say
_UNIX = 3
_READABLE_FILE = 0o100644


def pack(folder: Path, path: Path) -> None:
    """Write every file below `folder` to the zip at `path`, which appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")  # two commands may build the same at once
    names = sorted(file.relative_to(folder).as_posix() for file in _files(folder))
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name in names:
            archive.writestr(_entry(name), (folder / name).read_bytes(), compresslevel=9)
    unfinished.replace(path)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def bytes_below(folder: Path) -> int:
    """The size of all files of a folder: what Lambda counts after unpacking."""
    return sum(path.stat().st_size for path in _files(folder))


def _entry(name: str) -> zipfile.ZipInfo:
    """What the zip says of a file beside its name and bytes: the same for all."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = _READABLE_FILE << 16
    return entry


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
