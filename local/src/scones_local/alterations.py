"""What can change in front of a model: alterations of its input pictures, for a demo to plant.

They work at the model's input size and are as strong as that many pixels show: a blur of one
twentieth of the side is a lens out of focus whether the model sees 32 pixels or 224.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

__all__ = ["ALTERATIONS", "Alteration", "lit"]

DARKNESS, GRAIN = 0.4, 0.14
"""What night leaves of the light, and how much of the sensor's noise shows."""
OUT_OF_FOCUS = 0.047
"""Radius of the blur, as a share of the picture's shorter side."""
WARM = (1.2, 1.0, 0.7)
"""The other camera's red, green and blue."""
COARSENESS, JPEG_QUALITY = 2, 20


@dataclass(frozen=True)
class Alteration:
    """One way in which pictures can change.

    Attributes:
        told: Which pictures are meant, as the object of "half of".
        apply: Makes the altered picture of an RGB one.
    """

    told: str
    apply: Callable[[Image.Image, Random], Image.Image]


def lit(picture: Image.Image, light: float) -> Image.Image:
    """An RGB picture with its brightness multiplied."""
    return Image.blend(Image.new("RGB", picture.size), picture, light)


def _night(picture: Image.Image, chance: Random) -> Image.Image:
    grey = Image.new("RGB", picture.size, (128, 128, 128))
    noise = Image.frombytes("RGB", picture.size, chance.randbytes(len(grey.tobytes())))
    return ImageChops.add(lit(picture, DARKNESS), Image.blend(grey, noise, GRAIN), offset=-128)


def _blur(picture: Image.Image, _chance: Random) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(OUT_OF_FOCUS * min(picture.size)))


def _camera(picture: Image.Image, _chance: Random) -> Image.Image:
    red, green, blue = WARM
    tinted = picture.convert("RGB", (red, 0, 0, 0, 0, green, 0, 0, 0, 0, blue, 0))
    coarse = tinted.resize([max(1, side // COARSENESS) for side in picture.size])
    memory = io.BytesIO()
    coarse.resize(picture.size, Image.Resampling.BILINEAR).save(
        memory, "JPEG", quality=JPEG_QUALITY
    )
    return Image.open(memory).convert("RGB")


ALTERATIONS: Mapping[str, Alteration] = {
    "night": Alteration("the pictures are taken at night", _night),
    "blur": Alteration("the pictures come through a lens out of focus", _blur),
    "camera": Alteration("the pictures come from another, cheaper camera", _camera),
}
