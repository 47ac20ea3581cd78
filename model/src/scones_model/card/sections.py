"""The sections of the page that the first screen rests on.

A section whose figures were not measured is an empty text.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scones_model.card import tables
from scones_model.card.bars import outcome_bar
from scones_model.card.charts import accuracy_chart, coverage_chart, reliability_chart
from scones_model.card.facts import (
    Outcomes,
    chosen,
    clearly_more_wrong,
    clearly_worse,
    outcomes,
)
from scones_model.card.markup import (
    details,
    figure,
    grid,
    legend,
    section,
    table,
    text,
)
from scones_model.card.phrases import (
    PEOPLE,
    RIGHT,
    WRONG,
    among,
    count,
    counted,
    decimal,
    percent,
    reach,
    threshold,
)
from scones_model.card.pictures import shown_pictures

if TYPE_CHECKING:
    from scones_model.evaluation.result import Evaluation, Measures, Mistake

__all__ = [
    "change_section",
    "class_section",
    "confidence_section",
    "data_section",
    "figure_section",
    "making_section",
    "mistake_section",
    "other_section",
    "threshold_section",
]

_MOST_THRESHOLDS = 50
_FIRST_OTHERS = 12
_MOST_OTHERS = 120


def figure_section(evaluation: Evaluation) -> str:
    """The table of figures."""
    figures = tables.figures(evaluation)
    return section("Figures", figures.note, table(figures))


def threshold_section(evaluation: Evaluation) -> str:
    """What every threshold would do, with the model's own marked."""
    content, point = tables.thresholds(evaluation, _MOST_THRESHOLDS), chosen(evaluation)
    at = f"at the model's threshold of {threshold(point.threshold)}"
    answered = f"{percent(point.coverage)} {at}"
    keys = {"course": "pictures of its classes", "threshold": "the model's threshold"}
    if point.neither_passed is not None:
        keys["others"] = "pictures of anything else"
        answered = f"{percent(point.coverage)}, and {percent(point.neither_passed)} of others, {at}"
    accuracy = {"band": "95 % interval", "threshold": "the model's threshold"}
    charts = (
        figure(
            "Right of what is answered",
            f"{among(point.accuracy, point.coverage)} {at}",
            accuracy_chart(evaluation) + legend(**accuracy),
        ),
        figure("Answered", answered, coverage_chart(evaluation) + legend(**keys)),
    )
    body = f'<div class="charts">{"".join(charts)}</div>'
    return section("Thresholds", content.note, body + details("As a table", table(content)))


def confidence_section(evaluation: Evaluation) -> str:
    """The reliability diagram."""
    content = tables.bins(evaluation)
    if not content.rows:
        return ""
    keys = {"ideal": "honest", "reach": "95 % interval", "count": "pictures"}
    drawing = reliability_chart(evaluation) + legend(**keys)
    temperature = decimal(evaluation.model.temperature)
    body = figure("Right answers by confidence", f"at temperature {temperature}", drawing)
    aside = table(content)
    return section("Confidence", content.note, f'<div class="charts">{body}{aside}</div>')


def class_section(evaluation: Evaluation) -> str:
    """What is answered to pictures of each class."""
    each, classes = tables.classes(evaluation), len(evaluation.model.labels)
    if classes > tables.MOST_COLUMNS:
        content = tables.frequent_confusions(evaluation)
        confused = table(content) if content.rows else ""
        body = confused + details(f"All {count(classes)} classes", table(each))
    else:
        content = tables.confusion(evaluation)
        css = "matrix tall" if classes > tables.MOST_LEVEL else "matrix"
        matrix = f'<div class="{css}">{grid(content, _heat(evaluation))}</div>'
        body = f'<div class="pair"><div>{matrix}</div><div>{table(each)}</div></div>'
    return section("Classes", f"{content.note} {each.note}", body)


def _heat(evaluation: Evaluation) -> list[list[str]]:
    """Cells of the confusion table, deeper in colour the larger their share of the row."""
    return [
        [text(label), *(_cell(many, sum(row), right=at == own) for at, many in enumerate(row))]
        for own, (label, row) in enumerate(
            zip(evaluation.model.labels, evaluation.confusion, strict=True)
        )
    ]


def _cell(many: int, of: int, *, right: bool) -> str:
    level = round(10 * many / of) if of else 0
    depth = max(level, 1) if many else 0
    return f'<i class="{"hit" if right else "miss"} h{depth}">{count(many)}</i>'


