"""The floor: the bare ONNX Runtime session, called in this process by threads that do no HTTP.

`bare_session.py <model>` takes a line of JSON, `{"callers": 8, "seconds": 1, "decode": false}`, and
answers with one: how many calls a second all callers made together, and each call's seconds. With
`decode` a call begins with the PNG, as a request does.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scones_model.data.images import read_rgb
from scones_model.serving.inference import Classifier

if TYPE_CHECKING:
    from collections.abc import Callable


def main(model: Path) -> None:
    """Answer until the input ends; its first line is the picture, a PNG in base64."""
    classifier = Classifier(model)
    picture = base64.b64decode(sys.stdin.readline())
    pixels = _decoded(picture)

    def ready() -> object:
        return classifier.probabilities(pixels)

    def from_png() -> object:
        return classifier.probabilities(_decoded(picture)).tolist()

    for line in sys.stdin:
        asked = json.loads(line)
        call = from_png if asked["decode"] else ready
        print(json.dumps(_called(call, asked["callers"], asked["seconds"])), flush=True)


def _decoded(picture: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = read_rgb(picture, background=(0, 0, 0), formats=("PNG",))
    return np.asarray(image)[None]


def _called(call: Callable[[], object], callers: int, seconds: float) -> dict[str, object]:
    started = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        ends = [pool.submit(_times, call, started + seconds) for _ in range(callers)]
        times = [one for end in ends for one in end.result()]
    return {"per_s": len(times) / (time.perf_counter() - started), "times": times}


def _times(call: Callable[[], object], end: float) -> list[float]:
    times = []
    before = time.perf_counter()
    while before < end:
        call()
        after = time.perf_counter()
        times.append(after - before)
        before = after
    return times


if __name__ == "__main__":
    main(Path(sys.argv[1]))
