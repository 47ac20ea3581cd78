"""The card as GitHub-flavoured Markdown: for a terminal, a pull request, a console."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scones_model.card import tables
from scones_model.card.phrases import printable
from scones_model.card.statements import headline, limits, uses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scones_model.card.statements import Statement
    from scones_model.card.tables import Table
    from scones_model.evaluation.result import Evaluation

__all__ = ["render_markdown"]

_SPECIAL = re.compile(
    r"[\\`*_\[\]#|~$@<>&]"
    r"|^[-+=]|^\d+[.)](?=\s|$)"  # lists and rules
    r"|(?<=[ps]):(?=//)|(?<=www)\.",  # what GitHub makes a link by itself
    re.IGNORECASE,
)
"""What Markdown could take for more than a character."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MOST_THRESHOLDS = 20
_MOST_OTHERS = 20


def render_markdown(evaluation: Evaluation) -> str:
    """The card as Markdown.

    Args:
        evaluation: What to tell of; all its texts may be foreign.

    Returns:
        The text, which ends with a newline.
    """
    blocks = (block for part in _parts(evaluation) for block in part if block)
    return "\n\n".join(blocks) + "\n"


def _parts(evaluation: Evaluation) -> Iterator[Iterable[str]]:
    model = evaluation.model
    yield f"# Model card: {_safe(model.name)}", _safe(headline(evaluation))
    yield "## What it is for", _statements(uses(evaluation))
    yield "## What it is not for", _statements(limits(evaluation))
    yield _section("Figures", tables.figures(evaluation))
    yield _section("Thresholds", tables.thresholds(evaluation, _MOST_THRESHOLDS))
    yield _section("Confidence", tables.bins(evaluation))
    yield _section("Classes", tables.classes(evaluation))
    if len(model.labels) <= tables.MOST_COLUMNS:
        yield _section("Confusion", tables.confusion(evaluation))
    else:
        yield _section("Confusion", tables.frequent_confusions(evaluation))
    yield _section("Changed pictures", tables.changes(evaluation))
    yield _section("Pictures of none of the classes", tables.others(evaluation, _MOST_OTHERS))
    yield _section("Worst mistakes", tables.mistakes(evaluation))
    yield _section("Data", tables.data(evaluation))
    yield "## How it was made", _about(evaluation)


def _safe(text: object) -> str:
    """Foreign text as it is, wherever it stands: nothing in it is Markdown or HTML."""
    return _SPECIAL.sub(_escaped, printable(text).strip())


def _escaped(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0], f"{found[0][:-1]}\\{found[0][-1]}")


def _statements(statements: Iterable[Statement]) -> str:
    return "\n".join(f"- **{topic}**: {_safe(sentence)}" for topic, sentence in statements)


def _section(title: str, table: Table) -> Iterable[str]:
    """Nothing for a table without rows."""
    return (f"## {title}", table.note, _table(table)) if table.rows else ()


def _table(table: Table) -> str:
    rule = ["---" if column in {0, *table.words} else "---:" for column in range(len(table.head))]
    rows = [[_safe(cell) for cell in row] for row in table.rows]
    if table.marked is not None:
        rows[table.marked] = [cell and f"**{cell}**" for cell in rows[table.marked]]
    lines = ([_safe(cell) for cell in table.head], rule, *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _about(evaluation: Evaluation) -> str:
    model = evaluation.model
    facts = [
        *tables.about(evaluation),
        ("sha256", model.sha256),
        ("classes", ", ".join(model.labels)),
    ]
    listed = "\n".join(f"- {name}: {_safe(fact)}" for name, fact in facts)
    return f"{listed}\n\n{_fenced(model.command)}"


def _fenced(command: str) -> str:
    """A command as a block: the fence is longer than any row of backticks in it."""
    longest = max(map(len, re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{printable(command)}\n{fence}"
