"""What the page shows of accuracy: by labels, and by threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_monitoring.page.charts import accuracy_curve, coverage_curve, reliability_curve
from scones_monitoring.page.markup import figure, legend, section, table, text
from scones_monitoring.page.selection import chosen_thresholds, frequent_confusions
from scones_monitoring.phrases import (
    count,
    measured_accuracy,
    percent,
    reach,
    threshold,
    wanted_threshold,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.report import LabelledAccuracy, Report, ThresholdFigures

__all__ = ["accuracy_section", "threshold_section"]

MOST_CLASSES = 10
"""In a confusion table; of more classes only the most frequent confusions are listed."""


def accuracy_section(report: Report) -> str:
    """Accuracy by ground truth; empty without."""
    found = report.accuracy
    if found is None:
        return ""
    body = f'<div class="charts">{_reliability(found)}{_confusion(found, report.labels)}</div>'
    return section("Accuracy by labels", body, text(measured_accuracy(found)))


def _reliability(found: LabelledAccuracy) -> str:
    if not found.reliability:
        return ""
    keys = legend(dot="share right", reach="95 % interval", before="calibrated")
    drawing = reliability_curve("reliability", found.reliability)
    return figure("Right, by confidence", drawing + keys)


def _confusion(found: LabelledAccuracy, labels: Sequence[str]) -> str:
    if len(found.confusion) > MOST_CLASSES:
        title, drawn = "Most frequent confusions", _confusions(found, labels)
    else:
        title, drawn = "True class, and what was predicted", _confusion_table(found, labels)
    return f'<figure class="beside"><figcaption><b>{title}</b></figcaption>{drawn}</figure>'


def _confusion_table(found: LabelledAccuracy, labels: Sequence[str]) -> str:
    rows = [
        (text(label), *(_cell(number, right=column == row) for column, number in enumerate(counts)))
        for row, (label, counts) in enumerate(zip(labels, found.confusion, strict=False))
    ]
    return table("Confusion", ("true", *labels), rows)


def _cell(number: int, *, right: bool) -> str:
    return f"<b>{count(number)}</b>" if right else count(number)


def _confusions(found: LabelledAccuracy, labels: Sequence[str]) -> str:
    rows = [
        (text(label), text(predicted), count(number))
        for label, predicted, number in frequent_confusions(found, labels)
    ]
    return table("Confusions", ("true", "predicted", "predictions"), rows, {1})


def threshold_section(report: Report) -> str:
    """What passes at each threshold, and how much of it is right."""
    figures = report.thresholds
    if not figures:
        return ""
    curves = figure(
        "Coverage: share that passes", coverage_curve("coverage", figures, report.threshold)
    )
    right = accuracy_curve("passing", figures, report.threshold, report.wanted_accuracy)
    curves += figure("Accuracy of what passes", right)
    keys = {"threshold": f"threshold in use, {threshold(report.threshold)}"}
    if right:
        keys |= {"band": "95 % interval", "center": f"wanted, {percent(report.wanted_accuracy)}"}
    body = f'{legend(**keys)}<div class="charts">{curves}</div>{_thresholds(report)}'
    return section("What a threshold lets pass", body, text(wanted_threshold(report)))


def _thresholds(report: Report) -> str:
    known = any(one.accuracy is not None for one in report.thresholds)
    head = ("threshold", "pass", "coverage", *(("accuracy", "95 % interval") if known else ()))
    rows = [
        (
            f"{threshold(one.threshold)}{_role(one, report)}",
            count(one.passed),
            percent(one.coverage),
            *(_right(one) if known else ()),
        )
        for one in chosen_thresholds(report)
    ]
    return table("Coverage and accuracy by threshold", head, rows)


def _right(one: ThresholdFigures) -> tuple[str, str]:
    if one.accuracy is None or one.low is None or one.high is None:
        return "", ""
    return percent(one.accuracy), reach(one.low, one.high)


def _role(one: ThresholdFigures, report: Report) -> str:
    wanted = report.threshold_for_wanted
    roles = []
    if one.threshold == report.threshold:
        roles.append("in use")
    if wanted is not None and one.threshold == wanted.threshold:
        roles.append("as wanted")
    return f"<small>{', '.join(roles)}</small>" if roles else ""
