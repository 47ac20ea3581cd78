"""Tell what happens: news as lines, waiting as one line that changes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

__all__ = ["telling"]


@contextmanager
def telling(console: Console, first: str) -> Iterator[Callable[[str], None]]:
    """Give a function that prints a line, or shows it until the next if it ends with `...`."""
    with console.status(first) as status:

        def tell(line: str) -> None:
            status.update(line)
            if not line.endswith("..."):
                console.print(line, highlight=False, soft_wrap=True)

        yield tell
