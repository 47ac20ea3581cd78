"""A progress bar on stderr for work that takes longer than a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["tracked"]

T = TypeVar("T")


def tracked(items: Iterable[T], doing: str, total: int) -> Iterator[T]:
    """Yield `items` under a bar that says what is being done; it is gone when they are done.

    There is none where nobody sees it move: in a log.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden
    ) as progress:
        yield from progress.track(items, total=total, description=doing)
