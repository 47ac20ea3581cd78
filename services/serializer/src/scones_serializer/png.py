"""A model-sized picture as base64 PNG, with a size that is known before any picture is seen.

Written here and not by Pillow, whose compressor gives no such bound: noise of 223 x 223 pixels
takes zlib-ng at level 6 115 bytes more than storing it (Pillow 13.0).
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["base64_png", "largest_base64_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_OVERHEAD = 12  # length, type and checksum
_IHDR_BYTES = 13
_ZLIB_OVERHEAD = 6  # header and Adler-32
_STORED_BLOCK_BYTES = 65_535  # RFC 1951, 3.2.4
_STORED_BLOCK_OVERHEAD = 5


def base64_png(picture: Image.Image) -> str:
    """Return an RGB picture as base64 text of a PNG that holds its pixels and no metadata."""
    rows = _rows(picture)
    header = struct.pack(">IIBBBBB", *picture.size, 8, 2, 0, 0, 0)  # 8 bits, RGB, not interlaced
    smaller = min(zlib.compress(rows), _stored(rows), key=len)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", smaller) + _chunk(b"IEND", b"")
    return b64encode(_SIGNATURE + chunks).decode("ascii")


def largest_base64_png(width: int, height: int) -> int:
    """Return how many characters `base64_png` needs at most for width x height pixels.

    That is the stored form: every pixel as it is, and the framing of rows, deflate and PNG.
    """
    rows = height * (1 + 3 * width)
    blocks = -(-rows // _STORED_BLOCK_BYTES)
    stored = rows + blocks * _STORED_BLOCK_OVERHEAD + _ZLIB_OVERHEAD
    png = len(_SIGNATURE) + 3 * _CHUNK_OVERHEAD + _IHDR_BYTES + stored
    return 4 * -(-png // 3)


def _rows(picture: Image.Image) -> bytes:
    pixels, stride = picture.tobytes(), 3 * picture.width
    unfiltered = b"\0"
    return b"".join(
        unfiltered + pixels[start : start + stride] for start in range(0, len(pixels), stride)
    )


def _stored(data: bytes) -> bytes:
    """Return a zlib stream (RFC 1950) of `data` in stored blocks."""
    blocks = []
    for start in range(0, len(data), _STORED_BLOCK_BYTES):
        block = data[start : start + _STORED_BLOCK_BYTES]
        final = start + _STORED_BLOCK_BYTES >= len(data)
        blocks.append(struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF) + block)
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(data))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
