"""The command, with a service's dependencies made up: what is installed comes from no index."""

from __future__ import annotations

import hashlib
import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from operations.tests.test_building_smoke import write

from scones_operations.building import build
from scones_operations.building.build import build_service, main
from scones_operations.building.targets import find_target
from scones_operations.repository import SERVICES, find_root

if TYPE_CHECKING:
    from pathlib import Path

    from scones_operations.building.targets import Target
    from scones_operations.repository import Package


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def install(service: Package, target: Target, folder: Path) -> None:
        write(folder, service.name)
        (folder / "library.py").write_text(f"ARCHITECTURE = {target.arch!r}\n")
        (folder / "library-1.dist-info").mkdir()
        (folder / "library-1.dist-info/RECORD").write_text(str(folder))

    monkeypatch.setattr(build, "install", install)
    # Nobody has clients, for whom botocore's data would have to be made up as well.
    monkeypatch.setattr("scones_operations.building.build.CLIENTS", dict.fromkeys(SERVICES, ()))


def test_two_builds_in_different_folders_are_the_same_bytes(tmp_path: Path) -> None:
    one, other = (
        build_service(find_root(), "filter", "local", tmp_path / name) for name in ("one", "other")
    )
    assert one.path != other.path
    assert one == replace(other, path=one.path)
    assert one.sha256 == hashlib.sha256(one.path.read_bytes()).hexdigest()
    assert one.size == one.path.stat().st_size


def test_a_zip_has_sources_bytecode_and_no_record_of_the_installation(tmp_path: Path) -> None:
    built = build_service(find_root(), "filter", "local", tmp_path)
    assert re.fullmatch(r"filter-\d+\.\d+\.\d+-local\.zip", built.path.name)
    with zipfile.ZipFile(built.path) as archive:
        names = [re.sub(r"\.cpython-\d+", "", name) for name in archive.namelist()]
    modules = [name.removesuffix(".py") for name in names if name.endswith(".py")]
    compiled = [name.replace("__pycache__/", "").removesuffix("c") for name in names]
    assert sorted(names) == names
    assert sorted(compiled) == sorted(2 * [f"{module}.py" for module in modules])
    assert {"library", "scones_filter/__init__"} < set(modules)


def test_the_command_prints_path_size_and_hash_of_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["filter", "classifier", "--arch", "local", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for path in tmp_path.iterdir():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert f"{path}: {path.stat().st_size / 1e6:.2f} MB, sha256 {digest}" in printed


def test_what_this_machine_cannot_run_is_invoked_as_built_for_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = find_target("local")
    monkeypatch.setattr(build, "target_for_here", lambda: (here, here.python))
    built = build_service(find_root(), "filter", "arm64", tmp_path)
    assert (
        f"cannot run here: invoking what the same lock gives for {here}" in capsys.readouterr().out
    )
    with zipfile.ZipFile(built.path) as archive:
        assert archive.read("library.py") == b"ARCHITECTURE = 'arm64'\n"


def test_without_the_targets_python_there_is_no_bytecode_and_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        build, "find_target", lambda arch: replace(find_target("local"), arch=arch, python=None)
    )
    here = find_target("local")
    monkeypatch.setattr(build, "target_for_here", lambda: (here, here.python))
    built = build_service(find_root(), "filter", "arm64", tmp_path)
    assert "no Python" in capsys.readouterr().err
    with zipfile.ZipFile(built.path) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pyc")]


def test_a_zip_over_its_limit_fails_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--arch", "local", "--out", str(tmp_path), "--limit-mb"]
    assert main(["filter", *options, "0.0001"]) == 1
    assert "more than 0.0001: leave more out" in capsys.readouterr().err
    assert main(["filter", *options, "1"]) == 0


def test_what_lambda_could_not_unpack_is_no_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "UNPACKED_LIMIT_MB", 0.0001)
    assert main(["filter", "--arch", "local", "--out", str(tmp_path)]) == 1
    assert "filter, unpacked, has" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_does_not_work_is_no_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def install(service: Package, target: Target, folder: Path) -> None:
        write(folder, service.name, instead=("import base64", "import base65"))

    monkeypatch.setattr(build, "install", install)
    assert main(["filter", "--arch", "local", "--out", str(tmp_path)]) == 1
    assert "No module named 'base65'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_function_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "--out", str(tmp_path)]) == 2
    assert "serializer, classifier, filter" in capsys.readouterr().err
