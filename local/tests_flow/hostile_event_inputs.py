"""Keys, inputs of the workflow and pictures that no well-meaning sender makes."""

from __future__ import annotations

import io
import struct
import uuid
import zlib
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

__all__ = ["INCOMING", "good_events", "hostile_events", "hostile_pictures", "strange_keys"]

INCOMING = "incoming/"
LONGEST_KEY = 1024  # bytes of UTF-8

STRANGE_NAMES = (
    "a bicycle.jpg",
    " ",
    "  leading and trailing  ",
    "+",
    "a+b c%20d%2Bd.jpg",
    "%",
    "%2F",
    "%2e%2e%2f",
    "%00",
    "?versionId=1&x=y#z",
    "a=b;c,d:e@f!g$h'i(j)k*l[m]",
    '"quoted" \\ and `back`',
    "{% $states.input %}",
    "${WorkflowArn}",
    "<script>alert(1)</script>&amp;",
    "Straße/Café/ﬁ.jpg",
    "e\u0301 is not \u00e9",
    "写真/自転車.jpg",
    "صورة\u202e\u202dgpj",
    "🚲👩\u200d👩\u200d👧.jpg",
    "\U0010ffff",
    "\ufffe\uffff",
    "\ufeffbom",
    "\u2028\u2029\x85",
    "a\nb.png",
    "nothing\0.png",
    "tab\tand\x7fdelete",
    "\x01\x02\x1b[31m",
    "\r",
    "/",
    "//double",
    "trailing/slash/",
    ".",
    "..",
    "./a.png",
    "../../etc/passwd",
    "a/../b.png",
    "...",
    "null",
)
"""All that S3 takes; alone and behind `incoming/`."""


def strange_keys() -> list[str]:
    """Each name as a whole key and as an upload's, and keys as long as a key can be."""
    whole = [name for name in STRANGE_NAMES if name.strip("/")]
    uploads = [INCOMING + name for name in STRANGE_NAMES]
    longest = [_filled(INCOMING, letter) for letter in ("a", "é", "🚲", "/", "%", " ")]
    return [*whole, *uploads, *longest, _filled("", "b"), "/leading/slash.png"]


def _filled(start: str, letter: str) -> str:
    """A key of exactly 1,024 bytes."""
    room = LONGEST_KEY - len(start.encode())
    count, rest = divmod(room, len(letter.encode()))
    return start + "x" * rest + letter * count


def _nested(depth: int) -> Any:
    inner: Any = "end"
    for _ in range(depth):
        inner = {"detail": [inner]}
    return inner


_WRONG: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, "", " ", "text", "\0", "\ufffe\uffff", "\ud800", "🚲",
    "x" * 50_000, [], [[]], ["scones"], [{"name": "a", "key": "b"}] * 2, {}, {"name": {}},
    {"key": ["a", "b"]}, _nested(40), {"": ""}, {"$": "$states.input"}, "{% $error('no') %}",
)  # fmt: skip
_LETTERS = "ab {}%$`'\"\\/.,:;?&=+-\0\n\x7f\u00e9\u2028\ud83d\ude00\ufffe\uffff"
_FIELDS = (
    "detail",
    "detail.bucket",
    "detail.bucket.name",
    "detail.object",
    "detail.object.key",
    "detail.object.version-id",
    "detail.object.etag",
    "detail.object.size",
)
_OTHERS = ("reason", "sequencer", "Sequencer", "redrive_of", "inference_id", "run", "fault")


