"""Pictures of many frames or pages, of which the first is the upload."""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING

from PIL import Image
from services.serializer.tests.bomb import DAMAGED, RIGHT, TOO_MUCH, Bomb, plain
from services.serializer.tests.sound_pictures import encoded, riff

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bombs_of_frames"]


def bombs_of_frames() -> Iterator[Bomb]:
    """Yield them."""
    for kind, count in (("GIF", 3000), ("PNG", 3000), ("WEBP", 3000), ("TIFF", 500), ("AVIF", 100)):
        make = functools.partial(_many_frames, kind, count)
        yield Bomb(f"{kind} of {count} frames", make, {RIGHT})
    yield Bomb("WebP of as many frames as fit", _frames_by_the_million, {RIGHT, DAMAGED, TOO_MUCH})
    yield Bomb("AVIF that counts frames without end", _samples_without_end, {DAMAGED, TOO_MUCH})
    yield Bomb("TIFF whose page follows itself", _page_that_follows_itself, {RIGHT})


def _many_frames(file_format: str, count: int, **options: object) -> bytes:
    first, *others = (Image.new("L", (8, 8), number % 256) for number in range(count))
    if file_format == "WEBP":
        first, others = first.convert("RGB"), [frame.convert("RGB") for frame in others]
    return encoded(first, file_format, save_all=True, append_images=others, **options)


def _frames_by_the_million() -> bytes:
    """Return an animated WebP with as many frames as 30 MB can name."""
    sound = _many_frames("WEBP", 2, lossless=True)
    at = sound.index(b"ANMF")
    length = 8 + int.from_bytes(sound[at + 4 : at + 8], "little")
    frames = sound[at : at + length] * (30_000_000 // length)
    return riff(sound[12:at] + frames)


def _samples_without_end() -> bytes:
    """Return an AVIF sequence that counts four thousand million frames of one byte."""
    body = bytearray(plain("RGB", 16, "AVIF", save_all=True, append_images=_two_frames()))
    at = body.index(b"stsz") + 8
    body[at : at + 8] = struct.pack(">II", 1, 0xFFFF_FFFF)
    at = body.index(b"stsc") + 16
    body[at : at + 4] = struct.pack(">I", 0xFFFF_FFFF)
    return bytes(body)


def _two_frames() -> list[Image.Image]:
    return [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]


def _page_that_follows_itself() -> bytes:
    body = plain("RGB", 16, "TIFF")
    start = int.from_bytes(body[4:8], "little")
    end = start + 2 + 12 * int.from_bytes(body[start : start + 2], "little")
    return body[:end] + body[4:8] + body[end + 4 :]
