from __future__ import annotations

import subprocess
import sys

import pytest

from scones_model import cli

WITHOUT_TORCH = sorted(cli.COMMANDS.keys() - {"train", "pretrain"})


@pytest.mark.parametrize("command", WITHOUT_TORCH)
def test_every_command_has_its_own_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: scones-model {command}" in capsys.readouterr().out


def test_help_lists_the_commands() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "scones_model.cli", "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for command in cli.COMMANDS:
        assert f"  {command} " in shown.stdout


def test_training_without_pytorch_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "scones_model.training.train", raising=False)
    assert cli.main(["train"]) == 2
    assert "torch==2.13.0" in capsys.readouterr().err
