"""From the bytes of a picture to the pixels a model takes."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from scones_model.serving.metadata import Fit, Rgb

__all__ = ["MAX_PIXELS", "TooManyPixels", "UnreadableImage", "fit_to", "read_rgb"]

# 25 megapixels hold every common phone photo and decode to 75 MB, which a small instance affords.
MAX_PIXELS = 25_000_000

# Pillow reports broken files with whatever its decoders happen to raise.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


class UnreadableImage(ValueError):
    """The bytes are not a complete picture in one of the formats asked for."""


class TooManyPixels(ValueError):
    """The picture's header announces more than MAX_PIXELS pixels; nothing was decoded."""


def read_rgb(
    data: bytes,
    *,
    background: Rgb,
    formats: tuple[str, ...] | None = None,
    at_least: tuple[int, int] | None = None,
    upright: bool = False,
) -> Image.Image:
    """Decode a picture of any Pillow mode to RGB (first frame).

    `formats` are Pillow format names to try (default: all it knows). `at_least` (width, height)
    lets a JPEG be decoded at a reduced scale that is no smaller than that. Transparent parts show
    `background`. Pixels stay as stored unless `upright` asks to follow EXIF's orientation. Raises
    UnreadableImage or TooManyPixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            _check_pixels(image)
            if at_least is not None:
                image.draft("RGB", at_least)
            turned = ImageOps.exif_transpose(image) if upright else image
            return _to_rgb(turned, background)
    except Image.DecompressionBombError as error:
        raise TooManyPixels(f"The picture is over the limit of {MAX_PIXELS} pixels.") from error
    except TooManyPixels:
        raise
    except _DECODER_ERRORS as error:
        wanted = " or ".join(formats or ["known"])
        raise UnreadableImage(f"The body is not a complete {wanted} picture.") from error


def fit_to(image: Image.Image, size: tuple[int, int], fit: Fit, pad_color: Rgb) -> Image.Image:
    """Bring an RGB picture to `size` (width, height), antialiased, keeping its proportions.

    `letterbox` shows all of it on a `pad_color` ground; `crop` fills the size from the centre.
    """
    if image.size == size:
        return image
    if fit == "letterbox":
        return _letterbox(image, size, pad_color)
    return ImageOps.fit(image, size, Image.Resampling.LANCZOS)


def _letterbox(image: Image.Image, size: tuple[int, int], pad_color: Rgb) -> Image.Image:
    """As ImageOps.pad, which fails on a strip so narrow that it shrinks to no pixel at all."""
    scale = min(size[0] / image.width, size[1] / image.height)
    width, height = (max(round(side * scale), 1) for side in image.size)
    shrunk = image.resize((width, height), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", size, pad_color)
    canvas.paste(shrunk, ((size[0] - width) // 2, (size[1] - height) // 2))
    return canvas


def _check_pixels(image: Image.Image) -> None:
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise TooManyPixels(
            f"The picture has {image.width} x {image.height} pixels, "
            f"over the limit of {MAX_PIXELS} in all; send a smaller one."
        )


def _to_rgb(image: Image.Image, background: Rgb) -> Image.Image:
    if image.mode.startswith("I"):
        # 16-bit samples: Pillow's own conversion clips them to white instead of scaling.
        samples = np.clip(np.asarray(image) >> 8, 0, 255)
        return Image.fromarray(samples.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, background)
        return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")
