"""The report as GitHub-flavoured Markdown, for a pull request, a ticket or a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scones_monitoring.page.selection import (
    chosen_thresholds,
    chosen_windows,
    frequent_confusions,
    is_unusual,
)
from scones_monitoring.phrases import (
    class_mix,
    count,
    counted,
    decimal,
    distance,
    interval,
    measured_accuracy,
    percent,
    printable,
    reach,
    span,
    threshold,
    wanted_threshold,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from scones_monitoring.report import Report, VariantReport

__all__ = ["render_markdown"]

SPECIAL = re.compile(
    r"[\\`*_\[\]#|~$@<>&]"
    r"|^[-+=]|^\d+[.)](?=\s|$)"  # lists and rules
    r"|(?<=[ps]):(?=//)|(?<=www)\.",  # what GitHub makes a link by itself
    re.IGNORECASE,
)
"""What Markdown could take for more than a character."""
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
MOST_CLASSES = 6
MOST_WINDOWS = 30


def render_markdown(report: Report) -> str:
    """The report as Markdown.

    Args:
        report: What to show; all its texts may be foreign.

    Returns:
        The text; all of it can be encoded as UTF-8.
    """
    blocks = (
        f"# {report.verdict}: confidence drift of {_safe(report.endpoint)}",
        _safe(report.reason),
        _list((*_key_figures(report), *(f"Note: {_safe(note)}" for note in report.notes))),
        _variants(report),
        _unusual_windows(report),
        _accuracy(report),
        _thresholds(report),
        _quality(report),
    )
    return "\n\n".join(block for block in blocks if block) + "\n"


def _safe(text: object) -> str:
    """Foreign text as it is, wherever it stands: nothing in it is Markdown or HTML."""
    return SPECIAL.sub(_escaped, printable(text).strip())


def _escaped(found: re.Match[str]) -> str:
    return ENTITIES.get(found[0], f"{found[0][:-1]}\\{found[0][-1]}")


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[int] = (0,)) -> str:
    """A table; columns that are not `words` hold figures."""
    rule = ["---" if column in words else "---:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def _key_figures(report: Report) -> Iterator[str]:
    period, baseline, estimate = report.period, report.baseline, report.estimated_accuracy
    if period is not None:
        yield f"Period: {_safe(span(period.first, period.last))} UTC"
    yield f"Captures: {_safe(report.captures)}"
    malformed = f" ({counted(report.records.malformed, 'malformed line')})"
    yield f"Predictions: {count(report.records.read)}{malformed}"
    if baseline is not None:
        size = f"{counted(baseline.records, 'prediction')} in {counted(baseline.windows, 'window')}"
        yield f"Baseline: {_safe(baseline.made_from)}, {size}"
    if estimate is not None:
        said = f"an estimate without labels, assuming: {_safe(estimate.assumption)}"
        yield f"Estimated accuracy: {percent(estimate.value)} ({said})"
    if report.accuracy is not None:
        measured = report.accuracy.accuracy
        yield f"Measured accuracy: {percent(measured.value)} (95 % interval {interval(measured)})"


def _variants(report: Report) -> str:
    if not report.variants:
        return ""
    head = (
        "variant",
        "verdict",
        "predictions",
        f"below {threshold(report.threshold)} (95 %)",
        "mean confidence",
        "estimated accuracy",
        "predicted",
        "why",
    )
    return f"## Variants\n\n{_table(head, map(_variant, report.variants), (0, 1, 6, 7))}"


def _variant(one: VariantReport) -> tuple[str, ...]:
    return (
        _safe(one.variant),
        one.verdict,
        count(one.records),
        f"{percent(one.below_threshold.value)} ({interval(one.below_threshold)})",
        decimal(one.mean_confidence),
        percent(one.estimated_accuracy.value),
        _safe(class_mix(one, MOST_CLASSES)),
        _safe(one.reason),
    )


def _unusual_windows(report: Report) -> str:
    """The windows that raised a warning or an alarm, the newest first."""
    head = (
        "window, UTC",
        "variant",
        "verdict",
        "predictions",
        "below threshold (95 %)",
        "mean confidence",
        "PSI (limit)",
        "KS D (limit)",
        "why",
    )
    rows = [row for variant in report.variants for row in _windows(variant)]
    return f"## Unusual windows\n\n{_table(head, rows, (0, 1, 2, 8))}" if rows else ""


def _windows(variant: VariantReport) -> Iterator[tuple[str, ...]]:
    unusual = [window for window in variant.windows if is_unusual(window)]
    for window in chosen_windows(unusual, MOST_WINDOWS):
        yield (
            _safe(span(window.first, window.last)),
            _safe(variant.variant),
            window.verdict,
            count(window.records),
            f"{percent(window.below_threshold.value)} ({interval(window.below_threshold)})",
            decimal(window.mean_confidence),
            distance(window.psi),
            distance(window.ks),
            _safe(window.reason),
        )


def _accuracy(report: Report) -> str:
    found = report.accuracy
    if found is None:
        return ""
    bins = _table(
        ("confidence", "right", "95 % interval", "predictions"),
        (
            (
                decimal(one.confidence),
                percent(one.accuracy.value),
                interval(one.accuracy),
                count(one.records),
            )
            for one in found.reliability
        ),
        (),
    )
    wrong = [
        (_safe(true), _safe(predicted), count(number))
        for true, predicted, number in frequent_confusions(found, report.labels)
    ]
    confusions = _table(("true", "predicted", "predictions"), wrong, (0, 1)) if wrong else ""
    return "\n\n".join(
        filter(None, ("## Accuracy by labels", measured_accuracy(found), bins, confusions))
    )


def _thresholds(report: Report) -> str:
    if not report.thresholds:
        return ""
    rows = (
        (
            threshold(one.threshold),
            count(one.passed),
            percent(one.coverage),
            "" if one.accuracy is None else percent(one.accuracy),
            "" if one.low is None or one.high is None else reach(one.low, one.high),
        )
        for one in chosen_thresholds(report)
    )
    head = ("threshold", "pass", "coverage", "accuracy", "95 % interval")
    title = f"## What a threshold lets pass\n\nIn use: {threshold(report.threshold)}."
    return f"{title} {wanted_threshold(report)}\n\n{_table(head, rows, ())}"


def _quality(report: Report) -> str:
    read, malformed = report.records.read, report.records.malformed
    if not malformed:
        return f"## Data quality\n\nMalformed: none of {counted(read, 'line')}."
    reasons = sorted(report.malformed_reasons.items(), key=lambda item: -item[1])
    by_reason = _table(("reason", "lines"), [(_safe(name), count(many)) for name, many in reasons])
    lines = _table(
        ("file", "byte", "reason"),
        [(_safe(one.file), count(one.offset), _safe(one.reason)) for one in report.malformed],
        (0, 2),
    )
    said = f"Malformed: {count(malformed)} of {counted(read + malformed, 'line')}."
    return f"## Data quality\n\n{said}\n\n{by_reason}\n\n{lines}"
