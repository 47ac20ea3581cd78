"""What a picture takes to decode, known from its header: measured, see tests/peak_memory.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PIL.JpegImagePlugin import JpegImageFile

from scones_serializer.webp import webp_size

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MAX_DECODING_BYTES", "MAX_DECODING_SECONDS", "decoding_bytes", "opening_bytes"]

MAX_DECODING_BYTES = 150_000_000
"""Memory for one picture: its file, what its decoder needs, its colours in every form in between.

A process that waits for uploads has 88 MB: together below 256 MB.
"""

MAX_DECODING_SECONDS = 3
"""Of processor time, for one picture; the slowest that fits was seen to take a sixth of it."""


class _Decoder(NamedTuple):
    """What a format's decoder has beside the picture: bytes a pixel, and copies of the file."""

    loading: int
    kept: int
    files: int


_DECODERS = {"WEBP": _Decoder(12, 8, 3), "AVIF": _Decoder(7, 6, 2)}
_PLAIN = _Decoder(0, 0, 1)
_RGB = 4
_OTHER_COLOURS = 8  # two of: as stored, as RGBA, premultiplied
_DEEP_GREY = 9  # that and a byte of shallow grey
_COEFFICIENT = 2


def decoding_bytes(image: Image.Image, stored: tuple[int, int], file_bytes: int) -> int:
    """Return how much memory it takes to load the image and to make colours of it.

    `stored` is the size in the file: a JPEG's own may be set to a fraction of that.
    """
    decoder = _DECODERS.get(image.format or "", _PLAIN)
    pixel = max(decoder.loading + _RGB, decoder.kept + _colours(image))
    own = image.width * image.height * pixel + file_bytes * decoder.files
    return own + round(stored[0] * stored[1] * _coefficients(image))


def opening_bytes(body: bytes) -> int:
    """Return how much it takes, at the least, of what Pillow takes before the size can be asked.

    Only a WebP's decoder gets its memory that soon.
    """
    width, height = webp_size(body) or (0, 0)
    decoder = _DECODERS["WEBP"]
    return width * height * (decoder.loading + _RGB) + len(body) * decoder.files if width else 0


def _colours(image: Image.Image) -> int:
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _DEEP_GREY
    return _RGB if image.mode == "RGB" and "transparency" not in image.info else _OTHER_COLOURS


def _coefficients(image: Image.Image) -> float:
    """Return the bytes a pixel that a progressive JPEG keeps until its last scan, however small."""
    if not isinstance(image, JpegImageFile) or "progressive" not in image.info:
        return 0
    sampled = [(across, down) for _, across, down, _ in image.layer]
    widest, highest = (max(factors, default=1) or 1 for factors in zip(*sampled, strict=True))
    return _COEFFICIENT * sum(across * down for across, down in sampled) / (widest * highest)
