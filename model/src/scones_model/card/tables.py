"""The card's tables as plain text, alike in the page and in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_model.card.facts import chosen, confusions, kinds, operating_points, spread
from scones_model.card.phrases import (
    PEOPLE,
    WRONG,
    among,
    count,
    counted,
    decimal,
    file_size,
    milliseconds,
    percent,
    reach,
    threshold,
)
from scones_model.evaluation.figures import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scones_model.evaluation.result import Evaluation, Measures, Mistake

__all__ = [
    "MOST_COLUMNS",
    "MOST_LEVEL",
    "Table",
    "about",
    "bins",
    "changes",
    "classes",
    "confusion",
    "data",
    "fate",
    "figures",
    "frequent_confusions",
    "mistakes",
    "others",
    "thresholds",
]

MOST_COLUMNS = 20
"""Classes up to which the whole confusion table can be read."""
MOST_LEVEL = 4
"""Classes up to which its columns' names have room to stand level."""
_MOST_CONFUSIONS = 20
_FIGURES = (
    "Nothing was chosen on the test pictures. NLL is the mean negative log-likelihood in nats, ECE "
    "the mean distance between confidence and the share of right answers over 10 bins: of both, "
    "less is better."
)
_THRESHOLDS = (
    "At every threshold: the share of test pictures answered with at least that confidence, and "
    "how many of those answers are right."
)
_BINS = "A confidence is honest if answers that are 90 % sure are right 9 times of 10."
_CLASSES = (
    "Recognised is the share of a class's pictures that are answered with it; right when answered "
    "the share of those answers that are true. Every picture counts, whatever the confidence."
)
_CONFUSION = "Rows: what the pictures show. Columns: what is answered, whatever the confidence."
_CONFUSIONS = "The classes that are taken for another most often."
_CHANGES = "The test pictures, changed one way at a time. The model's threshold stays as it is."
_OTHERS = "Pictures that show something else, by what it is: answered means over the threshold."
_MISTAKES = "Wrong answers on the test pictures, the most confident first."
_DATA = "Pictures that the model was made and measured with."


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head.

    Attributes:
        name: What it shows.
        note: How to read it.
        head: The columns' names.
        rows: Cells; the first of a row names it. All of it may be foreign text.
        words: Numbers of the columns, after the first, that hold words; figures go to the right.
        marked: The row to point out, if any.
    """

    name: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[int, ...] = ()
    marked: int | None = None


def figures(evaluation: Evaluation) -> Table:
    """Figures on the test pictures, and on those that the threshold was chosen on."""
    sets = {
        "test": evaluation.test,
        "test without near copies": evaluation.without_copies,
        "calibration": evaluation.calibration,
    }
    head = (
        "pictures",
        "number",
        "right",
        "95 % interval",
        "NLL",
        "ECE",
        "answered",
        "right of those",
    )
    rows = tuple((name, *_measured(one)) for name, one in sets.items() if one is not None)
    return Table("Figures", _FIGURES, head, rows)


def _measured(one: Measures) -> tuple[str, ...]:
    return (
        count(one.images),
        percent(one.accuracy),
        reach(one.accuracy_low, one.accuracy_high),
        decimal(one.nll),
        decimal(one.ece),
        percent(one.coverage),
        among(one.accepted_accuracy, one.coverage),
    )


def thresholds(evaluation: Evaluation, most: int) -> Table:
    """What about `most` thresholds would do, with the model's own marked."""
    points, point = operating_points(evaluation, most), chosen(evaluation)
    rows = tuple(
        (
            threshold(one.threshold),
            percent(one.coverage),
            among(one.accuracy, one.coverage),
            reach(one.accuracy_low, one.accuracy_high) if one.coverage else "-",
            count(one.errors),
            "" if one.neither_passed is None else percent(one.neither_passed),
        )
        for one in points
    )
    head = (
        "threshold",
        "answered",
        "right of those",
        "95 % interval",
        "wrong",
        "others answered",
    )
    kept = len(head) if point.neither_passed is not None else len(head) - 1
    cut = tuple(row[:kept] for row in rows)
    return Table(
        "What each threshold would do", _THRESHOLDS, head[:kept], cut, marked=points.index(point)
    )


