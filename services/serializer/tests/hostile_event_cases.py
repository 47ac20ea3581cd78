"""Inputs that no well-meaning sender makes: wrong fields, strange keys, buckets that cannot be."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

__all__ = [
    "BUCKETS",
    "CONSOLE",
    "ESSENTIAL",
    "EVENT",
    "IGNORED",
    "IMPOSSIBLE_KEYS",
    "KEYS",
    "REASONS",
    "WRONG",
    "with_value",
    "without",
]

_EVENTS = Path(__file__).parent / "events"
EVENT: dict[str, Any] = json.loads((_EVENTS / "object-created.json").read_text())
CONSOLE: dict[str, Any] = json.loads((_EVENTS / "console.json").read_text())

ESSENTIAL = (
    "detail",
    "detail.bucket",
    "detail.bucket.name",
    "detail.object",
    "detail.object.key",
)
"""Fields of an event without which there is no object to read."""
IGNORED = (
    "version",
    "id",
    "detail-type",
    "source",
    "account",
    "time",
    "region",
    "resources",
    "detail.version",
    "detail.object.etag",
    "detail.object.sequencer",
    "detail.object.Sequencer",
    "detail.object.SEQUENCER",
    "detail.request-id",
    "detail.requester",
    "detail.source-ip-address",
    "detail.reason",
    "detail.destination-storage-class",
    "never-heard-of",
)
"""Fields that may be whatever they like."""
REASONS = ("PutObject", "CopyObject", "POST Object", "CompleteMultipartUpload", "", "Née", None, 7)


def _nested(depth: int) -> Any:
    inner: Any = []
    for _ in range(depth):
        inner = {"detail": [inner]}
    return inner


WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "negative": -1,
    "fraction": 1.5,
    "huge": 10**400,
    "beyond what Python prints": 10**5000,
    "not a number": float("nan"),
    "infinite": float("-inf"),
    "a list": [],
    "a list of the like": ["scones-uploads"],
    "an object": {},
    "an object of the like": {"Name": "scones-uploads", "KEY": "incoming/a.jpg"},
    "deep": _nested(300),
    "half a character": "\ud800",
    "long": "x" * 100_000,
}
"""Wrong as a bucket, as a key and as what holds them."""

KEYS = (
    "incoming/a bicycle.jpg",
    " ",
    "  leading and trailing  ",
    "+",
    "a+b c%20d%2Bd.jpg",
    "%",
    "%2F",
    "%2e%2e%2f",
    "%00",
    "%ud800",
    "100% + 1 = 101 %.png",
    "?versionId=1&x=y#z",
    "#",
    "a=b;c,d:e@f!g$h'i(j)k*l[m]",
    '"quoted" \\ and `back`',
    "\\..\\..\\windows",
    "{% $states.input %}",
    "${WorkflowArn}",
    "<script>alert(1)</script>&amp;",
    "'; DROP TABLE uploads; --",
    "Straße/Café/ﬁ.jpg",
    "e\u0301 is not \u00e9",
    "写真/自転車.jpg",
    "صورة\u202e\u202dgpj",
    "🚲👩\u200d👩\u200d👧.jpg",
    "\U0010ffff",
    "\ufffd",
    "\ufffe\uffff",
    "\ufeffbom",
    "\u2028\u2029\x85",
    "\0",
    "a\0b.png",
    "\t\r\n",
    "a\nb\x1b[31m\x7f.png",
    "".join(map(chr, range(1, 32))),
    "/",
    "//",
    "/leading/slash.png",
    "trailing/slash/",
    "incoming//double",
    ".",
    "..",
    "...",
    "./a.png",
    "../../etc/passwd",
    "incoming/../../a.png",
    "incoming/..",
    "soap",
    "arn:aws:s3:::bucket/key",
    "null",
    "a" * 1024,
    "é" * 512,
    "🚲" * 256,
    "/" * 1024,
    "." * 1024,
    "%" * 1024,
)
"""All that S3 can hold."""
IMPOSSIBLE_KEYS = (
    "",
    "a" * 1025,
    "é" * 513,
    "🚲" * 256 + "a",
    "a" * 1_000_000,
    "\ud800",
    "\udfff",
    "a\udc00b",
    "\udc00\ud800",
    "\ud83d",
)
"""Too long, or nothing that UTF-8 can spell."""

BUCKETS = (
    "a--x-s3",
    "usw2-az1--x-s3",
    "--x-s3",
    "a.b--x-s3",
    "b" * 57 + "--x-s3",
    "foo--bar--xa-s3",
    "e" * 63 + "--op-s3",
    "test-e0b1d075431d83bebde8xz5w8ijx1qzlbp3i3ebeta0--op-s3",
    "",
    "no spaces",
    "no/slash",
    "scones-uploads\n",
    "b" * 256,
    "bücher",
    "arn:aws:s3:eu-central-1:123456789012:accesspoint/mine",
    "https://example.org",
    "\0",
    "\ud800",
)
"""No names of buckets, or of kinds of buckets that botocore has rules of its own for."""


def with_value(path: str, value: Any) -> dict[str, Any]:
    """The usual event with one field set."""
    event, place, name = _place(path)
    place[name] = value
    return event


def without(path: str) -> dict[str, Any]:
    """The usual event without one field."""
    event, place, name = _place(path)
    place.pop(name, None)
    return event


def _place(path: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    event = copy.deepcopy(EVENT)
    *parents, name = path.split(".")
    place = event
    for parent in parents:
        place = place[parent]
    return event, place, name
