"""The command line's table of commands."""

from __future__ import annotations

import importlib

import pytest

from scones_operations.cli import COMMANDS, main


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_a_module_that_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"scones-ops {command}" in capsys.readouterr().out
    assert importlib.import_module(f"scones_operations.{COMMANDS[command][0]}").__doc__


def test_what_is_no_command_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["absent"])
    assert stopped.value.code == 2
    assert "absent" in capsys.readouterr().err
