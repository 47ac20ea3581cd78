"""Pictures that keep a decoder busy, or are as large as an object may be."""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING

from services.serializer.tests.bomb import (
    DAMAGED,
    NO_IMAGE,
    RIGHT,
    TOO_LARGE,
    TOO_MUCH,
    Bomb,
    plain,
)
from services.serializer.tests.bombs_of_metadata import png_with, webp_with

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bombs_of_work", "largest_objects"]

_MAX_OBJECT_BYTES = 33_554_432


def bombs_of_work() -> Iterator[Bomb]:
    """Yield those that would take minutes."""
    yield Bomb("JPEG of 200,000 scans", lambda: _scans(200_000), {TOO_MUCH})
    yield Bomb("TIFF of 50,000 rows of one stream", lambda: _one_stream(50_000), {TOO_MUCH})
    yield Bomb("TIFF of 3,000,000 strips", _strips_by_the_million, {DAMAGED, TOO_MUCH})


def largest_objects() -> Iterator[Bomb]:
    """Yield what has the most bytes that are read, one more, and none."""
    for name, make, ends in (
        ("nothing", bytes, {NO_IMAGE}),
        ("JPEG of the most bytes", lambda: _padded(plain("RGB", 16, "JPEG")), {RIGHT}),
        ("TIFF of the most bytes", lambda: _padded(plain("RGB", 16, "TIFF")), {RIGHT}),
        ("AVIF of the most bytes", lambda: _padded(plain("RGB", 16, "AVIF")), {RIGHT}),
        ("WebP of the most bytes", _xmp_to_the_limit, {RIGHT}),
        ("PNG of the most bytes", _text_to_the_limit, {RIGHT}),
        ("zeros of the most bytes", lambda: _padded(b""), {NO_IMAGE}),
        ("a byte more", lambda: _padded(b"") + b"\0", {TOO_LARGE}),
    ):
        yield Bomb(name, make, ends)


def _scans(count: int) -> bytes:
    """Return a progressive JPEG that goes over its four megapixels again and again."""
    body = plain("RGB", 2000, "JPEG", progressive=True)
    starts = [found.start() for found in re.finditer(b"\xff\xda", body)]
    tables = body.rindex(b"\xff\xc4", 0, starts[2])
    scan = body[tables : body.index(b"\xff\xc4", starts[2])]
    return body[:-2] + scan * count + body[-2:]


def _tiff(
    side: tuple[int, int], offsets: tuple[int, ...], counts: tuple[int, ...], data: bytes
) -> bytes:
    """Return a grey deflated TIFF of strips of one row."""
    entries = {256: (side[0],), 257: (side[1],), 258: (8,), 259: (8,), 262: (1,), 273: offsets,
               277: (1,), 278: (1,), 279: counts}  # fmt: skip
    after = 8 + 2 + 12 * len(entries) + 4
    table, arrays = struct.pack("<H", len(entries)), b""
    for tag, values in entries.items():
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            table += struct.pack("<HHII", tag, 4, len(values), after + len(arrays))
            arrays += packed
        else:
            table += struct.pack("<HHI", tag, 4, 1) + packed
    return b"II*\0\x08\0\0\0" + table + bytes(4) + arrays + data


def _one_stream(count: int) -> bytes:
    """Return a TIFF whose every row is all of the same long stream that says nothing."""
    nothing = b"\0\0\0\xff\xff" * 200_000  # stored blocks of no bytes
    data = b"\x78\x01" + nothing + zlib.compress(bytes(64))[2:]
    start = 8 + 2 + 12 * 9 + 4 + 8 * count
    return _tiff((64, count), (start,) * count, (len(data),) * count, data)


def _strips_by_the_million() -> bytes:
    count = 3_000_000
    return _tiff((64, 64), (8,) * count, (64,) * count, bytes(64))


def _padded(body: bytes) -> bytes:
    return body.ljust(_MAX_OBJECT_BYTES, b"\0")


def _xmp_to_the_limit() -> bytes:
    return webp_with(b"XMP ", bytes(_MAX_OBJECT_BYTES - len(webp_with(b"XMP ", b""))))


def _text_to_the_limit() -> bytes:
    return png_with(("tEXt", b"k\0".ljust(_MAX_OBJECT_BYTES - len(png_with(("tEXt", b""))), b"x")))
