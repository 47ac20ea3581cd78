"""Fit a picture of any size, shape and orientation into the model's input."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from PIL import Image

from scones_serializer.decoding import Box, Decoded, decode

__all__ = ["Fit", "Frame", "fitted_picture"]

Fit = Literal["letterbox", "crop"]

_REDUCING_GAP = 3.0
"""Cheap reduction stops at this many times the target; Pillow documents 3 as indistinguishable."""

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

    A picture that already has the frame's size keeps its pixels; transparency shows white.

    Raises:
        NotAnImage, UnsupportedFormat, TruncatedImage, TooManyPixels: see `errors`.
    """
    least_side = math.ceil(_REDUCING_GAP * max(frame.width, frame.height))
    return _framed(_fitted(decode(body, least_side, max_pixels), frame), frame)


def _fitted(stored: Decoded, frame: Frame) -> Image.Image:
    """Resample to the final size as the picture is stored, then turn the few pixels that remain."""
    colours, region, turn = stored
    lies = turn in _SWAPS_SIDES
    width, height = (frame.height, frame.width) if lies else (frame.width, frame.height)
    if frame.fit == "crop":
        region = _centre(region, width / height)
    else:
        width, height = _inside(region, width, height)
    small = colours.resize(
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
