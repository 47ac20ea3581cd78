"""Damage to good pictures, byte by byte, the same for the same seed."""

from __future__ import annotations

import random
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["mutated_pictures"]

_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)
_EXTREMES = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
_HEAD = 600
"""Bytes in which most of a format's fields are."""


def mutated_pictures(sound: dict[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and files without end; a name says which picture, how damaged and which seed."""
    pictures, mutations = list(sound), list(_MUTATIONS)
    count = 0
    while True:
        picture = pictures[count % len(pictures)]
        made = f"{seed}/{count}"
        chance = random.Random(made)
        body, done = sound[picture], []
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            mutation = chance.choice(mutations)
            body = mutation(chance, body, sound[chance.choice(pictures)]) or b"\0"
            done.append(mutation.__name__)
        yield f"{picture}: {', '.join(done)} ({made})", body
        count += 1


def _place(chance: random.Random, body: bytes, length: int = 1) -> int:
    """Return where to change so many bytes: mostly near the beginning."""
    last = max(0, len(body) - length)
    return chance.randint(0, min(last, _HEAD) if chance.random() < 0.7 else last)


def _span(chance: random.Random, body: bytes) -> tuple[int, int]:
    start = _place(chance, body)
    return start, start + chance.randint(1, 64)


def _replaced(body: bytes, start: int, new: bytes) -> bytes:
    return body[:start] + new + body[start + len(new) :]


def flip_bits(chance: random.Random, body: bytes, other: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.choice((1, 2, 8, 32))):
        changed[_place(chance, body)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def set_bytes(chance: random.Random, body: bytes, other: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.choice((1, 2, 8))):
        changed[_place(chance, body)] = chance.choice((*_EDGES, chance.randrange(256)))
    return bytes(changed)


def set_number(chance: random.Random, body: bytes, other: bytes) -> bytes:
    """Put an extreme where a length, a count, a size or an offset may be."""
    kind = chance.choice(("<H", ">H", "<I", ">I"))
    length = struct.calcsize(kind)
    number = chance.choice((*_EXTREMES, len(body), chance.randrange(1 << 32)))
    return _replaced(
        body, _place(chance, body, length), struct.pack(kind, number & (256**length - 1))
    )


def nudge_number(chance: random.Random, body: bytes, other: bytes) -> bytes:
    """Add to or take from what may be a number."""
    kind = chance.choice(("<H", ">H", "<I", ">I"))
    length = struct.calcsize(kind)
    start = _place(chance, body, length)
    (number,) = struct.unpack(kind, body[start : start + length].ljust(length, b"\0"))
    near = number + chance.choice((-256, -8, -1, 1, 8, 256))
    return _replaced(body, start, struct.pack(kind, near & (256**length - 1)))


def cut_off(chance: random.Random, body: bytes, other: bytes) -> bytes:
    return body[: chance.randrange(len(body))]


def leave_out(chance: random.Random, body: bytes, other: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:start] + body[end:]


def repeat(chance: random.Random, body: bytes, other: bytes) -> bytes:
    start, end = _span(chance, body)
    return body[:end] + body[start:end] * chance.choice((1, 2, 50)) + body[end:]


def put_in(chance: random.Random, body: bytes, other: bytes) -> bytes:
    start = _place(chance, body)
    return body[:start] + chance.randbytes(chance.choice((1, 2, 4, 64))) + body[start:]


def splice(chance: random.Random, body: bytes, other: bytes) -> bytes:
    """Go on as another picture, perhaps of another format."""
    return body[: _place(chance, body)] + other[_place(chance, other) :]


def transplant(chance: random.Random, body: bytes, other: bytes) -> bytes:
    """Overwrite a part with one of another picture."""
    start, end = _span(chance, other)
    return _replaced(body, _place(chance, body), other[start:end])


def append(chance: random.Random, body: bytes, other: bytes) -> bytes:
    return body + other


def shuffle_chunks(chance: random.Random, body: bytes, other: bytes) -> bytes:
    """Drop, double, swap or damage a PNG's chunk and make its checksum right; else flip bits."""
    chunks = list(_chunks(body))
    if not chunks:
        return flip_bits(chance, body, other)
    at, to = chance.randrange(len(chunks)), chance.randrange(len(chunks))
    kind, data = chunks[at]
    match chance.randrange(4):
        case 0:
            del chunks[at]
        case 1:
            chunks.insert(to, (kind, data))
        case 2:
            chunks[at], chunks[to] = chunks[to], chunks[at]
        case _:
            chunks[at] = kind, set_number(chance, data or b"\0", other)
    return body[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8 if body.startswith(b"\x89PNG\r\n\x1a\n") else len(body)
    while at + 12 <= len(body):
        (length,) = struct.unpack_from(">I", body, at)
        yield body[at + 4 : at + 8], body[at + 8 : at + 8 + length]
        at += 12 + length


_MUTATIONS: tuple[Callable[[random.Random, bytes, bytes], bytes], ...] = (
    flip_bits, set_bytes, set_number, nudge_number, cut_off, leave_out, repeat, put_in, splice,
    transplant, append, shuffle_chunks,
)  # fmt: skip
