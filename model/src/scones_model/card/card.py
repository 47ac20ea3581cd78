"""Write the model card of an evaluation: a page for a browser, Markdown for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_model.card.markdown import render_markdown
from scones_model.card.page import render_page

if TYPE_CHECKING:
    from pathlib import Path

    from scones_model.evaluation.result import Evaluation

__all__ = ["write_card"]


def write_card(evaluation: Evaluation, folder: Path) -> None:
    """Write `card.md` and `card.html`.

    Args:
        evaluation: What to tell of; all its texts may be foreign.
        folder: Where to write; made when it does not exist.

    Raises:
        OSError: When a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.md").write_text(render_markdown(evaluation), encoding="utf-8", newline="\n")
    (folder / "card.html").write_text(render_page(evaluation), encoding="utf-8", newline="\n")
