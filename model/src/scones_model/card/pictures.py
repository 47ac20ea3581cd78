"""An evaluation's pictures, small enough for a page that is mailed and opened on a phone."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scones_model.evaluation.result import Mistake

__all__ = ["shown_pictures"]

_LOSSLESS = 6000
"""Characters of base64: a picture of 32 pixels keeps all of them, a photo's thumbnail does not."""
_QUALITY = 80
_ROOM = 60_000
"""Characters for all pictures together."""


def shown_pictures(mistakes: Sequence[Mistake]) -> Iterator[tuple[Mistake, str]]:
    """The first mistakes, as many as there is room for, each with its picture's `data:` address."""
    room = _ROOM
    for one in mistakes:
        address = _address(one.picture)
        room -= len(address)
        if room < 0:
            return
        yield one, address


def _address(png: str) -> str:
    if len(png) <= _LOSSLESS:
        return f"data:image/png;base64,{png}"
    packed = io.BytesIO()
    with Image.open(io.BytesIO(b64decode(png)), formats=["PNG"]) as picture:
        picture.convert("RGB").save(packed, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{b64encode(packed.getvalue()).decode()}"
