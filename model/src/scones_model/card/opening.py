"""The first screen: what to expect of the model, at which threshold, and whether to believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_model.card.bars import outcome_bar
from scones_model.card.facts import Outcomes, chance_error, chosen, outcomes, passed_share
from scones_model.card.markup import statements, text
from scones_model.card.phrases import (
    PEOPLE,
    RIGHT,
    WRONG,
    among,
    count,
    counted,
    milliseconds,
    percent,
    points,
    reach,
)
from scones_model.card.statements import headline, limits, uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scones_model.evaluation.result import Evaluation

__all__ = ["header", "use_section"]

_PAIR = 2
_MOST_TITLE = 60
"""Characters; a longer one counts the classes."""


def header(evaluation: Evaluation) -> str:
    """The first screen: what it does, what becomes of pictures, and whether to believe it."""
    return (
        f'<header><p class="about">Model card of <b>{text(evaluation.model.name)}</b></p>'
        f"<h1>{text(_title(evaluation))}</h1>"
        f'<p class="meaning">{text(headline(evaluation))}</p>'
        f"{''.join(_fates(evaluation))}</header>{_tiles(evaluation)}"
    )


def _title(evaluation: Evaluation) -> str:
    labels = evaluation.model.labels
    title = f"Tells {' from '.join(labels)}"
    fits = len(labels) == _PAIR and len(title) <= _MOST_TITLE
    return title if fits else f"Tells {count(len(labels))} classes apart"


def _fates(evaluation: Evaluation) -> Iterator[str]:
    own, share = outcomes(evaluation.test), passed_share(evaluation.neither)
    yield _fate(
        f"{counted(evaluation.test.images, 'picture')} of its classes",
        own,
        {"right": RIGHT, "people": PEOPLE, "wrong": WRONG},
    )
    if evaluation.neither is not None and share is not None:
        said = f"{counted(evaluation.neither.images, 'picture')} of anything else"
        yield _fate(said, Outcomes(0.0, share, 1 - share), {"people": PEOPLE, "wrong": WRONG})


def _fate(of: str, shares: Outcomes, said: dict[str, str]) -> str:
    values = "".join(
        f'<li class="{css}"><b>{percent(getattr(shares, css))}</b> {words}</li>'
        for css, words in said.items()
    )
    return f'<div class="fate"><p>Of {text(of)}</p>{outcome_bar(shares)}<ul>{values}</ul></div>'


def _tiles(evaluation: Evaluation) -> str:
    tiles = "".join(
        f"<div><dt>{name}</dt><dd><b>{value}</b> <small>{said}</small></dd></div>"
        for name, value, said in _figures(evaluation)
    )
    return f'<dl class="figures">{tiles}</dl>'


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Each key figure: its name, its value, what to know about it."""
    test, point = evaluation.test, chosen(evaluation)
    own = reach(test.accuracy_low, test.accuracy_high)
    yield "Right of all", percent(test.accuracy), f"95 % interval {own}"
    accepted = reach(point.accuracy_low, point.accuracy_high)
    yield (
        "Right when it answers",
        among(point.accuracy, point.coverage),
        f"95 % interval {accepted}",
    )
    chance = chance_error(evaluation.reliability)
    said = "" if chance is None else f"about {points(chance)} by chance alone"
    yield "Confidence is off by", points(test.ece), said
    yield (
        "One picture takes",
        milliseconds(evaluation.latency_ms),
        counted(evaluation.threads, "thread"),
    )


def use_section(evaluation: Evaluation) -> str:
    """What it is for, and not for, side by side."""
    return (
        f'<section class="sides"><div><h2>What it is for</h2>{statements(uses(evaluation))}</div>'
        f"<div><h2>What it is not for</h2>{statements(limits(evaluation))}</div></section>"
    )
