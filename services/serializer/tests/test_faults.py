"""Whatever the bytes are: a right-sized picture or an error with a name."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scones_serializer.errors import (
    NotAnImage,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFormat,
)
from scones_serializer.fitting import Frame, fitted_picture

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME = Frame(16, 16, "letterbox", (129, 124, 112))
MEGAPIXEL = 1_000_000


def fitted(body: bytes) -> Image.Image:
    return fitted_picture(body, FRAME, MEGAPIXEL)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def png_of(width: int, height: int, pixels: bytes) -> bytes:
    """Return a grey PNG of any size, whether or not its pixels suffice."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT": pixels,
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks.items()
    )


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
DEEP = Image.fromarray(np.random.default_rng(1).integers(0, 65_536, (48, 64), dtype=np.int32))
SOUND = {
    "jpeg": encoded(NOISE, "JPEG"),
    "jpeg, progressive": encoded(NOISE, "JPEG", progressive=True),
    "jpeg, cmyk": encoded(NOISE.convert("CMYK"), "JPEG"),
    "mpo": encoded(NOISE, "MPO", save_all=True, append_images=[NOISE]),
    "png": encoded(NOISE, "PNG"),
    "png, palette": encoded(NOISE.quantize(), "PNG", transparency=1),
    "png, 16 bit": encoded(DEEP.convert("I;16"), "PNG"),
    "webp": encoded(NOISE, "WEBP"),
    "webp, lossless": encoded(NOISE.convert("RGBA"), "WEBP", lossless=True),
    "gif": encoded(NOISE.quantize(), "GIF", save_all=True, append_images=[NOISE]),
    "bmp": encoded(NOISE, "BMP"),
    "tiff": encoded(NOISE, "TIFF"),
    "tiff, lzw": encoded(NOISE, "TIFF", compression="tiff_lzw"),
    "tiff, jpeg": encoded(NOISE, "TIFF", compression="jpeg"),
    "tiff, deep": encoded(DEEP, "TIFF"),
    "avif": encoded(NOISE, "AVIF", speed=10),
}
ENDLESS = {"gif", "mpo"}  # the bytes after the first frame are not needed
anything_sound = st.sampled_from(list(SOUND.values()))


def test_empty_object_is_not_an_image() -> None:
    with pytest.raises(NotAnImage, match="is empty"):
        fitted(b"")


@pytest.mark.parametrize(
    "body",
    [
        b"A motorbike, but only in words.\n",
        b"BMW R 1250 GS, year of construction 2021, well kept, 12 000 km\n",
        b"Pyramid of scones\n",
        b"MM, II and GIF are beginnings of words, too.",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"....ftypmp42....isom",
        b"PK\x03\x04" + bytes(100),
        bytes(1000),
        b"<!---->" * 200,
        b"<!DOCTYPE html><html><svg>",
        "<html><body>404</body></html>".encode("utf-16"),
    ],
)
def test_text_and_other_files_are_no_image(body: bytes) -> None:
    with pytest.raises(NotAnImage, match="not recognised as an image: upload a photo as one of"):
        fitted(body)


FOREIGN = {
    "HEIC": b"\0\0\0\x24ftypheic\0\0\0\0mif1heic" + bytes(100),
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
    "PSD": b"8BPS\0\1" + bytes(100),
    "SVG": b'<?xml version="1.0"?>\n<!-- a scone -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "FITS": b"SIMPLE  =                    T",
    "WMF": b"\xd7\xcd\xc6\x9a" + bytes(100),
    "XPM": b"/* XPM */\nstatic char *scone[] = {",
    "Sun raster": b"\x59\xa6\x6a\x95" + bytes(100),
} | {
    name: encoded(NOISE, file_format)
    for name, file_format in {
        "ICO": "ICO",
        "ICNS": "ICNS",
        "JPEG 2000": "JPEG2000",
        "PDF": "PDF",
        "EPS": "EPS",
        "DDS": "DDS",
        "QOI": "QOI",
        "PPM": "PPM",
        "PCX": "PCX",
        "SGI": "SGI",
    }.items()
}


@pytest.mark.parametrize("name", FOREIGN)
def test_image_of_another_format_is_unsupported_by_name(name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=f"is {name}, .*: convert to JPEG"):
        fitted(FOREIGN[name])


def test_heic_that_declares_itself_by_a_compatible_brand_is_unsupported() -> None:
    with pytest.raises(UnsupportedFormat, match="HEIC"):
        fitted(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + bytes(100))


