"""From a picture's bytes to its probabilities: small ones at once, large ones one by one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

import numpy as np

from scones_model.data.images import TooManyPixels, UnreadableImage, fit_to, read_rgb
from scones_model.serving.inference import threads
from scones_model.serving.refusal import RETRY_SECONDS, Refused

if TYPE_CHECKING:
    from scones_model.serving.inference import Classifier

__all__ = ["MAX_LARGE", "MAX_SMALL", "Answering"]

MAX_SMALL = 256
"""Pictures of the model's size under way; at its size of 32 pixels, a quarter of a second's."""

MAX_LARGE = 16
"""Other pictures under way: the worst takes 1.4 s, and 400 MB, to decode."""

INLINE_PIXELS = 4096
"""Up to these, decoding and the model take about a millisecond: as long as a ping may wait."""

METADATA_BYTES = 1024
"""What a PNG may hold beside its pixels and still be taken for small."""

_PNG_HEADER = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


class Answering:
    """Answers pictures by one model.

    The way to a thread and back costs a call 0.15 ms. So a picture that comes as a small model
    takes it is answered where it is, if it is the only one. When there are more, threads share
    them, and the loop goes on reading. A picture of another size goes to one thread of its own,
    which bounds the memory that decoding takes.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        width, height = classifier.metadata.size
        self._ready = _PNG_HEADER + width.to_bytes(4) + height.to_bytes(4)
        self._ready_bytes = 4 * width * height + METADATA_BYTES
        self._is_quick = width * height <= INLINE_PIXELS
        self._small, self._large = _Line(MAX_SMALL, threads()), _Line(MAX_LARGE, 1)

    async def answer(self, body: bytes, formats: tuple[str, ...]) -> list[float]:
        """Class probabilities; raises Refused for what is no picture, or when too many wait."""
        is_small = len(body) <= self._ready_bytes and body.startswith(self._ready)
        line = self._small if is_small else self._large
        with line:
            if is_small and self._is_quick and await line.has_only_one():
                return self._classified(body, formats)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(line.threads, self._classified, body, formats)

    def _classified(self, body: bytes, formats: tuple[str, ...]) -> list[float]:
        about = self._classifier.metadata
        width, height = about.size
        try:
            image = read_rgb(
                body, background=about.pad_color, formats=formats, at_least=(2 * width, 2 * height)
            )
        except (TooManyPixels, UnreadableImage) as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        pixels = np.asarray(fit_to(image, about.size, about.fit, about.pad_color))
        probabilities: list[float] = self._classifier.probabilities(pixels[None])[0].tolist()
        return probabilities


class _Line:
    """Pictures that wait for the same threads; full, it takes no more."""

    def __init__(self, places: int, workers: int) -> None:
        self._places = places
        self.threads = ThreadPoolExecutor(workers)
        self._under_way = 0

    async def has_only_one(self) -> bool:
        """Asked after those who came in the same turn of the loop have got in line, too."""
        if self._under_way == 1:
            await asyncio.sleep(0)
        return self._under_way == 1

    def __enter__(self) -> None:
        if self._under_way >= self._places:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._places} pictures are under way, and no more are taken; try again.",
                retry_after=str(RETRY_SECONDS),
            )
        self._under_way += 1

    def __exit__(self, *_: object) -> None:
        self._under_way -= 1
