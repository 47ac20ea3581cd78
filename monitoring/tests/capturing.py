"""Capture files as an endpoint would write them, for tests."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def png(color: tuple[int, int, int] = (200, 30, 30), side: int = 8) -> bytes:
    memory = io.BytesIO()
    Image.new("RGB", (side, side), color).save(memory, "PNG")
    return memory.getvalue()


IMAGE = base64.b64encode(png()).decode()


def capture(
    answer: object = (0.97, 0.03),
    *,
    time: str = "2026-11-22T10:00:00Z",
    event_id: str | None = "e-1",
    inference_id: str | None = "i-1",
    image: str | None = IMAGE,
    encoding: str = "JSON",
) -> dict[str, Any]:
    """One record; a list or dict for an answer is written as JSON, a text as it is."""
    data = answer if isinstance(answer, str) else json.dumps(answer)
    metadata = {"eventId": event_id, "inferenceId": inference_id, "inferenceTime": time}
    given = {"observedContentType": "image/png", "mode": "INPUT", "data": image,
             "encoding": "BASE64"}  # fmt: skip
    gave = {"observedContentType": "application/json", "mode": "OUTPUT", "data": data,
            "encoding": encoding}  # fmt: skip
    sides = {"endpointOutput": gave} if image is None else {
        "endpointInput": given, "endpointOutput": gave,
    }  # fmt: skip
    return {
        "captureData": sides,
        "eventMetadata": {name: value for name, value in metadata.items() if value is not None},
        "eventVersion": "0",
    }


def line(record: object, *, spaced: bool = False) -> bytes:
    """A record as SageMaker writes it: compact, with a newline."""
    separators = None if spaced else (",", ":")
    return json.dumps(record, separators=separators).encode() + b"\n"


@dataclass(frozen=True)
class Traffic:
    """Hours of made-up predictions of a model that is about 91 % right.

    Attributes:
        root: Where `captures/` and `labels/` go.
        records: Predictions an hour.
        endpoint: Part of the layout.
        variant: Likewise.
    """

    root: Path
    records: int = 200
    endpoint: str = "vehicles"
    variant: str = "AllTraffic"

    @property
    def captures(self) -> str:
        return str(self.root / "captures")

    @property
    def labels(self) -> str:
        return str(self.root / "labels")

    def hours(self, first: str, count: int, *, seed: int = 0, degraded: float = 0.0) -> None:
        """Write hours from `first` on; `degraded` of the pictures are hard to tell."""
        random = np.random.default_rng(seed)
        start = datetime.fromisoformat(f"{first}:00")
        for number in range(count):
            when = start + timedelta(hours=number)
            truth = random.random(self.records) < 0.5
            hard = random.random(self.records) < degraded
            easy = random.normal(3.0, 2.2, self.records)
            margins = np.where(hard, random.normal(0.3, 0.7, self.records), easy)
            second = 1 / (1 + np.exp(np.where(truth, -margins, margins)))
            self._write(when, truth.tolist(), second.tolist())

    def _write(self, when: datetime, truth: Sequence[bool], second: Sequence[float]) -> None:
        captured, told = [], []
        for number, (is_second, p) in enumerate(zip(truth, second, strict=True)):
            name = f"{self.variant}-{when:%m%dT%H}-{number}"
            time = f"{when + timedelta(seconds=3599 * number // len(truth)):%Y-%m-%dT%H:%M:%SZ}"
            captured.append(line(capture([1 - p, p], time=time, inference_id=name, event_id=None)))
            label = "motorcycle" if is_second else "bicycle"
            told.append(line(label_record(name, label)))
        for number in range(0, len(captured), 30):
            self.file("captures", when, f"{number:04d}.jsonl", captured[number : number + 30])
        self.file("labels", when, "told.jsonl", told)

    def file(self, kind: str, when: datetime, name: str, lines: Sequence[bytes]) -> Path:
        """Write one file of an hour."""
        folder = self.root / kind / self.endpoint / self.variant / f"{when:%Y/%m/%d/%H}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"".join(lines))
        return folder / name


def label_record(event_id: str, label: str, encoding: str = "CSV") -> dict[str, Any]:
    return {
        "groundTruthData": {"data": label, "encoding": encoding},
        "eventMetadata": {"eventId": event_id},
        "eventVersion": "0",
    }
