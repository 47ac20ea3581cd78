"""Where captures lie: a folder or an S3 prefix, whose files have names relative to it."""

from __future__ import annotations

import io
import os
import re
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scones_monitoring.errors import NothingReadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mypy_boto3_s3 import S3Client

    from scones_monitoring.reader import Stream

__all__ = ["Entry", "Folder", "S3Prefix", "Store", "open_store"]

AHEAD = 16
"""Objects fetched at a time: S3 answers in tens of milliseconds, of which reading needs one."""

_DAY = re.compile(r"(^|/)\d{4}/\d\d/\d\d$", re.ASCII)


class Entry(NamedTuple):
    """A file: its name below the store's root, its bytes, and what changes when it does."""

    name: str
    size: int
    stamp: str


class Store(Protocol):
    """Files below a root."""

    @property
    def root(self) -> str:
        """The root as a person would write it; absolute."""

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[Entry]:
        """Every file, in no order, but for those in folders that are not wanted."""

    def streams(self, names: Iterable[str]) -> Iterator[tuple[str, Stream]]:
        """Open files one after the other; each is closed when the next is asked for."""

    def tail(self, name: str, offset: int, size: int) -> bytes:
        """At most `size` bytes of a file from `offset` on."""

    def load(self, name: str) -> bytes | None:
        """A small file whole; None where there is none."""

    def save(self, name: str, content: bytes) -> None:
        """Write a small file; raises OSError or ClientError where that is not allowed."""


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
        for place, folders, files in os.walk(self.path):
            below = os.path.relpath(place, self.path)
            names = {name: os.path.normpath(f"{below}/{name}") for name in (*folders, *files)}
            folders[:] = [name for name in folders if wanted(names[name])]
            for name in files:
                with suppress(OSError):  # deleted meanwhile
                    about = Path(place, name).stat()
                    yield Entry(names[name], about.st_size, str(about.st_mtime_ns))

    def streams(self, names: Iterable[str]) -> Iterator[tuple[str, Stream]]:
        """Open files one after the other."""
        for name in names:
            with io.FileIO(str(self.path / name)) as file:
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


@dataclass(frozen=True)
class S3Prefix:
    """Objects below a prefix of a bucket, in the region and with the credentials at hand."""

    bucket: str
    prefix: str

    @property
    def root(self) -> str:
        """Its `s3://` address, without a slash at the end."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def __reduce__(self) -> tuple[type[S3Prefix], tuple[str, str]]:
        return S3Prefix, (self.bucket, self.prefix)  # another process makes its own client

    @cached_property
    def _client(self) -> S3Client:
        return boto3.client("s3", config=Config(max_pool_connections=AHEAD))

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def entries(self, wanted: Callable[[str], bool]) -> Iterator[Entry]:
        """Every object below; goes down folder by folder where some may be left out.

        Raises:
            NothingReadable: S3 refuses.
        """
        try:
            yield from self._entries("", wanted)
        except (ClientError, BotoCoreError) as error:
            raise NothingReadable(f"{self.root} cannot be listed: {error}") from error

    def _entries(self, folder: str, wanted: Callable[[str], bool]) -> Iterator[Entry]:
        start = self._key(f"{folder}/" if folder else "")
        # A day's hours are fewer than the objects that one answer lists: no use to ask for each.
        delimiter = "" if _DAY.search(folder) else "/"
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=start, Delimiter=delimiter):
            for found in page.get("Contents", ()):
                name = found["Key"][len(self._key("")) :]
                if delimiter or wanted(os.path.dirname(name)):  # noqa: PTH120 - a key is no path
                    yield Entry(name, found["Size"], found["ETag"])
            for below in page.get("CommonPrefixes", ()):
                name = below["Prefix"][len(self._key("")) :].rstrip("/")
                if wanted(name):
                    yield from self._entries(name, wanted)

    def streams(self, names: Iterable[str]) -> Iterator[tuple[str, Stream]]:
        """Fetch objects, some ahead; hand them over one after the other."""
        waiting = deque[tuple[str, Future[bytes]]]()
        with ThreadPoolExecutor(AHEAD) as pool:
            for name in names:
                waiting.append((name, pool.submit(self._fetch, name)))
                if len(waiting) == AHEAD:
                    yield _opened(waiting.popleft())
            while waiting:
                yield _opened(waiting.popleft())

    def _fetch(self, name: str) -> bytes:
        return self._client.get_object(Bucket=self.bucket, Key=self._key(name))["Body"].read()

    def tail(self, name: str, offset: int, size: int) -> bytes:
        """At most `size` bytes of an object from `offset` on."""
        part = f"bytes={offset}-{offset + size - 1}"
        answer = self._client.get_object(Bucket=self.bucket, Key=self._key(name), Range=part)
        return answer["Body"].read()

    def load(self, name: str) -> bytes | None:
        """An object whole; None where there is none."""
        try:
            return self._fetch(name)
        except self._client.exceptions.NoSuchKey:
            return None

    def save(self, name: str, content: bytes) -> None:
        """Write an object."""
        self._client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content)


def _opened(fetched: tuple[str, Future[bytes]]) -> tuple[str, Stream]:
    name, content = fetched
    return name, io.BytesIO(content.result())
