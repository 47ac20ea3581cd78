from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from scones_model.data.copies import fingerprints, groups, look_at, near_copies


def picture(seed: int, side: int = 32) -> Image.Image:
    """Soft blobs of colour: as in a photo, neighbouring pixels are alike."""
    rough = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC)


def darker(image: Image.Image) -> Image.Image:
    return image.point(lambda value: value * 0.7)


def noisy(image: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 12, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def larger(image: Image.Image) -> Image.Image:
    return image.resize((200, 200), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("change", [darker, noisy, larger, ImageOps.mirror])
def test_changed_picture_is_found_to_be_a_copy(change: object) -> None:
    assert callable(change)
    left, right = fingerprints([picture(0)]), fingerprints([picture(1), change(picture(0))])
    ((row, column, correlation),) = near_copies(left, right)
    assert (row, column) == (0, 1)
    assert 0.9 <= correlation <= 1.0001


def test_other_pictures_and_turned_ones_are_no_copies() -> None:
    others = [picture(1), picture(2), ImageOps.flip(picture(0))]
    assert list(near_copies(fingerprints([picture(0)]), fingerprints(others))) == []


def test_blank_pictures_are_copies_of_nothing() -> None:
    blank = fingerprints([Image.new("RGB", (32, 32), color) for color in ("white", "black")])
    assert list(near_copies(blank, blank)) == []


def test_copies_of_copies_share_a_group_although_they_differ() -> None:
    first, second = np.eye(768, dtype=np.float32)[:2]
    angles = np.radians([0, 20, 90, 40])
    turned = np.outer(np.cos(angles), first) + np.outer(np.sin(angles), second)
    assert groups(turned.astype(np.float32)) == [0, 0, 2, 0]


def test_every_picture_of_many_is_compared() -> None:
    many = np.eye(3, 768, dtype=np.float32)[np.arange(2050) % 3]
    pairs = {(left, right) for left, right, _ in near_copies(many, many[:3])}
    assert pairs == {(row, row % 3) for row in range(2050)}


def test_looks_are_of_pixels_alone() -> None:
    images = [picture(0), picture(1)]
    looks = look_at(iter(images))
    assert looks.digests[1] == hashlib.sha256(np.asarray(images[1]).tobytes()).digest()
    assert (looks.of([1]).prints == fingerprints(images[1:])).all()
    assert looks.of([1]).digests == looks.digests[1:]
    assert len(look_at([])) == 0
