"""Print how much memory a serializer process needs for the worst and for ordinary pictures.

    python -m services.serializer.tests.peak_memory [PYTHON]

Each picture is sent to a process of its own, run by PYTHON: .nox/runtime-serializer/bin/python is
what the local stack's function runs on, with Lambda's runtime client.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from services.serializer.tests.bombs_of_frames import bombs_of_frames
from services.serializer.tests.bombs_of_metadata import bombs_of_metadata
from services.serializer.tests.bombs_of_work import bombs_of_work, largest_objects
from services.serializer.tests.serializer_process import SerializerProcess
from services.serializer.tests.sound_pictures import encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PHOTOS: dict[str, tuple[float, str, str, dict[str, Any]]] = {
    "JPEG": (12.2, "RGB", "JPEG", {"quality": 90}),
    "JPEG, CMYK": (12.2, "CMYK", "JPEG", {}),
    "JPEG, progressive": (12.2, "RGB", "JPEG", {"progressive": True}),
    "PNG": (12.2, "RGB", "PNG", {"compress_level": 1}),
    "PNG, transparent": (12.2, "RGBA", "PNG", {"compress_level": 1}),
    "PNG, 16 bit grey": (12.2, "I;16", "PNG", {"compress_level": 1}),
    "WebP": (8.3, "RGB", "WEBP", {"method": 0}),
    "WebP, transparent": (7.5, "RGBA", "WEBP", {"method": 0}),
    "WebP, lossless": (7, "RGB", "WEBP", {"lossless": True, "method": 0}),
    "AVIF": (12.2, "RGB", "AVIF", {"speed": 10}),
    "AVIF, 4:4:4": (12.2, "RGB", "AVIF", {"speed": 10, "subsampling": "4:4:4"}),
    "AVIF, transparent": (8.3, "RGBA", "AVIF", {"speed": 10}),
    "GIF": (12.2, "P", "GIF", {}),
    "BMP": (11, "RGB", "BMP", {}),
    "TIFF": (11, "RGB", "TIFF", {}),
    "TIFF, LAB": (11, "LAB", "TIFF", {}),
    "TIFF, float": (8.3, "F", "TIFF", {"compression": "tiff_deflate"}),
    "largest JPEG": (50, "RGB", "JPEG", {"quality": 90}),
    "largest JPEG, progressive": (45, "RGB", "JPEG", {"progressive": True}),
    "largest PNG": (33, "RGB", "PNG", {"compress_level": 6}),
    "JPEG, progressive, too large": (50, "RGB", "JPEG", {"progressive": True, "subsampling": 0}),
    "PNG, too large": (50, "RGB", "PNG", {"compress_level": 6}),
    "WebP, too large": (50, "RGB", "WEBP", {"method": 0}),
    "WebP, lossless, too large": (50, "RGB", "WEBP", {"lossless": True, "method": 0, "quality": 0}),
    "AVIF, too large": (50, "RGB", "AVIF", {"speed": 10}),
    "GIF, too large": (50, "P", "GIF", {}),
    "TIFF, float, too large": (50, "F", "TIFF", {"compression": "tiff_deflate"}),
}
"""Megapixels, colour mode, format and options of each."""
_SMOOTH = 30
"""Megapixels from which on a picture has no grain: its file would be too large to be read."""


def pictures() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield ordinary photos, too large ones, and the bombs that cost most."""
    for name, made in _PHOTOS.items():
        yield f"{name}, {made[0]:g} MP", functools.partial(_photo, *made)
    bombs = (*bombs_of_frames(), *bombs_of_metadata(), *bombs_of_work(), *largest_objects())
    for bomb in bombs:
        if "EXIF" not in bomb.name:
            yield bomb.name, bomb.make


def _photo(megapixels: float, mode: str, file_format: str, options: dict[str, Any]) -> bytes:
    """Return large soft shapes, with grain so that the file is about as large as a photo's."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = width * 3 // 4
    chance = np.random.default_rng(0)
    soft = Image.fromarray(chance.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    picture = soft.resize((width, height), Image.Resampling.BICUBIC)
    if megapixels < _SMOOTH or file_format == "JPEG":
        grain = Image.effect_noise((width, height), 12).convert("RGB")
        picture = Image.blend(picture, grain, 0.3)
    return encoded(_in_mode(picture, mode), file_format, **options)


def _in_mode(picture: Image.Image, mode: str) -> Image.Image:
    match mode:
        case "LAB":
            return Image.merge("LAB", picture.split())
        case "RGBA":
            picture.putalpha(picture.getchannel(0))
            return picture
        case "I;16":
            return picture.convert("L").convert("I").convert("I;16")
        case _:
            return picture.convert(mode)


def _row(name: str, body: bytes, python: str) -> str:
    with (
        tempfile.TemporaryDirectory() as folder,
        SerializerProcess(Path(folder), python) as process,
    ):
        ended = process.examine(name, body)
    peak = max(ended.peaks.values()) / 1e6
    size = len(body) / 1e6
    return f"| {name} | {size:.1f} MB | {ended.outcome} | {peak:.0f} MB | {ended.seconds:.2f} s |\n"


def main() -> None:
    """Print a row for each picture."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    sys.stdout.write(
        "| picture | file | ends as | peak | time |\n| --- | --- | --- | --- | --- |\n"
    )
    for name, make in pictures():
        sys.stdout.write(_row(name, make(), python))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
