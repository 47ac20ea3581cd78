from __future__ import annotations

import struct
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from scones_operations.building.stripping import blank_unloaded_sections

ELF64 = b"\x7fELF\x02\x01"
LOADED = 2
PROGBITS, STRTAB, NOBITS = 1, 3, 8


class Section(NamedTuple):
    kind: int
    flags: int
    content: bytes


def elf(*sections: Section, names: int) -> bytes:
    """A file of 64 bytes of header, the sections' contents and the table of sections."""
    content = bytearray(64)
    content[:6] = ELF64
    headers = []
    for section in sections:
        headers.append((0, section.kind, section.flags, 0, len(content), len(section.content)))
        content += b"" if section.kind == NOBITS else section.content
    struct.pack_into("<Q", content, 0x28, len(content))
    struct.pack_into("<HHH", content, 0x3A, 64, len(headers), names)
    for header in headers:
        content += struct.pack("<IIQQQQ", *header).ljust(64, b"\0")
    return bytes(content)


def test_only_what_no_process_loads_is_blanked(tmp_path: Path) -> None:
    def file(debug: bytes) -> bytes:
        return elf(
            Section(PROGBITS, LOADED, b"code"),
            Section(PROGBITS, 0, debug),
            Section(NOBITS, 0, bytes(1000)),  # has a size, and no bytes in the file
            Section(STRTAB, 0, b".names"),
            names=3,
        )

    (tmp_path / "pillow.libs").mkdir()
    library = tmp_path / "pillow.libs/libsome.so.6.2"
    library.write_bytes(file(b"DEBUG"))
    blank_unloaded_sections(tmp_path)
    assert library.read_bytes() == file(bytes(5))


def test_other_files_stay(tmp_path: Path) -> None:
    others = {"script.so": b"GROUP ( libc.so.6 )", "mac.so": b"\xcf\xfa\xed\xfe", "a.py": ELF64}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    blank_unloaded_sections(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == others


def test_a_real_module_still_loads(tmp_path: Path) -> None:
    package = Path(yaml.__file__).parent
    name = f"_yaml{EXTENSION_SUFFIXES[0]}"
    if not (package / name).exists():
        pytest.fail("PyYAML has come without its compiled module: choose another for this test")
    (tmp_path / "yaml").mkdir()
    for source in [*package.glob("*.py"), package / name]:
        (tmp_path / "yaml" / source.name).write_bytes(source.read_bytes())
    blank_unloaded_sections(tmp_path)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import yaml._yaml as m; print(m)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert str(tmp_path) in done.stdout
