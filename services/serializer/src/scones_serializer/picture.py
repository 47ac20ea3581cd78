"""Decode untrusted bytes and fit the picture to the model's input."""

from __future__ import annotations

import io
import math
import re
import struct
import warnings
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from PIL import ExifTags, Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from scones_serializer.errors import (
    NotAnImage,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFormat,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMATS", "Fit", "Frame", "fitted_picture"]

Fit = Literal["letterbox", "crop"]
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels

# The readers are imported here, at cold start: Pillow would otherwise import them (and forty
# others) during the first upload. The JPEG reader also opens MPO, the phones' JPEG with several
# pictures.
FORMATS = tuple(
    reader.format
    for reader in (
        JpegImageFile,
        PngImageFile,
        WebPImageFile,
        GifImageFile,
        BmpImageFile,
        TiffImageFile,
        AvifImageFile,
    )
)

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

# The supported formats' own first bytes. BMP's "BM" is left out: it begins ordinary text as well.
_BEGINS_AS_IMAGE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|II[*+]\0|MM\0[*+]|....ftypavi[fs]",
    re.DOTALL,
)

# What people upload in place of a photo. Known by first bytes alone, so that none of Pillow's
# seldom-used readers ever runs on untrusted input.
_FOREIGN = {
    "HEIC": rb"....ftyp(?:hei[cxms]|hev[cxms])|....ftypm[is]f1.{4}(?!.{0,24}avi[fs]).{0,24}he[iv]",
    "JPEG 2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "JPEG XL": rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a",
    "PSD": rb"8BPS",
    "ICO": rb"\0\0[\1\2]\0[^\0]\0",
    "ICNS": rb"icns",
    "PDF": rb"%PDF-",
    "EPS": rb"%!PS|\xc5\xd0\xd3\xc6",
    "SVG": rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE[^>]*>\s*)?<svg[\s>]",
    "DDS": rb"DDS \x7c\0\0\0",
    "QOI": rb"qoif",
    "PPM": rb"P[1-6]\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s",
    "PCX": rb"\n[\0\2\3\5][\0\1][\1\2\4\x08]",
    "SGI": rb"\x01\xda[\0\1][\1\2]",
    "Sun raster": rb"\x59\xa6\x6a\x95",
    "FITS": rb"SIMPLE  =",
    "WMF": rb"\xd7\xcd\xc6\x9a|\1\0\0\0.{36} EMF",
    "XPM": rb"/\* XPM \*/",
}
_FOREIGN_FORMAT = re.compile(
    b"|".join(b"(?P<f%d>%b)" % item for item in enumerate(_FOREIGN.values())), re.DOTALL
)
_HEAD_BYTES = 1024

_REDUCING_GAP = 3.0
"""Cheap reduction stops at this many times the target; Pillow documents 3 as indistinguishable."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS_SIDES = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
}


class Frame(NamedTuple):
    """The model's input: size in pixels, and how a picture of another shape is put into it."""

    width: int
    height: int
    fit: Fit
    pad_color: tuple[int, int, int]


def fitted_picture(body: bytes, frame: Frame, max_pixels: int) -> Image.Image:
    """Return the upright picture in `body` as RGB of exactly frame.width x frame.height pixels.

    The first frame of an animation and the first page of a TIFF are taken; transparency shows
    white; colour profiles are not applied. A picture that already has the frame's size keeps its
    pixels.

    Raises:
        NotAnImage, UnsupportedFormat, TruncatedImage, TooManyPixels: see `errors`.
    """
    _refuse_foreign(body)
    with _refusing_bombs(max_pixels):
        image = _opened(body)
        colours, region = _decode(image, frame)
        turn = _turn(image)
    return _framed(_fit(colours, region, turn, frame), frame)


def _refuse_foreign(body: bytes) -> None:
    found = _FOREIGN_FORMAT.match(body[:_HEAD_BYTES])
    if found and found.lastgroup:
        name = list(_FOREIGN)[int(found.lastgroup[1:])]
        raise UnsupportedFormat(f"the object is {name}, which is not read here: convert to JPEG")


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
        if _BEGINS_AS_IMAGE.match(body):
            raise _truncated() from error
        what = "is not recognised as an image" if body else "is empty"
        raise NotAnImage(
            f"the object {what}: upload a photo as one of {', '.join(FORMATS)}"
        ) from error


def _truncated() -> TruncatedImage:
    return TruncatedImage("the picture is cut off or damaged: upload the whole file again")


def _decode(image: Image.Image, frame: Frame) -> tuple[Image.Image, Box]:
    """Return the 8-bit colours, a JPEG's at a fraction of their number, and the picture's box."""
    side = math.ceil(_REDUCING_GAP * max(frame.width, frame.height))
    try:
        drafted = image.draft(None, (side, side))
        image.load()
        colours = _eight_bit_colours(image)
    except _DECODER_FAULTS as error:
        raise _truncated() from error
    return colours, drafted[1] if drafted else (0, 0, *colours.size)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return what makes the picture upright; asked after loading, as PNG may carry EXIF last."""
    try:
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
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


def _fit(
    image: Image.Image, region: Box, turn: Image.Transpose | None, frame: Frame
) -> Image.Image:
    """Resample to the final size as the picture is stored, then turn the few pixels that remain."""
    lies = turn in _SWAPS_SIDES
    width, height = (frame.height, frame.width) if lies else (frame.width, frame.height)
    if frame.fit == "crop":
        region = _centre(region, width / height)
    else:
        width, height = _inside(region, width, height)
    small = image.resize(
        (width, height), Image.Resampling.LANCZOS, box=region, reducing_gap=_REDUCING_GAP
    )
    return small if turn is None else small.transpose(turn)


def _centre(region: Box, aspect: float) -> Box:
    """Return the largest centred part of the region with this width / height."""
    _, _, width, height = region
    cut_width, cut_height = min(width, height * aspect), min(height, width / aspect)
    left, top = (width - cut_width) / 2, (height - cut_height) / 2
    return left, top, min(left + cut_width, width), min(top + cut_height, height)


def _inside(region: Box, width: int, height: int) -> tuple[int, int]:
    """Return the largest size of the region's shape within width x height, at least one pixel."""
    scale = min(width / region[2], height / region[3])
    return max(1, round(region[2] * scale)), max(1, round(region[3] * scale))


def _framed(picture: Image.Image, frame: Frame) -> Image.Image:
    """Centre the picture on bars of the frame's colour; what is transparent becomes white."""
    left, top = (frame.width - picture.width) // 2, (frame.height - picture.height) // 2
    canvas = Image.new("RGB", (frame.width, frame.height), frame.pad_color)
    if picture.mode == "RGBA":
        canvas.paste((255, 255, 255), (left, top, left + picture.width, top + picture.height))
        canvas.paste(picture, (left, top), picture)
    else:
        canvas.paste(picture, (left, top))
    return canvas
