"""How large a WebP is: its decoder takes memory for all pixels as soon as it is opened."""

from __future__ import annotations

import struct

__all__ = ["webp_size"]

_FOURTEEN_BITS = 0x3FFF


def webp_size(body: bytes) -> tuple[int, int] | None:
    """Return width and height by the first chunk of a WebP, None of anything else."""
    head = body[:30]
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":  # noqa: PLR2004
        return None
    match head[12:16]:
        case b"VP8X":
            return _little(head[24:27]) + 1, _little(head[27:30]) + 1
        case b"VP8L":
            sides = _little(head[21:25])
            return (sides & _FOURTEEN_BITS) + 1, (sides >> 14 & _FOURTEEN_BITS) + 1
        case b"VP8 ":
            width, height = struct.unpack("<HH", head[26:30])
            return width & _FOURTEEN_BITS, height & _FOURTEEN_BITS
    return None


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
