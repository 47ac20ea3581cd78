"""How a model answers to pictures that a worse camera, a worse light or a careless hand made.

The changes are made to the pixels that the model takes, and are as large as their levels say
relative to the side of its input, whatever that is. The same picture is always changed the same
way.
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from scones_model.evaluation.answers import batches
from scones_model.evaluation.measures import measure
from scones_model.evaluation.parts import Labelled
from scones_model.evaluation.result import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from scones_model.serving.inference import Classifier

__all__ = ["CHANGES", "Alteration", "altered", "robustness", "some"]

_MOST = 2000
"""Pictures to change: their accuracy is then known to a point or better, and each costs time."""

_SMOOTH = Image.Resampling.BICUBIC


class Alteration(NamedTuple):
    """One way and level of changing a picture; `alter` takes it and its place in the test set."""

    change: str
    level: str
    alter: Callable[[Image.Image, int], Image.Image]


def robustness(
    classifier: Classifier,
    test: Labelled,
    threshold: float,
    done: Callable[[int], object] = lambda _answered: None,
) -> list[Change]:
    """Figures of the test pictures under each of CHANGES; `done` is told of answered pictures."""
    answers: list[list[NDArray[np.float32]]] = [[] for _ in CHANGES]
    for start, pixels in batches(test.files, classifier.metadata):
        for gathered, alteration in zip(answers, CHANGES, strict=True):
            gathered.append(classifier.probabilities(altered(pixels, start, alteration)))
            done(len(pixels))
    return [
        Change(one.change, one.level, measure(np.concatenate(parts), test.classes, threshold))
        for one, parts in zip(CHANGES, answers, strict=True)
    ]


def some(test: Labelled) -> Labelled:
    """At most 2,000 of the pictures, evenly from all classes: each change answers all again."""
    step = -(-len(test.files) // _MOST)
    return Labelled(test.files[::step], test.classes[::step])


def altered(pixels: NDArray[np.uint8], start: int, alteration: Alteration) -> NDArray[np.uint8]:
    """Pixels [n, height, width, 3], each picture changed; `start` is the place of the first."""
    pictures = (Image.fromarray(picture) for picture in pixels)
    changed = (alteration.alter(picture, start + row) for row, picture in enumerate(pictures))
    return np.stack([np.asarray(picture) for picture in changed])


def _side(image: Image.Image) -> int:
    return min(image.size)


def _blur(image: Image.Image, _place: int, *, share: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(_side(image) * share))


def _noise(image: Image.Image, place: int, *, deviation: float) -> Image.Image:
    pixels = np.asarray(image)
    grain = np.random.default_rng(place).normal(0, 255 * deviation, pixels.shape)
    return Image.fromarray(np.clip(np.rint(pixels + grain), 0, 255).astype(np.uint8))


def _brightness(image: Image.Image, _place: int, *, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


def _contrast(image: Image.Image, _place: int, *, factor: float) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(factor)


def _grey(image: Image.Image, _place: int) -> Image.Image:
    return image.convert("L").convert("RGB")


def _rotation(image: Image.Image, place: int, *, degrees: float) -> Image.Image:
    """Every other picture to the left; what turns into the corners is mirrored at the border."""
    rim = _side(image) // 4
    wide = Image.fromarray(np.pad(np.asarray(image), ((rim,) * 2, (rim,) * 2, (0, 0)), "symmetric"))
    turned = wide.rotate(degrees if place % 2 else -degrees, _SMOOTH)
    return turned.crop((rim, rim, rim + image.width, rim + image.height))


def _jpeg(image: Image.Image, _place: int, *, quality: int) -> Image.Image:
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=quality)
    return Image.open(packed).convert("RGB")


def _resampling(image: Image.Image, _place: int, *, up: Image.Resampling) -> Image.Image:
    half = (max(image.width // 2, 1), max(image.height // 2, 1))
    return image.resize(half, Image.Resampling.LANCZOS).resize(image.size, up)


def _crop(image: Image.Image, place: int, *, share: float) -> Image.Image:
    """The share of either side, from each of the four corners in turn, enlarged to all of it."""
    width, height = image.width * share, image.height * share
    left = (image.width - width) * (place % 2)
    top = (image.height - height) * (place // 2 % 2)
    return image.resize(image.size, _SMOOTH, box=(left, top, left + width, top + height))


CHANGES: Sequence[Alteration] = (
    Alteration("blur", "1/64 of a side", partial(_blur, share=1 / 64)),
    Alteration("blur", "1/32 of a side", partial(_blur, share=1 / 32)),
    Alteration("noise", "4 % of white", partial(_noise, deviation=0.04)),
    Alteration("noise", "8 % of white", partial(_noise, deviation=0.08)),
    Alteration("darker", "to 1/2", partial(_brightness, factor=1 / 2)),
    Alteration("darker", "to 1/4", partial(_brightness, factor=1 / 4)),
    Alteration("brighter", "by 1/2", partial(_brightness, factor=3 / 2)),
    Alteration("brighter", "twice", partial(_brightness, factor=2)),
    Alteration("contrast", "to 1/2", partial(_contrast, factor=1 / 2)),
    Alteration("contrast", "to 1/4", partial(_contrast, factor=1 / 4)),
    Alteration("grey", "no colour", _grey),
    Alteration("rotation", "by 10°", partial(_rotation, degrees=10)),
    Alteration("rotation", "by 20°", partial(_rotation, degrees=20)),
    Alteration("JPEG", "quality 50", partial(_jpeg, quality=50)),
    Alteration("JPEG", "quality 20", partial(_jpeg, quality=20)),
    Alteration("resampling", "by half, smooth", partial(_resampling, up=_SMOOTH)),
    Alteration("resampling", "by half, nearest", partial(_resampling, up=Image.Resampling.NEAREST)),
    Alteration("crop", "7/8, off centre", partial(_crop, share=7 / 8)),
    Alteration("crop", "3/4, off centre", partial(_crop, share=3 / 4)),
)
"""Blur and noise by their standard deviations; resampling goes down to half a side and back up."""
