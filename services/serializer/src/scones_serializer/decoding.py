"""Decode untrusted bytes into colours, without ever decoding too many of them."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, cast

from PIL import ExifTags, Image

from scones_serializer.cost import MAX_DECODING_BYTES, decoding_bytes, opening_bytes
from scones_serializer.errors import (
    NotAnImage,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFormat,
)
from scones_serializer.formats import FORMATS, begins_as_image, foreign_format

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Box", "Decoded", "decode"]

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

# Pillow's decoders raise nearly anything on damaged input: this is Exception less MemoryError,
# which says that the function is too small, not that the picture is bad.
_DECODER_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Decoded(NamedTuple):
    """A picture as it is stored: RGB or RGBA, where in it the picture lies, how to turn it up."""

    colours: Image.Image
    region: Box
    turn: Image.Transpose | None


def decode(body: bytes, least_side: int, max_pixels: int) -> Decoded:
    """Return the picture in `body`, a JPEG's at a fraction of its size.

    No side of that is below least_side pixels unless the picture's own is. The first frame of an
    animation and the first page of a TIFF are taken; colour profiles are not applied.

    Raises:
        NotAnImage, UnsupportedFormat, TruncatedImage, TooManyPixels: see `errors`.
    """
    foreign = foreign_format(body)
    if foreign:
        raise UnsupportedFormat(f"the object is {foreign}, which is not read here: convert to JPEG")
    with _refusing_bombs(max_pixels):
        _refuse_costly(opening_bytes(body), "WEBP")
        image = _opened(body)
        stored, region = image.size, _drafted(image, least_side)
        _refuse_costly(decoding_bytes(image, stored, len(body)), image.format)
        colours = _loaded(image)
        return Decoded(colours, region or (0, 0, *colours.size), _turn(image))


@contextmanager
def _refusing_bombs(max_pixels: int) -> Iterator[None]:
    """Let Pillow's own check refuse above max_pixels, before memory is taken for the pixels.

    By itself it only warns up to twice its limit.
    """
    usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata that Pillow reads around
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels(
            f"the picture decodes to more than {max_pixels:,} pixels (MAX_PIXELS): "
            "upload a smaller one"
        ) from error
    finally:
        Image.MAX_IMAGE_PIXELS = usual


def _opened(body: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(body), formats=FORMATS)
    except _DECODER_FAULTS as error:
        if begins_as_image(body):
            raise _truncated() from error
        what = "is not recognised as an image" if body else "is empty"
        raise NotAnImage(
            f"the object {what}: upload a photo as one of {', '.join(FORMATS)}"
        ) from error


def _truncated() -> TruncatedImage:
    return TruncatedImage("the picture is cut off or damaged: upload the whole file again")


def _drafted(image: Image.Image, least_side: int) -> Box | None:
    """Set a JPEG's decoder to 1/2, 1/4 or 1/8; return where in what it gives the picture lies."""
    try:
        drafted = image.draft(None, (least_side, least_side))
    except _DECODER_FAULTS as error:
        raise _truncated() from error
    return drafted[1] if drafted else None


def _refuse_costly(needed: int, file_format: str | None) -> None:
    if needed > MAX_DECODING_BYTES:
        raise TooManyPixels(
            f"this {file_format} takes {needed / 1e6:,.0f} MB to decode, over the limit of "
            f"{MAX_DECODING_BYTES / 1e6:,.0f} MB: upload a smaller one, or a plain JPEG"
        )


def _loaded(image: Image.Image) -> Image.Image:
    try:
        image.load()
        return _eight_bit_colours(image)
    except _DECODER_FAULTS as error:
        raise _truncated() from error


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return what makes the picture upright; asked after loading, as PNG may carry EXIF last."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DECODER_FAULTS:
        return None  # a broken EXIF block is no reason to refuse a good picture


def _eight_bit_colours(image: Image.Image) -> Image.Image:
    """Return the picture as RGB, or as RGBA where anything of it may be transparent."""
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        image = _eight_bit_grey(image)
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _eight_bit_grey(image: Image.Image) -> Image.Image:
    """Scale deep grey levels, which Pillow's own conversion would clip at 255."""
    darkest, brightest = _grey_range(image)
    scale = 255 / ((brightest - darkest) or 1)
    if not math.isfinite(scale * darkest):
        raise _truncated()
    deep = image.convert("I") if image.mode == "I;16B" else image
    grey = deep.point(lambda level: level * scale + (0.5 - darkest * scale)).convert("L")
    if "transparency" in image.info:
        grey.info["transparency"] = int(image.info["transparency"] * scale + 0.5)
    return grey


def _grey_range(image: Image.Image) -> tuple[float, float]:
    if image.mode.startswith("I;16"):
        return 0, 65_535
    # 32-bit integers and floats have no agreed white: the picture's own extremes stand in.
    darkest, brightest = image.getextrema()
    return cast("float", darkest), cast("float", brightest)
