"""An evaluation as tables for a terminal, plain where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from scones_model.evaluation.figures import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from scones_model.evaluation.result import Evaluation, Measures, Neither

__all__ = ["print_tables"]

_MOST = 10
"""Rows of a list that is as long as there are classes."""
_SHOWN = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Thresholds, besides the model's own."""


def print_tables(evaluation: Evaluation, console: Console) -> None:
    """All figures, the most important first."""
    model = evaluation.model
    width, height = model.input_size
    console.print(
        f"{model.name}: {', '.join(model.labels)}\n"
        f"{model.size_bytes / 1000:,.0f} KB, {width} x {height} pixels, one picture in "
        f"{evaluation.latency_ms:.2f} ms (threads: {evaluation.threads})"
    )
    for title, table in _tables(evaluation):
        console.print(f"\n{title}", style="bold")
        console.print(table)


def _tables(evaluation: Evaluation) -> Iterator[tuple[str, Table]]:
    yield "Figures", _figures(evaluation)
    yield "Thresholds", _thresholds(evaluation)
    if evaluation.mistakes:
        yield "Taken for another", _mistaken(evaluation)
    if evaluation.neither is not None:
        yield _of_no_class(evaluation.neither), _neither(evaluation.neither)
    yield "Changed pictures", _robustness(evaluation)
    yield "Reliability", _reliability(evaluation)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


# --- figures -------------------------------------------------------------------------------------


def _figures(evaluation: Evaluation) -> Table:
    parts = {
        "test": evaluation.test,
        "without copies": evaluation.without_copies,
        "calibration": evaluation.calibration,
    }
    present = {name: measures for name, measures in parts.items() if measures is not None}
    columns = [_column(measures) for measures in present.values()]
    threshold = f"{evaluation.model.threshold:.3f}"
    names = ("pictures", "accuracy (95 %)", "NLL", "ECE, 10 bins", f"answered at {threshold}",
             "right then (95 %)")  # fmt: skip
    table = _table("", *present)
    for name, *cells in zip(names, *columns, strict=True):
        table.add_row(name, *cells)
    return table


def _column(measures: Measures) -> Sequence[str]:
    accepted = round(measures.coverage * measures.images)
    right = round(measures.accepted_accuracy * accepted)
    return (
        f"{measures.images:,}",
        _bounded(measures.accuracy, measures.accuracy_low, measures.accuracy_high),
        f"{measures.nll:.3f}",
        f"{measures.ece:.3f}",
        f"{measures.coverage:.1%}",
        _bounded(measures.accepted_accuracy, *wilson(right, accepted)) if accepted else "-",
    )


def _bounded(share: float, low: float, high: float) -> str:
    return f"{share:.3f} ({low:.3f}-{high:.3f})"


# --- what stands behind them ---------------------------------------------------------------------


def _thresholds(evaluation: Evaluation) -> Table:
    own = evaluation.model.threshold
    table = _table("from", "answered", "right then (95 %)", "wrong", "neither")
    for one in evaluation.operations:
        if one.threshold in (*_SHOWN, own):
            bounded = _bounded(one.accuracy, one.accuracy_low, one.accuracy_high)
            table.add_row(
                f"{one.threshold:.3f}{' chosen' if one.threshold == own else ''}",
                f"{one.coverage:.1%}",
                bounded if one.coverage else "-",
                str(one.errors),
                "-" if one.neither_passed is None else f"{one.neither_passed:.1%}",
            )
    return table


def _mistaken(evaluation: Evaluation) -> Table:
    labels = evaluation.model.labels
    pairs = [
        (count, truth, answer)
        for truth, row in zip(labels, evaluation.confusion, strict=True)
        for answer, count in zip(labels, row, strict=True)
        if count and truth != answer
    ]
    table = _table("shown", "answered", "pictures")
    for count, truth, answer in sorted(pairs, reverse=True)[:_MOST]:
        table.add_row(truth, answer, str(count))
    return table


def _of_no_class(neither: Neither) -> str:
    return (
        f"Answered though of no class: {neither.passed:,} of {neither.images:,}, "
        f"{neither.passed / neither.images:.1%}"
    )


def _neither(neither: Neither) -> Table:
    table = _table("most often", "answered", "of")
    for name, images, passed in neither.by_class[:_MOST]:
        table.add_row(name, str(passed), str(images))
    return table


def _robustness(evaluation: Evaluation) -> Table:
    table = _table("change", "", "accuracy (95 %)", "NLL", "answered", "right then")
    table.columns[1].justify = "left"
    for one in evaluation.robustness:
        found = one.measures
        table.add_row(
            one.change,
            one.level,
            _bounded(found.accuracy, found.accuracy_low, found.accuracy_high),
            f"{found.nll:.3f}",
            f"{found.coverage:.1%}",
            f"{found.accepted_accuracy:.3f}" if found.coverage else "-",
        )
    return table


def _reliability(evaluation: Evaluation) -> Table:
    table = _table("confidence", "pictures", "mean", "right")
    for one in evaluation.reliability:
        table.add_row(
            f"{one.low:.1f} to {one.high:.1f}",
            str(one.images),
            f"{one.confidence:.3f}",
            f"{one.accuracy:.3f}",
        )
    return table
