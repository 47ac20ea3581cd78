from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scones_operations.building.bytecode import NotCompiled, compile_folder

PYTHON = Path(sys.executable)
MODULES = {
    "package/__init__.py": 'NAMES = {"one", "two", "three", "four", "five", "six"}\n',
    "package/inner.py": "def answer():\n    return 42\n",
}


def write(folder: Path, modules: dict[str, str]) -> Path:
    for name, source in modules.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)
    return folder


def compiled(folder: Path) -> dict[str, bytes]:
    files = folder.rglob("*.pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_bytecode_is_the_same_in_any_folder_and_under_any_hash_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = write(tmp_path / "one", MODULES)
    other = write(tmp_path / "another name/package", MODULES)
    for folder, seed in ((one, "1"), (other, "2")):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        compile_folder(PYTHON, folder)
    assert compiled(one) == compiled(other)
    assert len(compiled(one)) == len(MODULES)


def test_bytecode_names_the_file_as_it_lies_on_lambda(tmp_path: Path) -> None:
    compile_folder(PYTHON, write(tmp_path, MODULES))
    (path,) = tmp_path.rglob("inner.*.pyc")
    assert b"/var/task/package/inner.py" in path.read_bytes()
    assert str(tmp_path).encode() not in path.read_bytes()


def test_bytecode_is_never_compared_with_its_source(tmp_path: Path) -> None:
    compile_folder(PYTHON, write(tmp_path, {"module.py": "print('compiled')\n"}))
    write(tmp_path, {"module.py": "print('changed since')\n"})
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import module"
    command = [str(PYTHON), "-I", "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "compiled\n"


def test_what_is_not_python_is_named(tmp_path: Path) -> None:
    write(tmp_path, MODULES | {"package/broken.py": "def (:\n"})
    with pytest.raises(NotCompiled, match=r"broken\.py"):
        compile_folder(PYTHON, tmp_path)
