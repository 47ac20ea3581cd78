"""Ordinary photos are within the memory that a picture may take; what is not is refused unread."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from services.serializer.tests.sound_pictures import encoded

from scones_serializer.cost import MAX_DECODING_BYTES, decoding_bytes, opening_bytes
from scones_serializer.errors import TooManyPixels
from scones_serializer.fitting import Frame, fitted_picture
from scones_serializer.webp import webp_size

FRAME = Frame(32, 32, "letterbox", (129, 124, 112))


class Sized:
    """A small picture that says it has many megapixels, and its file many megabytes."""

    def __init__(self, megapixels: float, megabytes: float, **made: Any) -> None:
        mode, file_format = made.pop("mode", "RGB"), made.pop("file_format")
        body = encoded(Image.new(mode, (200, 200)), file_format, **made)
        self.image = Image.open(io.BytesIO(body))
        self.stored = (1000, round(megapixels * 1000))
        self.file_bytes = round(megabytes * 1e6)

    def cost(self) -> int:
        whole = self.stored
        share = 8 if self.image.format in {"JPEG", "MPO"} else 1
        self.image._size = (whole[0] // share, whole[1] // share)
        return decoding_bytes(self.image, whole, self.file_bytes)


ORDINARY = {
    "phone's JPEG": Sized(12.2, 5, file_format="JPEG"),
    "camera's JPEG": Sized(50, 25, file_format="JPEG"),
    "CMYK JPEG": Sized(50, 25, file_format="JPEG", mode="CMYK"),
    "phone's MPO": Sized(12.2, 12, file_format="MPO"),
    "progressive JPEG": Sized(12.2, 4, file_format="JPEG", progressive=True),
    "fine progressive JPEG": Sized(20, 8, file_format="JPEG", progressive=True, subsampling=0),
    "large progressive JPEG": Sized(40, 12, file_format="JPEG", progressive=True, subsampling=2),
    "PNG": Sized(24, 33, file_format="PNG"),
    "transparent PNG": Sized(12.2, 25, file_format="PNG", mode="RGBA"),
    "grey PNG": Sized(12.2, 10, file_format="PNG", mode="L"),
    "WebP": Sized(8.3, 2, file_format="WEBP"),
    "transparent WebP": Sized(8.3, 3, file_format="WEBP", mode="RGBA"),
    "AVIF": Sized(12.2, 3, file_format="AVIF"),
    "transparent AVIF": Sized(8.3, 3, file_format="AVIF", mode="RGBA"),
    "GIF": Sized(12.2, 8, file_format="GIF", mode="P"),
    "BMP": Sized(11, 33, file_format="BMP"),
    "TIFF": Sized(11, 33, file_format="TIFF"),
}
COSTLY = {
    "progressive JPEG": Sized(24, 8, file_format="JPEG", progressive=True, subsampling=0),
    "PNG": Sized(40, 1, file_format="PNG"),
    "transparent PNG": Sized(19, 1, file_format="PNG", mode="RGBA"),
    "PNG with a clear colour": Sized(19, 1, file_format="PNG", transparency=(1, 2, 3)),
    "WebP": Sized(10, 1, file_format="WEBP"),
    "WebP of a large file": Sized(4, 30, file_format="WEBP"),
    "AVIF": Sized(14, 1, file_format="AVIF"),
    "GIF": Sized(19, 1, file_format="GIF", mode="P"),
    "float TIFF": Sized(17, 1, file_format="TIFF", mode="F"),
}


@pytest.mark.parametrize("sized", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_photo_is_within_the_limit(sized: Sized) -> None:
    assert sized.cost() <= MAX_DECODING_BYTES


@pytest.mark.parametrize("sized", COSTLY.values(), ids=COSTLY)
def test_costly_picture_is_over_the_limit(sized: Sized) -> None:
    assert sized.cost() > MAX_DECODING_BYTES


def test_costly_picture_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    body = encoded(Image.new("L", (4400, 4300)), "PNG")
    monkeypatch.setattr("PIL.Image.core.new", None)
    with pytest.raises(TooManyPixels, match=r"this PNG takes 151 MB .* limit of 150 MB: upload a"):
        fitted_picture(body, FRAME, 50_000_000)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_size_of_a_webp_is_known_before_it_is_opened(options: dict[str, Any]) -> None:
    body = encoded(Image.new("RGB", (300, 7)), "WEBP", **options)
    assert webp_size(body) == (300, 7)
    assert opening_bytes(body) == 300 * 7 * 16 + len(body) * 3


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "AVIF"])
def test_another_format_takes_nothing_before_its_size_is_known(file_format: str) -> None:
    assert opening_bytes(encoded(Image.new("RGB", (300, 7)), file_format)) == 0


@pytest.mark.parametrize("length", range(31))
def test_beginning_of_a_webp_has_no_size_yet(length: int) -> None:
    body = encoded(Image.new("RGB", (300, 7)), "WEBP", lossless=True)[:length]
    assert webp_size(body) == ((300, 7) if length == 30 else None)


def test_large_webp_is_refused_before_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    body = encoded(Image.new("RGB", (4000, 2400)), "WEBP", method=0)
    monkeypatch.setattr("PIL.Image.open", None)
    with pytest.raises(TooManyPixels, match="this WEBP takes 154 MB"):
        fitted_picture(body, FRAME, 50_000_000)