def bins(evaluation: Evaluation) -> Table:
    """How often answers of a confidence are right."""
    rows = tuple(
        (
            f"{one.low:.2f} to {one.high:.2f}",
            count(one.images),
            decimal(one.confidence),
            percent(one.accuracy),
            reach(*spread(one)),
        )
        for one in evaluation.reliability
        if one.images
    )
    head = ("confidence", "pictures", "mean", "right", "95 % interval")
    return Table("Right answers by confidence", _BINS, head, rows)


def classes(evaluation: Evaluation) -> Table:
    """How often each class is recognised, and how often its name is right."""
    rows = tuple(
        (
            one.label,
            count(one.images),
            among(one.recognised, one.images),
            reach(*wilson(one.right, one.images)) if one.images else "-",
            percent(one.right / one.answers) if one.answers else "-",
        )
        for one in kinds(evaluation)
    )
    head = ("class", "pictures", "recognised", "95 % interval", "right when answered")
    return Table("Classes", _CLASSES, head, rows)


def confusion(evaluation: Evaluation) -> Table:
    """Counts of what is answered (columns) to what pictures show (rows)."""
    labels = tuple(evaluation.model.labels)
    rows = tuple(
        (label, *map(count, row)) for label, row in zip(labels, evaluation.confusion, strict=True)
    )
    return Table("Answers by class", _CONFUSION, ("shows", *labels), rows)


def frequent_confusions(evaluation: Evaluation) -> Table:
    """The classes that are taken for another most often."""
    found = confusions(evaluation)[:_MOST_CONFUSIONS]
    rows = tuple((truth, answer, count(pictures)) for truth, answer, pictures in found)
    return Table(
        "Most frequent confusions", _CONFUSIONS, ("shows", "answered", "pictures"), rows, words=(1,)
    )


def changes(evaluation: Evaluation) -> Table:
    """Figures on the test pictures as they are, and changed; no rows when none were."""
    unchanged, changed = evaluation.test, evaluation.robustness
    rows = [("unchanged", "", unchanged)] if changed else []
    rows += [(one.change, one.level, one.measures) for one in changed]
    note = _CHANGES
    if changed and changed[0].measures.images < unchanged.images:
        note += f" Changed were {count(changed[0].measures.images)} of them."
    head = ("change", "level", "right", "95 % interval", "answered", "right of those")
    cells = tuple((name, level, *_changed(one)) for name, level, one in rows)
    return Table("Changed pictures", note, head, cells, words=(1,), marked=0 if rows else None)


def _changed(one: Measures) -> tuple[str, ...]:
    right, interval, _, _, answered, accepted = _measured(one)[1:]
    return right, interval, answered, accepted


def others(evaluation: Evaluation, most: int) -> Table:
    """Pictures of none of the classes by their own, most answered first."""
    by_class = evaluation.neither.by_class if evaluation.neither else ()
    rows = tuple(
        (name, count(images), count(passed), percent(passed / images) if images else "-")
        for name, images, passed in by_class[:most]
    )
    return Table("Others answered", _OTHERS, ("shows", "pictures", "answered", "share"), rows)


def mistakes(evaluation: Evaluation) -> Table:
    """The most confident wrong answers."""
    rows = tuple(
        (one.path, one.truth, one.answer, decimal(one.confidence), fate(evaluation, one))
        for one in evaluation.mistakes
    )
    head = ("picture", "shows", "answer", "confidence", "outcome")
    return Table("Worst mistakes", _MISTAKES, head, rows, words=(1, 2, 4))


def fate(evaluation: Evaluation, mistake: Mistake) -> str:
    """Whether a wrong answer passes the model's threshold."""
    passes = mistake.confidence >= evaluation.model.threshold
    return WRONG if passes else PEOPLE


def data(evaluation: Evaluation) -> Table:
    """How many pictures there are of each kind."""
    rows = tuple((name, count(many)) for name, many in evaluation.data.items())
    return Table("Pictures", _DATA, ("pictures", "number"), rows)


def about(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    """Facts of the model file by name; its command, digest and labels are told apart from these."""
    model = evaluation.model
    width, height = model.input_size
    yield "file", f"{model.name}, {file_size(model.size_bytes)}"
    yield "input", f"{width} x {height} pixels, RGB"
    yield "temperature", f"{decimal(model.temperature)}, already in the file"
    yield "threshold", threshold(model.threshold)
    yield "seed", str(model.seed)
    threads = counted(evaluation.threads, "thread")
    yield "one picture takes", f"{milliseconds(evaluation.latency_ms)} with {threads} (median)"
