"""Captures in S3. Imported only where there are any: boto3 takes longer than a folder to read."""

from __future__ import annotations

import io
import os
import re
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scones_monitoring.capture.store import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mypy_boto3_s3 import S3Client

    from scones_monitoring.capture.reader import Stream

__all__ = ["S3Prefix"]

AHEAD = 16
"""Objects fetched at a time: S3 answers in tens of milliseconds, of which reading needs one."""
_DAY = re.compile(r"(^|/)\d{4}/\d\d/\d\d$", re.ASCII)


@contextmanager
def _as_os_error(place: str) -> Iterator[None]:
    """S3's refusals as what a folder's would be; FileNotFoundError for what is not there."""
    try:
        yield
    except ClientError as error:
        absent = error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket"}
        kind = FileNotFoundError if absent else PermissionError
        raise kind(f"{place}: {error}") from error
    except BotoCoreError as error:
        raise OSError(f"{place}: {error}") from error


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
        """Every object below; goes down folder by folder where some may be left out."""
        with _as_os_error(self.root):
            yield from self._entries("", wanted)

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

    def streams(
        self, names: Iterable[str], refused: Callable[[str], None]
    ) -> Iterator[tuple[str, Stream]]:
        """Fetch objects, some ahead; hand them over one after the other."""
        for name, content in self._fetched(names):
            try:
                yield name, io.BytesIO(content.result())
            except OSError:
                refused(name)

    def _fetched(self, names: Iterable[str]) -> Iterator[tuple[str, Future[bytes]]]:
        waiting = deque[tuple[str, Future[bytes]]]()
        with ThreadPoolExecutor(AHEAD) as pool:
            for name in names:
                waiting.append((name, pool.submit(self._fetch, name)))
                if len(waiting) == AHEAD:
                    yield waiting.popleft()
            yield from waiting

    def _fetch(self, name: str) -> bytes:
        with _as_os_error(f"{self.root}/{name}"):
            answer = self._client.get_object(Bucket=self.bucket, Key=self._key(name))
            return answer["Body"].read()

    def tail(self, name: str, offset: int, size: int) -> bytes:
        """At most `size` bytes of an object from `offset` on."""
        part = f"bytes={offset}-{offset + size - 1}"
        with _as_os_error(f"{self.root}/{name}"):
            answer = self._client.get_object(Bucket=self.bucket, Key=self._key(name), Range=part)
            return answer["Body"].read()

    def load(self, name: str) -> bytes | None:
        """An object whole; None where there is none."""
        try:
            return self._fetch(name)
        except FileNotFoundError:
            return None

    def save(self, name: str, content: bytes) -> None:
        """Write an object."""
        with _as_os_error(f"{self.root}/{name}"):
            self._client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content)
