"""Pictures that declare, or really have, many pixels."""

from __future__ import annotations

import functools
import re
import struct
import zlib
from typing import TYPE_CHECKING

from PIL import Image
from services.serializer.tests.bomb import DAMAGED, NO_IMAGE, RIGHT, TOO_MUCH, Bomb, plain
from services.serializer.tests.sound_pictures import encoded, png

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["bombs_of_pixels"]


def bombs_of_pixels() -> Iterator[Bomb]:
    """Yield them."""
    yield from _declared_sizes()
    for name, make, ends in (
        ("black PNG of 49 megapixels", lambda: _black_png(7000), {TOO_MUCH}),
        ("black PNG of 33 megapixels", lambda: _black_png(5800), {RIGHT}),
        ("black GIF of 19 megapixels", lambda: plain("P", 4400, "GIF"), {TOO_MUCH}),
        ("black GIF of 18 megapixels", lambda: plain("P", 4300, "GIF"), {RIGHT}),
        ("black JPEG of 49 megapixels", lambda: plain("RGB", 7000, "JPEG"), {RIGHT}),
        ("progressive JPEG of 23 megapixels", _progressive, {RIGHT}),
        ("JPEG 65,000 pixels wide", lambda: _hair("JPEG"), {RIGHT}),
        ("PNG 65,000 pixels wide", lambda: _hair("PNG"), {RIGHT}),
        ("AVIF of 9 megapixels", lambda: plain("RGB", 3000, "AVIF", speed=10), {RIGHT}),
        ("AVIF with a frame larger than it says", _larger_than_said, {DAMAGED, RIGHT}),
    ):
        yield Bomb(name, make, ends)
    for mode, compression in (("F", "tiff_deflate"), ("CMYK", "tiff_lzw"), ("RGBA", "packbits")):
        make = functools.partial(plain, mode, 3800, "TIFF", compression=compression)
        yield Bomb(f"black TIFF of 14 megapixels, {mode} {compression}", make, {RIGHT})
    for name, options in (("lossless", {"lossless": True}), ("lossy", {"method": 0})):
        make = functools.partial(plain, "RGBA", 2560, "WEBP", **options)
        yield Bomb(f"black WebP of 6.5 megapixels, {name}", make, {RIGHT})


def _declared_sizes() -> Iterator[Bomb]:
    """Yield small files of every format, each with another size in its header."""
    for kind, put in _PUT.items():
        for width, height in ((60_000, 60_000), (0, 0), (1, 0xFFFF_FFFF), (16_383, 16_383)):
            make = functools.partial(put, plain("RGB", 16, kind), width, height)
            certain = width == height == 16_383
            ends = {TOO_MUCH} if certain else {TOO_MUCH, DAMAGED, NO_IMAGE, RIGHT}
            yield Bomb(f"{kind} that declares {width} x {height}", make, ends)


def _put_png(body: bytes, width: int, height: int) -> bytes:
    head = body[12:16] + struct.pack(">II", width, height) + body[24:29]
    return body[:12] + head + struct.pack(">I", zlib.crc32(head)) + body[33:]


def _put_gif(body: bytes, width: int, height: int) -> bytes:
    return body[:6] + struct.pack("<HH", width & 0xFFFF, height & 0xFFFF) + body[10:]


def _put_bmp(body: bytes, width: int, height: int) -> bytes:
    return body[:18] + struct.pack("<II", width, height) + body[26:]


def _put_jpeg(body: bytes, width: int, height: int) -> bytes:
    at = body.index(b"\xff\xc0") + 5
    return body[:at] + struct.pack(">HH", height & 0xFFFF, width & 0xFFFF) + body[at + 4 :]


def _put_webp(body: bytes, width: int, height: int) -> bytes:
    at = body.index(b"\x9d\x01\x2a") + 3
    return body[:at] + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF) + body[at + 4 :]


def _put_tiff(body: bytes, width: int, height: int) -> bytes:
    for tag, side in ((256, width), (257, height)):
        at = body.index(struct.pack("<HHI", tag, 4, 1)) + 8
        body = body[:at] + struct.pack("<I", side) + body[at + 4 :]
    return body


def _put_avif(body: bytes, width: int, height: int) -> bytes:
    size = struct.pack(">II", width, height)
    return re.sub(b"(ispe.{4}).{8}", lambda found: found[1] + size, body, flags=re.DOTALL)


_PUT: dict[str, Callable[[bytes, int, int], bytes]] = {
    "PNG": _put_png,
    "GIF": _put_gif,
    "BMP": _put_bmp,
    "JPEG": _put_jpeg,
    "WEBP": _put_webp,
    "TIFF": _put_tiff,
    "AVIF": _put_avif,
}


def _black_png(side: int) -> bytes:
    squeeze = zlib.compressobj(9)
    row = bytes(1 + 3 * side)
    rows = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return png(("IHDR", header), ("IDAT", rows), ("IEND", b""))


def _hair(file_format: str) -> bytes:
    return encoded(Image.new("RGB", (65_000, 90)), file_format)


def _larger_than_said() -> bytes:
    """Return an AVIF whose container says 64 x 64 and whose only frame is much larger."""
    return _put_avif(plain("RGB", 3000, "AVIF", speed=10), 64, 64)


def _progressive() -> bytes:
    return plain("RGB", 4800, "JPEG", progressive=True, subsampling=0)
