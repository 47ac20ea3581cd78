"""Where captures lie: a folder or an S3 prefix, whose files have names relative to it."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

from scones_monitoring.errors import NothingReadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from scones_monitoring.capture.reader import Stream

__all__ = ["Entry", "Folder", "Store", "open_store"]


class Entry(NamedTuple):
    """A file: its name below the store's root, its bytes, and what changes when it does."""

    name: str
    size: int
    stamp: str


class Store(Protocol):
    """Files below a root; each method raises OSError where the place refuses."""

    @property
    def root(self) -> str:
        """The root as a person would write it; absolute."""

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[Entry]:
        """Every file, in no order, but for those in folders that are not wanted."""

    def streams(
        self, names: Iterable[str], refused: Callable[[str], None]
    ) -> Iterator[tuple[str, Stream]]:
        """Open files one after the other; each is closed when the next is asked for.

        Those that cannot be opened are named to `refused` instead.
        """

    def tail(self, name: str, offset: int, size: int) -> bytes:
        """At most `size` bytes of a file from `offset` on."""

    def load(self, name: str) -> bytes | None:
        """A small file whole; None where there is none."""

    def save(self, name: str, content: bytes) -> None:
        """Write a small file; raises OSError where that is not allowed."""


def open_store(place: str) -> Store:
    """A folder's path, or `s3://bucket/prefix`.

    Raises:
        NothingReadable: There is no such folder, or no bucket in the name.
    """
    if "://" not in place:
        if not Path(place).is_dir():
            raise NothingReadable(f"There is no folder {place}: name one, or s3://bucket/prefix.")
        return Folder(Path(place).resolve())
    parts = urlsplit(place)
    if parts.scheme != "s3" or not parts.netloc:
        raise NothingReadable(f"{place} is no folder and no s3://bucket/prefix.")
    from scones_monitoring.capture.s3 import S3Prefix  # noqa: PLC0415 - only who needs it waits for boto3

    return S3Prefix(parts.netloc, parts.path.strip("/"))


@dataclass(frozen=True)
class Folder:
    """A folder on this machine."""

    path: Path

    @property
    def root(self) -> str:
        """Its absolute path."""
        return str(self.path)

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[Entry]:
        """Every file below; a link to a folder is not followed."""
        for place, folders, files in os.walk(self.path, onerror=_raise):
            below = os.path.relpath(place, self.path)
            names = {name: os.path.normpath(f"{below}/{name}") for name in (*folders, *files)}
            folders[:] = [name for name in folders if wanted(names[name])]
            for name in files:
                with suppress(OSError):  # deleted meanwhile
                    about = Path(place, name).stat()
                    yield Entry(names[name], about.st_size, str(about.st_mtime_ns))

    def streams(
        self, names: Iterable[str], refused: Callable[[str], None]
    ) -> Iterator[tuple[str, Stream]]:
        """Open files one after the other."""
        for name in names:
            try:
                file = io.FileIO(str(self.path / name))
            except OSError:
                refused(name)
                continue
            with file:
                yield name, file

    def tail(self, name: str, offset: int, size: int) -> bytes:
        """At most `size` bytes of a file from `offset` on."""
        with (self.path / name).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def load(self, name: str) -> bytes | None:
        """A file whole; None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def save(self, name: str, content: bytes) -> None:
        """Write a file at once: a reader sees the old one or the new."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.new")
        unfinished.write_bytes(content)
        unfinished.replace(path)


def _raise(error: OSError) -> None:
    raise error  # else a folder that cannot be listed would be taken for an empty one
