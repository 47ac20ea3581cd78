from __future__ import annotations

import io
import zlib
from base64 import b64decode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scones_serializer.png import base64_png, largest_base64_png


def noise(width: int, height: int, seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 224), st.integers(1, 224), st.integers(0, 2**32 - 1))
def test_noise_stays_within_the_bound(width: int, height: int, seed: int) -> None:
    assert len(base64_png(noise(width, height, seed))) <= largest_base64_png(width, height)


@pytest.mark.parametrize(("width", "height"), [(224, 224), (49_000, 1), (32, 1500)])
def test_incompressible_picture_takes_exactly_the_bound(width: int, height: int) -> None:
    assert len(base64_png(noise(width, height, seed=1))) == largest_base64_png(width, height)


def test_plain_picture_is_compressed() -> None:
    plain = Image.new("RGB", (200, 200), (10, 20, 30))
    assert len(base64_png(plain)) < largest_base64_png(200, 200) / 100


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (32, 32), (200, 120), (30_000, 1)])
def test_decoded_png_has_the_same_pixels(size: tuple[int, int]) -> None:
    for picture in (noise(*size, seed=3), Image.new("RGB", size, (200, 100, 50))):
        decoded = Image.open(io.BytesIO(b64decode(base64_png(picture))))
        assert decoded.mode == "RGB"
        assert decoded.tobytes() == picture.tobytes()


def test_png_holds_the_pixels_and_nothing_else() -> None:
    picture = noise(32, 32, seed=2)
    picture.info.update(icc_profile=b"profile", transparency=(1, 2, 3), dpi=(72, 72), comment="x")
    data = b64decode(base64_png(picture))
    assert chunk_names(data) == [b"IHDR", b"IDAT", b"IEND"]


def chunk_names(png: bytes) -> list[bytes]:
    names, place = [], 8
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        chunk = png[place + 4 : place + 8 + length]
        assert zlib.crc32(chunk) == int.from_bytes(png[place + 8 + length : place + 12 + length])
        names.append(chunk[:4])
        place += 12 + length
    return names
