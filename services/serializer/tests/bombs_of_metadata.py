"""Pictures with much, deep or circular metadata; most are sound but for that, and read."""

from __future__ import annotations

import functools
import struct
import zlib
from typing import TYPE_CHECKING

from services.serializer.tests.bomb import DAMAGED, RIGHT, TOO_MUCH, Bomb, plain
from services.serializer.tests.exif_bombs import EXIF_BOMBS, MPF_BOMB
from services.serializer.tests.sound_pictures import png, riff

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bombs_of_metadata", "png_with", "webp_with"]

_XMP = b"http://ns.adobe.com/xap/1.0/\0".ljust(60_000)
_FOUR_BYTES_A_CHARACTER = "\U0001f950".encode() * 200_000


def bombs_of_metadata() -> Iterator[Bomb]:
    """Yield them."""
    for name, block in EXIF_BOMBS.items():
        yield from _with_exif(name, block)
    for name, make, ends in (
        ("MPO with a directory of itself", lambda: _jpeg_with((0xE2, MPF_BOMB)), {RIGHT}),
        ("PNG with a zTXt of 50 MB", lambda: _texts("zTXt", bytes(50_000_000), 1), {DAMAGED}),
        ("PNG with 60 zTXt of 1 MB", lambda: _texts("zTXt", bytes(1_000_000), 60), {RIGHT}),
        ("PNG with 80 iTXt", lambda: _texts("iTXt", _FOUR_BYTES_A_CHARACTER, 80), {RIGHT}),
        ("PNG with a profile of 50 MB", _large_profile, {DAMAGED}),
        ("PNG of 200,000 empty texts", lambda: png_with(*[("tEXt", b"k\0")] * 200_000), {RIGHT}),
        ("JPEG of 3,000,000 comments", lambda: _jpeg_with(*[(0xFE, b"")] * 3_000_000), {TOO_MUCH}),
        ("JPEG with 400 pieces of XMP", lambda: _jpeg_with(*[(0xE1, _XMP)] * 400), {RIGHT}),
        ("JPEG with 255 pieces of a profile", _pieces_of_a_profile, {RIGHT}),
        ("GIF with a comment of 16 MB", lambda: _comment(16_000_000), {RIGHT}),
        ("GIF with 4,000,000 blocks", lambda: _blocks(4_000_000), {RIGHT}),
    ):
        yield Bomb(name, make, ends)


def _with_exif(name: str, block: bytes) -> Iterator[Bomb]:
    yield Bomb(f"JPEG with {name}", functools.partial(_exif_jpeg, block), {RIGHT})
    yield Bomb(f"PNG with {name}", functools.partial(png_with, ("eXIf", block)), {RIGHT})
    yield Bomb(f"WebP with {name}", functools.partial(webp_with, b"EXIF", block), {RIGHT})
    yield Bomb(f"AVIF with {name}", functools.partial(_exif_avif, block), {RIGHT})
    yield Bomb(f"TIFF that is {name}", functools.partial(bytes, block), {DAMAGED})


def _large_profile() -> bytes:
    return png_with(("iCCP", b"p\0\0" + zlib.compress(bytes(50_000_000))))


def _pieces_of_a_profile() -> bytes:
    piece = b"ICC_PROFILE\0%c\xff".ljust(60_000)
    return _jpeg_with(*((0xE2, piece % number) for number in range(1, 256)))


def png_with(*chunks: tuple[str, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\0")
    return png(("IHDR", header), *chunks, ("IDAT", pixels), ("IEND", b""))


def _jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    body = plain("RGB", 16, "JPEG")
    put = b"".join(
        struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data for marker, data in segments
    )
    return body[:2] + put + body[2:]


def webp_with(name: bytes, data: bytes) -> bytes:
    sound = plain("RGB", 16, "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0", xmp=b"x")
    kept = sound[12 : sound.index(b"EXIF")]
    return riff(kept + name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2))


def _texts(kind: str, text: bytes, count: int) -> bytes:
    head = {"zTXt": b"k%d\0\0", "iTXt": b"k%d\0\1\0\0\0"}[kind]
    packed = zlib.compress(text, 9)
    return png_with(*((kind, head % number + packed) for number in range(count)))


def _comment(length: int) -> bytes:
    """Return a GIF with one comment that long, in blocks of 255."""
    body = plain("L", 8, "GIF")
    at = body.index(b"\x2c", 13 + 3 * 2 ** ((body[10] & 7) + 1))
    return body[:at] + b"\x21\xfe" + (b"\xff" + bytes(255)) * (length // 256) + b"\0" + body[at:]


def _blocks(count: int) -> bytes:
    """Return a GIF with an application's extension of that many blocks of one byte."""
    body = plain("L", 8, "GIF")
    at = body.index(b"\x2c", 13 + 3 * 2 ** ((body[10] & 7) + 1))
    return body[:at] + b"\x21\xff\x0bSCONES  1.0" + b"\1\0" * count + b"\0" + body[at:]


def _exif_jpeg(block: bytes) -> bytes:
    pieces = [block[start : start + 65_000] for start in range(0, len(block), 65_000)]
    return _jpeg_with(*((0xE1, b"Exif\0\0" + piece) for piece in pieces))


def _exif_avif(block: bytes) -> bytes:
    return plain("RGB", 16, "AVIF", exif=_marker(len(block)), speed=10).replace(
        _marker(len(block))[6:], block
    )


def _marker(length: int) -> bytes:
    """Return an EXIF block that Pillow takes and that can be found again."""
    return b"Exif\0\0" + b"II*\0\x08\0\0\0\0\0\0\0\0\0".ljust(length, b"m")
