"""Blank what compiled modules hold for debuggers alone: most of Pillow's main one."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["blank_unloaded_sections"]

_ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"  # Linux on arm64 and x86_64
_LOADED = 2  # SHF_ALLOC
_WITHOUT_BYTES = 8  # SHT_NOBITS


def blank_unloaded_sections(folder: Path) -> None:
    """Overwrite with zeros, which compress to nothing, so that no offset in a file changes.

    Unlike `strip` it needs no tool for the target's architecture. Other files than ELF of
    64 bits (of macOS, say) stay as they are.
    """
    for path in folder.rglob("*.so*"):
        content = bytearray(path.read_bytes())
        if content.startswith(_ELF64_LITTLE_ENDIAN):
            for start, size in _unloaded_sections(content):
                content[start : start + size] = bytes(size)
            path.write_bytes(content)


def _unloaded_sections(content: bytearray) -> Iterator[tuple[int, int]]:
    """Offset and size of each section that no process maps into memory; see elf(5)."""
    (table,) = struct.unpack_from("<Q", content, 0x28)
    entry_size, count, names = struct.unpack_from("<HHH", content, 0x3A)
    headers = [
        struct.unpack_from("<IIQQQQ", content, table + index * entry_size) for index in range(count)
    ]
    for index, (_, kind, flags, _, start, size) in enumerate(headers):
        if not (flags & _LOADED or kind == _WITHOUT_BYTES or index == names):
            yield start, size