def test_avif_that_declares_itself_by_a_compatible_brand_is_read() -> None:
    body = SOUND["avif"].replace(b"ftypavif", b"ftypmif1", 1)
    assert fitted(body).size == (16, 16)


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("percent", [1, 2, 5, 10, 25, 50, 75, 90])
def test_cut_off_image_is_refused(name: str, percent: int) -> None:
    sound = SOUND[name]
    end = len(sound) // 2 if name in ENDLESS else len(sound)
    with pytest.raises((TruncatedImage, NotAnImage)):
        fitted(sound[: end * percent // 100])


@pytest.mark.parametrize("name", [name for name in SOUND if name not in {"bmp", *ENDLESS}])
def test_half_an_image_is_called_truncated(name: str) -> None:
    with pytest.raises(TruncatedImage, match="upload the whole file again"):
        fitted(SOUND[name][: len(SOUND[name]) // 2])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(anything_sound, st.data())
def test_image_cut_anywhere_is_refused_or_right(sound: bytes, data: st.DataObject) -> None:
    body = sound[: data.draw(st.integers(0, len(sound) - 1))]
    with suppress(TruncatedImage, NotAnImage):
        assert fitted(body).size == (16, 16)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(anything_sound, st.data())
def test_damaged_image_is_refused_by_name_or_right_sized(sound: bytes, data: st.DataObject) -> None:
    body = bytearray(sound)
    place = st.integers(0, min(len(body), 600) - 1) | st.integers(0, len(body) - 1)
    for at, byte in data.draw(st.dictionaries(place, st.integers(0, 255), min_size=1)).items():
        body[at] = byte
    with suppress(TruncatedImage, NotAnImage, TooManyPixels, UnsupportedFormat):
        picture = fitted(bytes(body))
        assert (picture.mode, picture.size) == ("RGB", (16, 16))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(anything_sound, st.integers(0, 40), st.binary(max_size=200))
def test_garbage_behind_an_images_first_bytes_is_refused(
    sound: bytes, kept: int, garbage: bytes
) -> None:
    with pytest.raises((NotAnImage, TruncatedImage, TooManyPixels, UnsupportedFormat)):
        fitted(sound[:kept] + garbage)


def test_float_picture_without_numbers_is_called_damaged() -> None:
    picture = Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32))
    with pytest.raises(TruncatedImage):
        fitted(encoded(picture, "TIFF"))


@pytest.mark.parametrize("pixels", [1, MEGAPIXEL - 1, MEGAPIXEL])
def test_picture_up_to_the_limit_is_read(pixels: int) -> None:
    body = png_of(pixels, 1, zlib.compress(bytes(pixels + 1)))
    assert fitted(body).size == (16, 16)


def test_one_pixel_more_than_the_limit_is_refused() -> None:
    body = png_of(MEGAPIXEL + 1, 1, zlib.compress(bytes(MEGAPIXEL + 2)))
    with pytest.raises(TooManyPixels, match=r"more than 1,000,000 pixels \(MAX_PIXELS\)"):
        fitted(body)


def test_black_png_of_144_megapixels_is_refused() -> None:
    squeeze = zlib.compressobj(1)
    pixels = b"".join(squeeze.compress(bytes(12_001 * 100)) for _ in range(120)) + squeeze.flush()
    bomb = png_of(12_000, 12_000, pixels)
    assert len(bomb) < MEGAPIXEL
    with pytest.raises(TooManyPixels):
        fitted_picture(bomb, FRAME, 50_000_000)


def png_bomb() -> bytes:
    return png_of(60_000, 60_000, b"")


def gif_bomb() -> bytes:
    return SOUND["gif"][:6] + struct.pack("<HH", 60_000, 60_000) + SOUND["gif"][10:]


def bmp_bomb() -> bytes:
    return SOUND["bmp"][:18] + struct.pack("<ii", 60_000, 60_000) + SOUND["bmp"][26:]


def jpeg_bomb() -> bytes:
    start = SOUND["jpeg"].index(b"\xff\xc0") + 5
    return SOUND["jpeg"][:start] + struct.pack(">HH", 60_000, 60_000) + SOUND["jpeg"][start + 4 :]


@pytest.mark.parametrize("bomb", [png_bomb, gif_bomb, bmp_bomb, jpeg_bomb])
def test_size_in_the_header_is_refused_before_any_pixel_is_decoded(
    bomb: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.Image.core.new", None)
    with pytest.raises(TooManyPixels):
        fitted(bomb())


def test_pillows_own_limit_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    with pytest.raises(TooManyPixels):
        fitted(png_bomb())
    assert Image.MAX_IMAGE_PIXELS == 7


def test_lack_of_memory_is_not_blamed_on_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.Image.core.new", exhausted)
    with pytest.raises(MemoryError):
        fitted(SOUND["png"])
