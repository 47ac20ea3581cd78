"""One question before what cannot be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_operations.account import CannotBeDone

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ask_for_stage"]


def ask_for_stage(console: Console, stage: str) -> None:
    """Have the stage's name typed.

    Raises:
        CannotBeDone: Something else was typed, or nothing can be.
    """
    try:
        typed = console.input(f"Type the stage's name ({stage}) to go on: ")
    except EOFError:
        typed = ""
    if typed.strip() != stage:
        raise CannotBeDone("Nothing was deleted; where nobody can type, say --yes.")
