"""A model-sized picture as base64 PNG, with a size that is known before any picture is seen."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["base64_png", "largest_base64_png"]

_SIGNATURE_IHDR_IEND = 8 + 25 + 12
_CHUNK_OVERHEAD = 12  # length, type and checksum around the bytes of an IDAT
_IDAT_BYTES = 65_536  # Pillow writes one IDAT per full buffer of this size, and the rest
_ZLIB_OVERHEAD = 6  # header and Adler-32
_STORED_BLOCK_BYTES = 16_383  # deflate may end a block after this many literals
_STORED_BLOCK_OVERHEAD = 5


def base64_png(picture: Image.Image) -> str:
    """Return an RGB picture of W x H pixels as base64 text of a PNG without metadata."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return b64encode(buffer.getvalue()).decode("ascii")


def largest_base64_png(width: int, height: int) -> int:
    """Return how many characters `base64_png` needs at most for width x height RGB pixels.

    Deflate falls back to stored blocks where nothing compresses (RFC 1951, 3.2.4), so noise is
    the worst case: all pixels, one filter byte per row, and the framing of deflate and of PNG.
    """
    rows = height * (1 + 3 * width)
    blocks = _ceil_div(rows, _STORED_BLOCK_BYTES) + 1
    deflated = rows + blocks * _STORED_BLOCK_OVERHEAD + _ZLIB_OVERHEAD
    chunks = _ceil_div(deflated, _IDAT_BYTES) + 1
    return 4 * _ceil_div(_SIGNATURE_IHDR_IEND + chunks * _CHUNK_OVERHEAD + deflated, 3)


def _ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
