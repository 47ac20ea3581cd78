"""Blocks of EXIF, which are small TIFF files, made to cost much or to go round in circles."""

from __future__ import annotations

import struct

__all__ = ["EXIF_BOMBS", "MPF_BOMB"]

_HEAD = b"II*\0\x08\0\0\0"
_BYTE, _SHORT, _LONG = 1, 3, 4
_IFD, _GPS, _SUB_IFDS = 0x8769, 0x8825, 0x014A


def _directory(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """Return a directory of (tag, type, count, value or place)."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + packed + struct.pack("<I", following)


def _overlapping(count: int, kind: int, length: int) -> bytes:
    """Return a block whose every field is nearly the whole block."""
    fields = ((0x9000 + number, kind, length, 8) for number in range(count))
    return (_HEAD + _directory(*fields)).ljust(length * 2 + 16, b"\1")


def _chain(count: int) -> bytes:
    """Return a block of directories, each in the one before."""
    size = len(_directory((0, 0, 0, 0)))
    return _HEAD + b"".join(
        _directory((_IFD, _LONG, 1, 8 + (number + 1) * size)) for number in range(count)
    )


EXIF_BOMBS = {
    "EXIF that follows itself": _HEAD + _directory((0x0112, _SHORT, 1, 6), following=8),
    "EXIF inside itself": _HEAD
    + _directory((_IFD, _LONG, 1, 8), (_GPS, _LONG, 1, 8), (_SUB_IFDS, _LONG, 1, 8)),
    "EXIF of 3,000 directories, each in the other": _chain(3000),
    "EXIF whose fields are each all of it": _overlapping(2500, _SHORT, 30_000),
    "EXIF whose fields are each all of its 2 MB": _overlapping(4000, _BYTE, 2_000_000),
    "EXIF with an endless field": _HEAD + _directory((0x0112, _SHORT, 0xFFFF_FFFF, 8)),
}

MPF_BOMB = b"MPF\0" + _overlapping(2500, _SHORT, 30_000)
