"""The least confident predictions, as pictures: read back from the captures and made small.

A captured image is whatever somebody sent. It is shown only as what Pillow decodes of it, encoded
anew; what is no picture, or a huge one, is not shown, and the report says why.
"""

from __future__ import annotations

import io
import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from PIL import Image

from scones_monitoring.report import GalleryImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.capture.store import Store
    from scones_monitoring.capture.summary import Least

__all__ = ["NotShown", "gallery", "thumbnail"]

SIDE = 96
"""Pixels; a larger picture is made smaller."""
LOSSLESS_SIDE = 48
"""Up to this, pixels are kept as they are."""
LINE_BYTES = 4 << 20
MOST_PIXELS = 25_000_000
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")


class NotShown(Exception):
    """There is no picture; the message says why."""


def gallery(
    store: Store | None, least: Sequence[tuple[str, Least]], labels: Sequence[str]
) -> tuple[GalleryImage, ...]:
    """Show predictions, each with its variant; without a store, only where they lie."""
    return tuple(_shown(store, variant, one, labels) for variant, one in least)


def _shown(store: Store | None, variant: str, one: Least, labels: Sequence[str]) -> GalleryImage:
    image = missing = None
    try:
        image = _picture(store, one)
    except NotShown as reason:
        missing = str(reason)
    label = labels[one.predicted] if one.predicted < len(labels) else f"class {one.predicted}"
    return GalleryImage(one.confidence, label, variant, one.file, one.offset, image, missing)


def _picture(store: Store | None, one: Least) -> str:
    if store is None:
        raise NotShown("the captures were read elsewhere")
    try:
        line = store.tail(one.file, one.offset, LINE_BYTES).partition(b"\n")[0]
    except OSError:
        raise NotShown("its capture file cannot be read any more") from None
    try:
        captured = json.loads(line)["captureData"]["endpointInput"]
        if captured["encoding"] != "BASE64":
            raise NotShown("its input was not captured as base64")
        blob = b64decode(captured["data"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotShown("its input was not captured, or is larger than 4 MiB") from None
    return thumbnail(blob)


def thumbnail(blob: bytes) -> str:
    """A picture of at most `SIDE` pixels as a `data:` URI."""
    try:
        picture = _decoded(blob)
    except NotShown:
        raise
    except Exception:  # noqa: BLE001 - Pillow raises dozens of classes for broken pictures
        raise NotShown("its input is no picture that can be shown") from None
    lossless = max(picture.size) <= LOSSLESS_SIDE
    picture.thumbnail((SIDE, SIDE))
    memory = io.BytesIO()
    kind = "png" if lossless else "jpeg"
    picture.save(memory, kind.upper(), optimize=True)
    return f"data:image/{kind};base64,{b64encode(memory.getvalue()).decode()}"


def _decoded(blob: bytes) -> Image.Image:
    with Image.open(io.BytesIO(blob), formats=FORMATS) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            raise NotShown(f"it has {opened.width} x {opened.height} pixels")
        opened.draft("RGB", (SIDE, SIDE))
        return opened.convert("RGB")
