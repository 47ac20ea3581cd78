"""Ground truth in Model Monitor's format: who says what a captured picture really showed.

A line is `{"groundTruthData": {"data": "bicycle", "encoding": "CSV"}, "eventMetadata": {"eventId":
"..."}, "eventVersion": "0"}`; its event id is the inference id that the caller sent or, without
one, the event id that SageMaker gave.
"""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scones_monitoring.capture.store import open_store
from scones_monitoring.errors import NothingReadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scones_monitoring.capture.store import Store

__all__ = ["GroundTruth", "read_labels"]


@dataclass
class GroundTruth:
    """True labels by event id, and how many lines are none; the last line of an id counts."""

    by_id: dict[str, str] = field(default_factory=dict)
    malformed: int = 0


def read_labels(place: str) -> GroundTruth:
    """Read every `.jsonl` file below a folder or `s3://` prefix.

    Raises:
        NothingReadable: There is no such place.
    """
    truth = GroundTruth()
    try:
        for line in _lines(open_store(place)):
            _add(truth, line)
    except OSError as error:
        raise NothingReadable(f"The labels in {place} cannot be read: {error}") from error
    return truth


def _lines(store: Store) -> Iterator[bytes]:
    names = sorted(e.name for e in store.entries(lambda _folder: True) if e.name.endswith(".jsonl"))
    for name in names:
        yield from (line for line in (store.load(name) or b"").splitlines() if line.strip())


def _add(truth: GroundTruth, line: bytes) -> None:
    try:
        name, label = _parsed(json.loads(line))
    except (ValueError, KeyError, TypeError, RecursionError):
        truth.malformed += 1
    else:
        truth.by_id[name] = label


def _parsed(record: Any) -> tuple[str, str]:  # noqa: ANN401 - JSON is any JSON
    name = record["eventMetadata"]["eventId"]
    given = record["groundTruthData"]
    data, encoding = given["data"], given.get("encoding", "CSV")
    if not isinstance(name, str) or not isinstance(data, str):
        raise TypeError
    if encoding == "BASE64":
        data = b64decode(data, validate=True).decode()
    elif encoding == "JSON":
        data = _plain(json.loads(data))
    return name, data.strip()


def _plain(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    return str(value)
