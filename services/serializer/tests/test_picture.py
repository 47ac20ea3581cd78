"""Right pixels from every format, mode, orientation and shape."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from scones_serializer.fitting import Fit, Frame, fitted_picture

PAD = (129, 124, 112)
WHITE = (255, 255, 255)
PLENTY = 1_000_000
Pixels = npt.NDArray[Any]

WIDTH, HEIGHT = 24, 16
FRAME = Frame(WIDTH, HEIGHT, "letterbox", PAD)


def frame(width: int, height: int, fit: Fit = "letterbox") -> Frame:
    return Frame(width, height, fit, PAD)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def fitted(body: bytes, into: Frame = FRAME) -> Pixels:
    picture = fitted_picture(body, into, PLENTY)
    assert picture.mode == "RGB"
    assert picture.size == (into.width, into.height)
    return np.asarray(picture).astype(int)


def noise(*shape: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def photo(width: int, height: int, seed: int = 0) -> Image.Image:
    """Return large soft shapes with light grain, as photos have them."""
    shapes = Image.fromarray(noise(8, 8, 3, seed=seed)).resize((width, height))
    grain = np.random.default_rng(seed).normal(0, 4, (height, width, 1))
    return Image.fromarray((np.asarray(shapes) + grain).clip(0, 255).astype(np.uint8))


RGB = noise(HEIGHT, WIDTH, 3)
GREY = RGB[..., 0]
ALPHA = noise(HEIGHT, WIDTH, seed=1)
BILEVEL = GREY > 127
AS_GREY = np.repeat(GREY[..., None], 3, axis=2)


def on_white(colours: Pixels, alpha: Pixels) -> Pixels:
    share = np.asarray(alpha, dtype=float)[..., None] / 255
    blended: Pixels = np.rint(colours * share + 255 * (1 - share)).astype(int)
    return blended


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_picture_of_the_models_size_keeps_its_pixels(
    file_format: str, options: dict[str, Any]
) -> None:
    body = encoded(Image.fromarray(RGB), file_format, **options)
    assert np.array_equal(fitted(body), RGB)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "GIF"])
def test_grey_picture_keeps_its_levels(file_format: str) -> None:
    assert np.array_equal(fitted(encoded(Image.fromarray(GREY), file_format)), AS_GREY)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "GIF"])
def test_bilevel_picture_is_black_and_white(file_format: str) -> None:
    body = encoded(Image.fromarray(BILEVEL), file_format)
    assert np.array_equal(fitted(body), np.repeat(BILEVEL[..., None] * 255, 3, axis=2))


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "GIF"])
def test_palette_picture_shows_its_colours(file_format: str) -> None:
    palette = Image.fromarray(RGB).quantize(200)
    assert np.array_equal(fitted(encoded(palette, file_format)), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})],
)
def test_transparent_colours_are_composited_on_white(
    file_format: str, options: dict[str, Any]
) -> None:
    body = encoded(Image.fromarray(np.dstack([RGB, ALPHA])), file_format, **options)
    assert np.abs(fitted(body) - on_white(RGB, ALPHA)).max() <= 1


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_transparent_grey_is_composited_on_white(file_format: str) -> None:
    picture = Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)])
    assert np.abs(fitted(encoded(picture, file_format)) - on_white(AS_GREY, ALPHA)).max() <= 1


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_transparent_palette_entry_shows_white(file_format: str) -> None:
    palette = Image.fromarray(RGB).quantize(16)
    indices, colours = np.asarray(palette), np.asarray(palette.convert("RGB"))
    body = encoded(palette, file_format, transparency=3)
    assert np.array_equal(fitted(body), np.where((indices == 3)[..., None], 255, colours))


def test_palette_with_an_alpha_for_each_entry_is_composited_on_white() -> None:
    palette = Image.fromarray(RGB).quantize(16)
    alphas = np.linspace(0, 255, 16).astype(np.uint8)
    body = encoded(palette, "PNG", transparency=alphas.tobytes())
    expected = on_white(np.asarray(palette.convert("RGB")), alphas[np.asarray(palette)])
    assert np.abs(fitted(body) - expected).max() <= 1


def test_colour_key_of_an_opaque_png_shows_white() -> None:
    key = tuple(int(channel) for channel in RGB[2, 5])
    body = encoded(Image.fromarray(RGB), "PNG", transparency=key)
    assert np.array_equal(fitted(body)[2, 5], WHITE)
    assert np.array_equal(fitted(body)[2, 6], RGB[2, 6])


@pytest.mark.parametrize("level", [GREY[0, 0], 0, 255])
def test_grey_key_of_an_opaque_png_shows_white(level: int) -> None:
    body = encoded(Image.fromarray(GREY), "PNG", transparency=int(level))
    assert np.array_equal(fitted(body), np.where(level == AS_GREY, 255, AS_GREY))


def test_colour_hidden_under_full_transparency_stays_hidden_when_scaled() -> None:
    layers = np.zeros((160, 240, 4), dtype=np.uint8)
    layers[:75], layers[75:] = (255, 0, 0, 0), (0, 0, 255, 255)  # unseen red over seen blue
    pixels = fitted(encoded(Image.fromarray(layers), "PNG"))
    assert np.array_equal(pixels[0, 0], WHITE)
    assert np.array_equal(pixels[-1, 0], (0, 0, 255))
    assert np.abs(pixels[..., 0] - pixels[..., 1]).max() <= 1, "white to blue, never red"


@pytest.mark.parametrize(
    ("file_format", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B")]
)
def test_sixteen_bit_grey_is_scaled_to_eight(file_format: str, mode: str) -> None:
    levels = np.random.default_rng(0).integers(0, 65_536, (HEIGHT, WIDTH))
    order = ">u2" if mode.endswith("B") else "<u2"
    picture = Image.frombytes(mode, (WIDTH, HEIGHT), levels.astype(order).tobytes())
    expected = np.repeat(np.rint(levels / 257)[..., None], 3, axis=2)
    assert np.array_equal(fitted(encoded(picture, file_format)), expected)


def test_colour_key_of_a_sixteen_bit_png_shows_white() -> None:
    levels = np.full((HEIGHT, WIDTH), 20_000, dtype="<u2")
    levels[2, 5] = 10_000
    picture = Image.frombytes("I;16", (WIDTH, HEIGHT), levels.tobytes())
    pixels = fitted(encoded(picture, "PNG", transparency=10_000))
    assert np.array_equal(pixels[2, 5], WHITE)
    assert np.array_equal(pixels[2, 6], [78, 78, 78])


@pytest.mark.parametrize("kind", [np.int32, np.float32])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (-32_768, 32_767), (0, 2_000_000_000), (7, 7)])
def test_deep_grey_spreads_from_its_darkest_to_its_brightest(
    kind: type[np.generic], low: int, high: int
) -> None:
    levels = np.linspace(low, high, HEIGHT * WIDTH).astype(kind).reshape(HEIGHT, WIDTH)
    pixels = fitted(encoded(Image.fromarray(levels), "TIFF"))
    share = (levels.astype(float) - low) / ((high - low) or 1)
    assert np.abs(pixels - np.rint(share * 255)[..., None]).max() <= 1


@pytest.mark.parametrize("file_format", ["TIFF", "JPEG"])
def test_cmyk_picture_shows_its_colours(file_format: str) -> None:
    picture = Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0))
    assert np.abs(fitted(encoded(picture, file_format)) - (255, 0, 0)).max() <= 2


@pytest.mark.parametrize(
    ("lightness", "expected"), [(0, (0, 0, 0)), (137, (128, 128, 128)), (255, WHITE)]
)
def test_lab_picture_shows_its_colours(lightness: int, expected: tuple[int, int, int]) -> None:
    picture = Image.new("LAB", (WIDTH, HEIGHT), (lightness, 128, 128))
    assert np.abs(fitted(encoded(picture, "TIFF")) - expected).max() <= 4


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "AVIF"])
def test_lossy_picture_shows_its_colours(file_format: str) -> None:
    picture = Image.new("RGB", (WIDTH, HEIGHT), (200, 100, 50))
    assert np.abs(fitted(encoded(picture, file_format)) - (200, 100, 50)).max() <= 4


def test_transparent_avif_is_composited_on_white() -> None:
    picture = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    assert np.abs(fitted(encoded(picture, "AVIF", quality=100)) - 255).max() <= 2


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "AVIF", "TIFF", "MPO"])
def test_first_frame_is_taken(file_format: str) -> None:
    red, green, blue = (
        Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in ("red", "lime", "blue")
    )
    body = encoded(red, file_format, save_all=True, append_images=[green, blue])
    assert np.abs(fitted(body) - (255, 0, 0)).max() <= 4


# Photos of natural shape, compared with the plain way: everything decoded, turned, then scaled.


def plainly(body: bytes, size: tuple[int, int]) -> Pixels:
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB")
    return np.asarray(upright.resize(size, Image.Resampling.LANCZOS)).astype(int)


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


LANDSCAPE = photo(480, 320)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_sideways_photo_is_turned_upright(file_format: str, orientation: int) -> None:
    options = {"quality": 95, "save_all": file_format == "MPO", "speed": 10}
    body = encoded(LANDSCAPE, file_format, exif=exif(orientation), **options)
    width, height = (24, 16) if orientation < 5 else (16, 24)
    pixels = fitted(body, frame(width, height))
    assert np.abs(pixels - plainly(body, (width, height))).mean() < 1.5


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fit", ["letterbox", "crop"])
def test_sideways_photo_fits_a_frame_of_any_shape(orientation: int, fit: Fit) -> None:
    sideways = encoded(LANDSCAPE, "JPEG", exif=exif(orientation), quality=95)
    upright = encoded(ImageOps.exif_transpose(Image.open(io.BytesIO(sideways))), "PNG")
    into = frame(40, 20, fit)
    assert np.abs(fitted(sideways, into) - fitted(upright, into)).mean() < 1.5


def test_exif_after_the_pixels_turns_a_png_as_well() -> None:
    body = encoded(LANDSCAPE, "PNG", exif=exif(6))
    start = body.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(body[start : start + 4], "big")
    moved = body[:start] + body[end:-12] + body[start:end] + body[-12:]
    assert np.array_equal(fitted(moved, frame(16, 24)), fitted(body, frame(16, 24)))


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\xff",
        b"Exif\0\0not a TIFF header at all",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x02\0\0\x006\0\0\0\0\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x05\0\x01\0\0\0\xff\xff\xff\x7f\0\0\0\0",
    ],
)
def test_broken_exif_leaves_the_photo_as_it_is(block: bytes) -> None:
    body = encoded(LANDSCAPE, "JPEG", exif=block)
    assert np.array_equal(fitted(body), fitted(encoded(LANDSCAPE, "JPEG")))


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_unknown_orientation_leaves_the_photo_as_it_is(orientation: int) -> None:
    body = encoded(LANDSCAPE, "JPEG", exif=exif(orientation))
    assert np.array_equal(fitted(body), fitted(encoded(LANDSCAPE, "JPEG")))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(960, 640), (1003, 641), (333, 222), (24, 16), (31, 16)])
def test_photo_is_scaled_as_the_plain_way_scales_it(
    file_format: str, size: tuple[int, int]
) -> None:
    body = encoded(photo(*size, seed=1), file_format, quality=95)
    pixels = fitted(body)
    rows = round(WIDTH * size[1] / size[0])
    assert rows <= HEIGHT
    top = (HEIGHT - rows) // 2
    assert np.abs(pixels[top : top + rows] - plainly(body, (WIDTH, rows))).mean() < 1.5


def test_small_picture_is_scaled_up_to_the_frame() -> None:
    body = encoded(Image.new("RGB", (3, 2), (200, 100, 50)), "PNG")
    assert np.array_equal(fitted(body), np.full((HEIGHT, WIDTH, 3), (200, 100, 50)))


def test_letterbox_adds_bars_at_both_sides_of_a_tall_picture() -> None:
    pixels = fitted(encoded(Image.new("RGB", (80, 160), "red"), "PNG"))
    assert np.array_equal(pixels[:, :8], np.full((HEIGHT, 8, 3), PAD))
    assert np.array_equal(pixels[:, 8:16], np.full((HEIGHT, 8, 3), (255, 0, 0)))
    assert np.array_equal(pixels[:, 16:], np.full((HEIGHT, 8, 3), PAD))


def test_letterbox_adds_bars_above_and_below_a_wide_picture() -> None:
    pixels = fitted(encoded(Image.new("RGB", (300, 100), "red"), "PNG"))
    assert np.array_equal(pixels[:4], np.full((4, WIDTH, 3), PAD))
    assert np.array_equal(pixels[4:12], np.full((8, WIDTH, 3), (255, 0, 0)))
    assert np.array_equal(pixels[12:], np.full((4, WIDTH, 3), PAD))


def test_bars_around_a_transparent_picture_keep_their_colour() -> None:
    pixels = fitted(encoded(Image.new("RGBA", (160, 160), (0, 0, 0, 0)), "PNG"))
    assert np.array_equal(pixels[:, :4], np.full((HEIGHT, 4, 3), PAD))
    assert np.array_equal(pixels[:, 4:20], np.full((HEIGHT, 16, 3), 255))


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1)])
def test_hair_thin_picture_keeps_at_least_one_row_of_pixels(size: tuple[int, int]) -> None:
    pixels = fitted(encoded(Image.new("RGB", size, "red"), "PNG"))
    assert (pixels == (255, 0, 0)).all(axis=2).any()


@pytest.mark.parametrize(
    ("size", "box"), [((480, 640), (0, 160, 480, 480)), ((960, 320), (240, 0, 720, 320))]
)
def test_crop_shows_the_centre_without_bars(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    picture = photo(*size)
    centre = picture.crop(box).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    pixels = fitted(encoded(picture, "PNG"), frame(WIDTH, HEIGHT, "crop"))
    assert np.abs(pixels - np.asarray(centre).astype(int)).mean() < 1.5


def test_cropped_picture_of_the_models_size_keeps_its_pixels() -> None:
    body = encoded(Image.fromarray(RGB), "PNG")
    assert np.array_equal(fitted(body, frame(WIDTH, HEIGHT, "crop")), RGB)
