"""What the job would run: its code, laid out and started as in SageMaker's container."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

Started = dict[str, Any]

_NO_TORCH = """
import importlib.abc, importlib.machinery, sys, unittest.mock

class Nothing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return unittest.mock.MagicMock(name=spec.name)

    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Nothing())
"""
"""A sitecustomize.py: PyTorch and onnx, which the job has, stand for nothing here."""

_NO_PIP = """
import os, pathlib, sys
pathlib.Path(os.environ["PIP_NOTES"]).write_text(" ".join(sys.argv[1:]))
"""
"""A pip that installs nothing and notes what it was asked for."""


@pytest.fixture(scope="module")
def source(started: Started, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(started["channels"] / "code" / "source.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def imported(path: Path) -> set[str]:
    """Modules that a file imports, also those that it imports late."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def reached(source: Path, module: str) -> tuple[set[Path], set[str]]:
    """Files of the source that a module imports, directly or not, and other packages."""
    files: set[Path] = set()
    others: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = source / f"{name.replace('.', '/')}.py"
        if name.partition(".")[0] != "scones_model":
            others.add(name.partition(".")[0])
        elif path.is_file() and path not in files:
            files.add(path)
            waiting += imported(path)
    return files, others


def test_the_lock_has_what_training_imports_but_for_pytorch(source: Path) -> None:
    files, others = reached(source, "scones_model.training.train")
    assert source / "scones_model/training/network.py" in files
    lock = (source / "requirements.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, flags=re.MULTILINE))
    assert "torch" not in locked
    names = {"PIL": "pillow"}
    needed = {names.get(other, other) for other in others - set(sys.stdlib_module_names)}
    assert needed - locked == {"torch"}


def test_the_source_has_no_caches_and_names_nobody(started: Started) -> None:
    with tarfile.open(started["channels"] / "code" / "source.tar.gz") as archive:
        members = archive.getmembers()
    assert not [one.name for one in members if "__pycache__" in one.name]
    assert {(one.uname, one.uid) for one in members} == {("", 0)}


def test_the_container_starts_training_and_keeps_why_it_failed(
    started: Started, tmp_path: Path
) -> None:
    opt = _container(started, tmp_path)
    entrypoint = started["job"]["AlgorithmSpecification"]
    command = [*entrypoint["ContainerEntrypoint"], *entrypoint["ContainerArguments"]]
    done = subprocess.run(
        [part.replace("/opt/ml", str(opt)) for part in command],
        capture_output=True, text=True, check=False, timeout=60, env=_environment(tmp_path),
    )  # fmt: skip
    assert (opt / "input/data/backbone/backbone.pt").is_file()  # where `train` looks for it
    failure = (opt / "output/failure").read_text(encoding="utf-8")
    assert done.returncode != 0
    assert str(opt / "input/data/train") in failure, done.stdout + done.stderr
    assert (tmp_path / "pip.txt").read_text(encoding="utf-8") == "install -r requirements.txt"
    assert f"--checkpoint-dir {opt}/checkpoints" in done.stdout


def _container(started: Started, root: Path) -> Path:
    """/opt/ml as SageMaker fills it before it starts the container; here in `root`."""
    opt = root / "opt/ml"
    for name in ("input/config", "output", "model", "checkpoints"):
        (opt / name).mkdir(parents=True)
    for path in started["channels"].rglob("*"):
        if path.is_file():
            copy = opt / "input/data" / path.relative_to(started["channels"])
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            copy.write_bytes(
                content if path.suffix == ".gz" else content.replace(b"/opt/ml", str(opt).encode())
            )
    for channel in started["job"]["InputDataConfig"]:
        (opt / "input/data" / channel["ChannelName"]).mkdir(exist_ok=True)
    _configure(started, opt)
    return opt


def _configure(started: Started, opt: Path) -> None:
    names = [channel["ChannelName"] for channel in started["job"]["InputDataConfig"]]
    host = {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.xlarge",
        "hosts": ["algo-1"],
        "network_interface_name": "eth0",
    }
    for name, content in {
        "resourceconfig": host,
        "inputdataconfig": {name: {"TrainingInputMode": "File"} for name in names},
        "hyperparameters": started["job"]["HyperParameters"],
    }.items():
        (opt / "input/config" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def _environment(root: Path) -> dict[str, str]:
    """The container's: a Python, and a pip."""
    stubs = root / "stubs"
    (stubs / "pip").mkdir(parents=True)
    (stubs / "sitecustomize.py").write_text(_NO_TORCH, encoding="utf-8")
    (stubs / "pip" / "__main__.py").write_text(_NO_PIP, encoding="utf-8")
    (stubs / "pip3").symlink_to(sys.executable)
    path = (str(Path(sys.executable).parent), str(stubs), "/usr/bin", "/bin")
    return {
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": str(stubs),
        "PIP_NOTES": str(root / "pip.txt"),
        "TRAINING_JOB_NAME": "job",
    }
