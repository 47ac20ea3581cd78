"""What became of each letter, counted by error and shown."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scones_operations.printable import printable

if TYPE_CHECKING:
    from datetime import timedelta
    from typing import TextIO

    from scones_operations.recovery.letters import Letter

__all__ = ["CANNOT", "DISCARDED", "LEFT", "REDRIVEN", "Tally"]

REDRIVEN, DISCARDED, LEFT, CANNOT = "redriven", "discarded", "left", "cannot"
_PLAIN_WIDTH = 180
"""Columns where the output is no terminal, so that ids stay whole."""
_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


class Tally:
    """Every letter that was read, and its fate.

    Args:
        done: What becomes of those that were asked for: REDRIVEN or DISCARDED.
    """

    def __init__(self, done: str) -> None:
        self._done = done
        self._letters: list[tuple[Letter, str, str]] = []

    def add(self, letter: Letter, fate: str, why: str = "") -> None:
        """Note a letter's fate, and why where it cannot be redriven."""
        self._letters.append((replace(letter, input=""), fate, why))  # inputs may be long, and many

    @property
    def picked(self) -> bool:
        """Whether any letter was one of those asked for."""
        return any(fate != LEFT for _, fate, _ in self._letters)

    def show_counts(self, *, planned: bool) -> None:
        """Print counts by error, then each that cannot be; `planned`: nothing was done yet.

        To stderr where letters are discarded, for those are on stdout.
        """
        console = _console(sys.stderr if self._done == DISCARDED else sys.stdout)
        counted = Counter((letter.error, fate) for letter, fate, _ in self._letters)
        table = Table("error", f"would be {self._done}" if planned else self._done, LEFT, CANNOT)
        for error in sorted({error for error, _ in counted}):
            numbers = [str(counted[error, fate]) for fate in (self._done, LEFT, CANNOT)]
            table.add_row(Text(printable(error)), *numbers)
        console.print(table if counted else "There are no letters.")
        for letter, _, why in self._letters:
            if why:
                console.print(
                    Text(printable(f"{letter.id} {letter.key} cannot be redriven: {why}"))
                )

    def show_letters(self) -> None:
        """Print the letters that were asked for, the oldest first."""
        now = datetime.now(UTC)
        table = Table(show_lines=True)
        table.add_column("message", no_wrap=True)
        for heading in ("error", "failed state", "key", "age", "reason"):
            table.add_column(heading, overflow="fold")
        for letter, fate, why in sorted(self._letters, key=lambda one: one[0].sent):
            if fate != LEFT:
                reason = letter.reason + (f" (cannot be redriven: {why})" if why else "")
                age = _age(now - letter.sent)
                told = (letter.error, letter.failed_state, letter.key, age, reason)
                table.add_row(letter.id, *(Text(printable(one)) for one in told))
        _console(sys.stdout).print(table if table.row_count else "There are no such letters.")


def _console(file: TextIO) -> Console:
    return Console(file=file, width=None if file.isatty() else _PLAIN_WIDTH)


def _age(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
