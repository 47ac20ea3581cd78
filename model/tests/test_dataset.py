from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scones_model.data import dataset

if TYPE_CHECKING:
    from pathlib import Path


def test_command_ends_with_2_for_a_folder_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = str(tmp_path / "absent")
    assert dataset.main(["--out", str(tmp_path / "out"), "--folder", absent]) == 2
    assert f"There is no folder {absent}" in capsys.readouterr().err


def test_command_prefers_a_named_folder_to_the_environments_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CIFAR100", str(tmp_path / "archive"))
    assert dataset.main(["--out", str(tmp_path / "out"), "--folder", str(tmp_path)]) == 2
    assert "two or more class subfolders" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [("--classes", "cow, cow"), ("--test-share", "1"), ("--test-share", "-0.1")]
)
def test_impossible_options_are_refused(tmp_path: Path, options: tuple[str, str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        dataset.main(["--out", str(tmp_path / "out"), "--folder", str(tmp_path), *options])


def test_dataset_needs_neither_onnxruntime_nor_torch_nor_boto3() -> None:
    program = (
        "import sys, scones_model.data.dataset as _; "
        "print({'onnxruntime', 'torch', 'boto3'} & {*sys.modules})"
    )
    shown = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert shown == "set()\n"
