"""A picture made to cost much, and how it may end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PIL import Image
from services.serializer.tests.sound_pictures import encoded

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DAMAGED", "NO_IMAGE", "RIGHT", "TOO_LARGE", "TOO_MUCH", "Bomb", "plain"]

RIGHT = "PNG RGB 32 x 32"
DAMAGED = "TruncatedImage"
NO_IMAGE = "NotAnImage"
TOO_LARGE = "ObjectTooLarge"
TOO_MUCH = "TooManyPixels"


class Bomb(NamedTuple):
    """A picture by its name, how to make it, and the outcomes that it may have."""

    name: str
    make: Callable[[], bytes]
    ends: set[str]


def plain(mode: str, side: int, file_format: str, **options: object) -> bytes:
    """Return a square black picture as a file."""
    return encoded(Image.new(mode, (side, side)), file_format, **options)
