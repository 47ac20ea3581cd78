from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from scones_operations.account import CannotBeDone
from scones_operations.building import targets
from scones_operations.building.targets import LAMBDA_PYTHON, find_target, target_for_here
from scones_operations.repository import SERVICES, find_root
from scones_operations.stacks.template import read_template


def version_of(python: Path) -> str:
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    command = [str(python), "-I", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("service", SERVICES)
def test_zips_are_built_for_the_python_that_the_template_asks_for(service: str) -> None:
    template = read_template(find_root() / "services" / service / "template.yaml")
    assert template["Resources"]["Function"]["Properties"]["Runtime"] == f"python{LAMBDA_PYTHON}"


def test_local_is_the_running_python() -> None:
    assert find_target("local").python == Path(sys.executable)
    assert find_target("local").version == version_of(Path(sys.executable))


def test_lambdas_python_is_taken_only_if_it_is_that_version() -> None:
    python = find_target("arm64").python
    assert python is None or version_of(python) == LAMBDA_PYTHON


@pytest.mark.parametrize(("machine", "arch"), [("aarch64", "arm64"), ("x86_64", "x86_64")])
def test_here_is_lambdas_own_target_where_its_python_is(
    machine: str, arch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(targets, "_python", lambda version: Path(f"/python{version}"))
    target, python = target_for_here()
    assert (target.arch, python) == (arch, Path(f"/python{LAMBDA_PYTHON}"))


@pytest.mark.parametrize(("machine", "libc"), [("x86_64", ""), ("riscv64", "glibc")])
def test_here_is_local_elsewhere(machine: str, libc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: (libc, ""))
    target, python = target_for_here()
    assert (target.arch, python) == ("local", Path(sys.executable))


def test_another_architecture_is_refused_with_those_there_are() -> None:
    with pytest.raises(CannotBeDone, match="arm64, x86_64, local"):
        find_target("riscv")