def change_section(evaluation: Evaluation) -> str:
    """What changes of the pictures do, against the unchanged."""
    if not evaluation.robustness:
        return ""
    content = tables.changes(evaluation)
    measures = [evaluation.test, *(one.measures for one in evaluation.robustness)]
    before = ["", *(row[0] for row in content.rows)]
    rows = [
        [_change(name, level, again=name == last), *_change_cells(one, evaluation.test)]
        for (name, level, *_), one, last in zip(content.rows, measures, before, strict=False)
    ]
    head = ("change", "", WRONG, "right of answered", "right of all", "95 % interval")
    key = legend(right=RIGHT, people=PEOPLE, wrong=WRONG, was="right when unchanged")
    body = f'<div class="changes">{grid(replace(content, head=head, words=(1,)), rows)}</div>'
    note = f"{content.note} Bold figures are worse by more than chance: the intervals do not meet."
    return section("Changed pictures", note, key + body)


def _change(name: str, level: str, *, again: bool) -> str:
    """A row's name; what stands above it already is there, but not seen."""
    return f"<b{' class=again' if again else ''}>{text(name)}</b> {text(level)}"


def _change_cells(one: Measures, unchanged: Measures) -> list[str]:
    shares = outcomes(one)
    return [
        outcome_bar(shares, outcomes(unchanged).right),
        _figure(shares.wrong, worse=clearly_more_wrong(one, unchanged)),
        among(one.accepted_accuracy, one.coverage),
        _figure(one.accuracy, worse=clearly_worse(one, unchanged)),
        reach(one.accuracy_low, one.accuracy_high),
    ]


def _figure(share: float, *, worse: bool) -> str:
    return f'<b class="worse">{percent(share)}</b>' if worse else percent(share)


def other_section(evaluation: Evaluation) -> str:
    """Which pictures of none of the classes are answered all the same."""
    neither = evaluation.neither
    if neither is None or not neither.by_class:
        return ""
    content = tables.others(evaluation, _MOST_OTHERS)
    rows = [
        [text(name), outcome_bar(_passing(of, passed)), f"{count(passed)} of {count(of)}", share]
        for (name, of, passed), (*_, share) in zip(neither.by_class, content.rows, strict=False)
    ]
    barred = replace(content, head=("shows", "", "answered", "share"), words=(1,))
    body = f'<div class="changes">{grid(barred, rows[:_FIRST_OTHERS])}</div>'
    if rows[_FIRST_OTHERS:]:
        more = counted(len(rows) - _FIRST_OTHERS, "more kind")
        folded = f'<div class="changes">{grid(barred, rows[_FIRST_OTHERS:])}</div>'
        body += details(more, folded)
    never = sum(not passed for _, _, passed in neither.by_class)
    note = (
        f"{content.note} Kinds that never pass: {count(never)} of {count(len(neither.by_class))}."
    )
    return section("Pictures of none of the classes", note, body)


def _passing(images: int, passed: int) -> Outcomes:
    share = passed / images if images else 0.0
    return Outcomes(0.0, share, 1 - share)


def mistake_section(evaluation: Evaluation) -> str:
    """The most confident wrong answers, as pictures."""
    pictures = "".join(
        _picture(one, address, tables.fate(evaluation, one))
        for one, address in shown_pictures(evaluation.mistakes)
    )
    note = tables.mistakes(evaluation).note
    gallery = f'<ul class="gallery">{pictures}</ul>'
    return section("Worst mistakes", note, gallery) if pictures else ""


def _picture(one: Mistake, address: str, fate: str) -> str:
    alternative = f"{one.truth}, answered {one.answer}: {one.path}"
    css = "wrong" if fate == WRONG else "people"
    return (
        f'<li><img src="{text(address)}" alt="{text(alternative)}">'
        f"<b>{text(one.truth)}</b><span>answer {text(one.answer)}, {decimal(one.confidence)}</span>"
        f'<span class="{css}">{fate}</span><code>{text(one.path)}</code></li>'
    )


def data_section(evaluation: Evaluation) -> str:
    """How many pictures there are of what."""
    content = tables.data(evaluation)
    return section("Data", content.note, table(content)) if content.rows else ""


def making_section(evaluation: Evaluation) -> str:
    """How the model was made, and which file it is."""
    model = evaluation.model
    facts = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(fact)}</dd></div>"
        for name, fact in tables.about(evaluation)
    )
    return section(
        "How it was made",
        "The file that was measured, and the command that made it.",
        f"<pre><code>{text(model.command)}</code></pre>"
        f'<dl class="facts">{facts}<div><dt>sha256</dt><dd><code>{text(model.sha256)}</code></dd>'
        "</div></dl>",
    )