def hostile_events(bucket: str, chance: Random, more: int) -> Iterator[Any]:
    """Inputs without an object, each different from every other; so many `more` of made-up values.

    Args:
        bucket: Has no object.
        chance: Makes the values up.
        more: How many.
    """
    yield from (None, True, 7, -0.5, "", "text", "\ud800", [], [[]], [None, {}], _nested(60))
    yield from ({}, {"": {}}, {"detail": None}, {"detail": [[], {}]}, {"input": {}, "error": {}})
    yield [_event(bucket), _event(bucket)]
    yield _event(bucket) | {"padding": "x" * 200_000}
    yield _event(bucket) | {"padding": "\u0001\ufffe" * 5_000}
    for field in _FIELDS:
        yield _without(_event(bucket), field)
        for value in _WRONG:
            yield _with(_event(bucket), field, value)
    for name in _OTHERS:
        for value in chance.sample(_WRONG, 4):
            yield _event(bucket) | {name: value}
    for name in ("s3_bucket", "s3_key", "image_data"):
        for value in chance.sample(_WRONG, 8):
            yield {"image_data": "", "s3_bucket": bucket, "s3_key": _key()} | {name: value}
    for number in range(more):
        field = chance.choice((*_FIELDS, *_OTHERS, "s3_bucket", "s3_key"))
        yield _with(_event(bucket), field, [number, _anything(chance)]) | {"id": number}
        yield {"id": number, **_with(_event(bucket), field, _anything(chance))}


def good_events(bucket: str, keys: list[str]) -> Iterator[Any]:
    """One input for each key: all that is needed is right, and all else is not."""
    for key, value in zip(keys, _WRONG, strict=False):
        event = _event(bucket)
        event["detail"]["object"] |= {"key": key, "size": None, "sequencer": value, "SIZE": value}
        event["detail"] |= {"reason": value, "version": value}
        yield event | {"id": value, "source": value, "detail-type": value, "resources": value}


def _anything(chance: Random, depth: int = 4) -> Any:
    kind = chance.randrange(6 if depth else 4)
    if kind == 5:
        return {chance.choice(_LETTERS): _anything(chance, depth - 1) for _ in range(2)}
    if kind == 4:
        return [_anything(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == 3:
        return "".join(chance.choices(_LETTERS, k=chance.randrange(12)))
    return chance.choice((None, True, False, chance.getrandbits(70), chance.gauss(0, 1e9)))


def _key() -> str:
    return f"never/{uuid.uuid4()}.jpg"


def _event(bucket: str) -> dict[str, Any]:
    created = {"key": _key(), "size": 7, "etag": uuid.uuid4().hex, "sequencer": "00617F08299329"}
    detail = {"bucket": {"name": bucket}, "object": created, "reason": "PutObject"}
    return {"id": str(uuid.uuid4()), "detail-type": "Object Created", "detail": detail}


def _with(event: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    place, name = _place(event, field)
    place[name] = value
    return event


def _without(event: dict[str, Any], field: str) -> dict[str, Any]:
    place, name = _place(event, field)
    place.pop(name, None)
    return event


def _place(event: dict[str, Any], field: str) -> tuple[dict[str, Any], str]:
    *parents, name = field.split(".")
    for parent in parents:
        event = event[parent]
    return event, name


def hostile_pictures(chance: Random) -> Iterator[bytes]:
    """Bodies of uploads: damaged, cut, mislabelled, bombs; a few of them are still good."""
    yield from (
        b"",
        b"\0",
        b"text\n",
        b"GIF89a",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"%PDF-1.7",
    )
    yield from (
        b"<svg/>",
        b"RIFF\xff\xff\xff\xffWEBP",
        b'{"a": 1}',
        bytes(99_999),
    )
    yield from (_png(60_000, 60_000), _png(0, 0), _png(2**31 - 1, 1), _png(1, 2**31 - 1))
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        sound = _encoded(chance, kind)
        yield sound
        yield sound[: len(sound) * chance.randint(10, 90) // 100]
        yield sound + chance.randbytes(100)
        yield sound[:20] + chance.randbytes(200)
        yield _damaged(sound, chance)


def _encoded(chance: Random, kind: str) -> bytes:
    memory = io.BytesIO()
    noise = Image.frombytes("RGB", (40, 30), chance.randbytes(40 * 30 * 3))
    noise.save(memory, kind)
    return memory.getvalue()


def _damaged(sound: bytes, chance: Random) -> bytes:
    body = bytearray(sound)
    for _ in range(8):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(body)


def _png(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels and has hardly any."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
