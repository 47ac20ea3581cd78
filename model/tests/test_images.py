from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scones_model.data.images import TooManyPixels, UnreadableImage, fit_to, read_rgb

GREEN = (10, 200, 30)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixel(image: Image.Image) -> tuple[int, ...]:
    return tuple(np.asarray(image)[0, 0].tolist())


def test_transparent_parts_show_the_background() -> None:
    clear = encoded(Image.new("RGBA", (4, 4), (255, 0, 0, 0)))
    assert pixel(read_rgb(clear, background=GREEN)) == GREEN


def test_transparent_palette_entry_shows_the_background() -> None:
    clear = encoded(Image.new("P", (4, 4), 0), transparency=0)
    assert pixel(read_rgb(clear, background=GREEN)) == GREEN


def test_sixteen_bit_grey_is_scaled() -> None:
    grey = encoded(Image.fromarray(np.full((4, 4), 0x8000, dtype=np.uint16)))
    assert pixel(read_rgb(grey, background=GREEN)) == (128, 128, 128)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_white_of_any_mode_is_white(mode: str) -> None:
    white = Image.new("RGB", (8, 8), "white").convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    assert pixel(read_rgb(encoded(white, kind), background=GREEN)) == (255, 255, 255)


def test_first_frame_of_an_animation_is_read() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixel(read_rgb(moving, background=GREEN)) == (255, 0, 0)


def test_sideways_photo_is_turned_upright_when_asked() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = encoded(Image.new("RGB", (8, 4)), "JPEG", exif=exif)
    assert read_rgb(sideways, background=GREEN).size == (8, 4)
    assert read_rgb(sideways, background=GREEN, upright=True).size == (4, 8)


def test_jpeg_is_decoded_no_smaller_than_asked() -> None:
    large = encoded(Image.new("RGB", (1600, 800)), "JPEG")
    image = read_rgb(large, background=GREEN, at_least=(64, 64))
    assert (image.width, image.height) == (200, 100)


def test_format_that_was_not_asked_for_is_unreadable() -> None:
    with pytest.raises(UnreadableImage, match="PNG or JPEG"):
        read_rgb(encoded(Image.new("L", (4, 4)), "GIF"), background=GREEN, formats=("PNG", "JPEG"))


def test_letterbox_shows_the_whole_picture_on_the_pad_color() -> None:
    fitted = np.asarray(fit_to(Image.new("RGB", (64, 32), "white"), (32, 32), "letterbox", GREEN))
    assert (fitted[:8] == GREEN).all()
    assert (fitted[8:24] == 255).all()
    assert (fitted[24:] == GREEN).all()


def test_crop_fills_the_size_from_the_centre() -> None:
    wide = Image.new("RGB", (96, 32), "black")
    wide.paste("white", (32, 0, 64, 32))
    assert (np.asarray(fit_to(wide, (32, 32), "crop", GREEN)) == 255).all()


@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 30)),
    st.booleans(),
    st.sampled_from(["letterbox", "crop"]),
)
@settings(deadline=None, max_examples=50)
def test_every_proportion_is_brought_to_the_size(
    size: tuple[int, int], turned: bool, fit: str
) -> None:
    image = Image.new("RGB", size[::-1] if turned else size)
    assert fit_to(image, (32, 24), fit, GREEN).size == (32, 24)  # type: ignore[arg-type]


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))
PICTURES = [encoded(NOISE), encoded(NOISE, "JPEG"), encoded(NOISE.convert("P"))]


@given(st.sampled_from(PICTURES), st.data())
@settings(deadline=None, max_examples=300)
def test_damaged_picture_is_read_or_refused_by_name(picture: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(picture) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=8))
    damaged = picture[:place] + patch + picture[place + len(patch) :]
    with contextlib.suppress(UnreadableImage, TooManyPixels):
        assert read_rgb(damaged, background=GREEN, formats=("PNG", "JPEG")).mode == "RGB"
