"""Whether a candidate is worse than the current model on the same pictures.

Some 200 test pictures cannot tell models apart that differ by a point of accuracy. To refuse only
what is significantly worse then passes most candidates that are 2 points worse; to demand proof
that a candidate is not worse at all refuses most that are as good. So a candidate that did worse on
these pictures is refused in either of two cases:

* it is worse for sure: models of equal worth would differ so with a chance under 5 %, divided by
  the three measures judged so (paired tests, one-sided). Those are accuracy, NLL and calibration
  error; at a threshold, coverage is traded for mistakes;
* it may be much worse: the 95 % bound of the difference is over a margin. Fewer pictures make a
  wider bound, so a candidate that did worse on a few pictures is not passed for want of proof.

One that did at least as well passes, however few they are. NLL notices most, as it weighs how sure
each answer was, where accuracy counts flips. `model/README.md` has the error rates by simulation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from scones_model.evaluation.losses import LOSSES, Answers, Loss
from scones_model.evaluation.paired import (
    bootstrap_bound,
    discordant,
    mcnemar,
    share_bound,
    swap_test,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scones_model.evaluation.paired import Rows

__all__ = [
    "Check",
    "Latencies",
    "Margins",
    "Minimums",
    "compare",
    "compare_latency",
    "compare_with_minimums",
    "latency_within_budget",
]

_CONFIDENCE = 0.95
_CHANCE = (1 - _CONFIDENCE) / sum(not loss.chosen for loss in LOSSES.values())
"""So that all tests together refuse a model of equal worth with a chance of 5 % (Bonferroni)."""
_ALIKE = 0.001
"""Shares or nats; a smaller difference is nobody's regression, however many pictures show it."""


@dataclass(frozen=True)
class Margins:
    """How much worse a candidate may possibly be: shares, and nats for `nll`."""

    accuracy: float = 0.05
    nll: float = 0.07
    ece: float = 0.05
    coverage: float = 0.1
    accepted_accuracy: float = 0.03
    neither_passed: float = 0.05


@dataclass(frozen=True)
class Minimums:
    """What a first model must reach, as there is none to compare it with; `ece` and the last: most.

    Far under what the shipped model reaches, so that other classes have room: a model that fails
    these is no use to anybody.
    """

    accuracy: float = 0.8
    ece: float = 0.1
    coverage: float = 0.5
    accepted_accuracy: float = 0.95
    neither_passed: float = 0.25


@dataclass(frozen=True)
class Latencies:
    """A candidate may be slower up to `ratio` times the current model, or up to `budget_ms`.

    The default budget is about what decoding and HTTP cost a call besides the model, twice.
    """

    ratio: float = 1.5
    budget_ms: float = 2.0


@dataclass(frozen=True)
class Check:
    """One measure of the candidate, against the current model's or against a minimum.

    `worse_by` is positive when the candidate did worse and `may_be` is its bound, both to be
    compared with `limit`; without them, the candidate's own value is. `reason` says why it is
    refused; it is empty when it is not.
    """

    measure: str
    candidate: float
    limit: float
    reason: str
    current: float | None = None
    worse_by: float | None = None
    may_be: float | None = None
    p_value: float | None = None


def compare(candidate: Answers, current: Answers, margins: Margins) -> Iterator[Check]:
    """Every check of answers to the same pictures, in the same order."""
    for measure, loss in LOSSES.items():
        rows = loss.rows(candidate), loss.rows(current)
        if len(rows[0]):
            yield _check(measure, loss, *rows, getattr(margins, measure))


def compare_with_minimums(candidate: Answers, minimums: Minimums) -> Iterator[Check]:
    """A check of each minimum that there are pictures for."""
    for measure, limit in asdict(minimums).items():
        loss = LOSSES[measure]
        rows = loss.rows(candidate)
        if len(rows):
            figure = loss.figure(rows)
            failed = figure < limit if loss.is_rest else figure > limit
            side = "under" if loss.is_rest else "over"
            reason = f"The candidate's {loss.name} is {figure:.3f}, {side} the {limit:g} required."
            yield Check(measure, figure, limit, reason if failed else "")


def compare_latency(candidate_ms: float, current_ms: float, allowed: Latencies) -> Check:
    """Refuse what takes over the budget and over `ratio` times as long."""
    limit = max(allowed.budget_ms, allowed.ratio * current_ms)
    times = candidate_ms / current_ms
    reason = (
        f"A picture takes {candidate_ms:.2f} ms, {times:.1f} times as long as now; {limit:.2f} ms "
        f"are allowed (the budget, or {allowed.ratio:g} times the current model's)."
    )
    return Check(
        measure="latency_ms",
        candidate=candidate_ms,
        limit=limit,
        reason=reason if candidate_ms > limit else "",
        current=current_ms,
    )


def latency_within_budget(candidate_ms: float, allowed: Latencies) -> Check:
    """Refuse what takes over the budget, where there is nothing to compare it with."""
    reason = f"A picture takes {candidate_ms:.2f} ms, over the {allowed.budget_ms:g} ms allowed."
    refused = candidate_ms > allowed.budget_ms
    return Check("latency_ms", candidate_ms, allowed.budget_ms, reason if refused else "")


def _check(measure: str, loss: Loss, candidate: Rows, current: Rows, margin: float) -> Check:
    figure, was = loss.figure(candidate), loss.figure(current)
    worse_by = was - figure if loss.is_rest else figure - was
    may_be, p_value = _tested(loss, candidate, current)
    why = _why(worse_by, may_be, margin, p_value) if worse_by > _ALIKE else ""
    reason = f"The candidate's {loss.name} {why}: {figure:.3f}, was {was:.3f}." if why else ""
    return Check(measure, figure, margin, reason, was, worse_by, may_be, p_value)


def _tested(loss: Loss, candidate: Rows, current: Rows) -> tuple[float, float | None]:
    """The bound of the losses' difference, and its p-value where certainty refuses."""
    if loss.of_rows is None:
        worse, better = discordant(candidate, current)
        bound = share_bound(worse, better, len(candidate), _CONFIDENCE)
        return bound, None if loss.chosen else mcnemar(worse, better)
    bound = bootstrap_bound(loss.of_rows, candidate, current, _CONFIDENCE)
    return bound, None if loss.chosen else swap_test(loss.of_rows, candidate, current)


def _why(worse_by: float, may_be: float, margin: float, p_value: float | None) -> str:
    if p_value is not None and p_value < _CHANCE:
        return f"is worse (models of equal worth differ so with a chance of {p_value:.3f})"
    if worse_by > margin:
        return f"is worse by {worse_by:.3f}, over the margin of {margin:g}"
    if may_be > margin:
        return (
            f"did worse and may be worse by {may_be:.3f}, over the margin of {margin:g}, "
            "which more pictures could disprove"
        )
    return ""
