"""The report as one page: the verdict in words first, then what it rests on.

The page is a single file without scripts or anything fetched; a person opens it from a bucket or a
mail, on a phone as on a wide screen.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from scones_monitoring.page.accuracy_sections import accuracy_section, threshold_section
from scones_monitoring.page.charts import confidence_histogram
from scones_monitoring.page.embedding import embedded_json
from scones_monitoring.page.markup import (
    css_class,
    figure,
    legend,
    section,
    table,
    text,
    verdict_chip,
)
from scones_monitoring.page.record_sections import gallery_section, quality_section
from scones_monitoring.page.variant_sections import variant_section
from scones_monitoring.phrases import (
    class_mix,
    count,
    counted,
    decimal,
    interval,
    percent,
    span,
    threshold,
)
from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scones_monitoring.report import Report, VariantReport

__all__ = ["render_page"]

MEANINGS = {
    Verdict.OK: "The predictions look like the baseline's.",
    Verdict.WARNING: "Something is unusual. Keep an eye on it.",
    Verdict.ALARM: "The predictions have drifted. Check the model before trusting it.",
    Verdict.NOT_ENOUGH_DATA: "Too few predictions to judge.",
    Verdict.NOT_COMPARED: "There is no baseline to judge by.",
}
SIGNS = {
    Verdict.OK: '<circle cx="16" cy="16" r="15"/><path d="m9 17 5 5 9-11"/>',
    Verdict.WARNING: '<path class="shape" d="M16 2 31 29H1z"/><path d="M16 12v8m0 4v1"/>',
    Verdict.ALARM: '<path class="shape" d="M10 1h12l9 9v12l-9 9H10l-9-9V10z"/>'
    '<path d="M16 8v10m0 5v1"/>',
    Verdict.NOT_ENOUGH_DATA: '<circle cx="16" cy="16" r="15"/><path d="M9 16h1m5.5 0h1m5.500h1"/>',
    Verdict.NOT_COMPARED: '<circle cx="16" cy="16" r="15"/><path d="M9 16h14"/>',
}
"""A shape of its own for each verdict, so that it is not told by colour alone."""
MOST_CLASSES = 6
BEFORE_PERCENT = re.compile(r"(?<=\d) (?=%)")
HOW = (
    "Each window of hours is compared with the baseline: the share below the threshold, the mean "
    "confidence, and the share of each class. The limits allow for the number of predictions, and "
    "for how much the baseline itself varies from window to window. Two consecutive windows "
    "outside the limits, or a small shift that lasts (CUSUM), are an alarm; a single window far "
    "outside is a warning. The verdict is that of the latest window."
)


def render_page(report: Report) -> str:
    """Draw the report as a self-contained HTML page.

    Args:
        report: What to show; all its texts may be foreign.

    Returns:
        The page; all of it can be encoded as UTF-8.
    """
    variants = report.variants
    body = "".join(
        (
            _header(report),
            _key_figures(report),
            _notes(report),
            _variants(report),
            *(variant_section(at, one, len(variants)) for at, one in enumerate(variants)),
            _histogram(report),
            accuracy_section(report),
            threshold_section(report),
            gallery_section(report),
            quality_section(report),
            _footer(report),
        )
    )
    title = text(f"{report.verdict}: confidence drift of {report.endpoint}")
    body = BEFORE_PERCENT.sub("\N{NO-BREAK SPACE}", body)
    return PAGE.format(title=title, style=STYLE, body=body, json=embedded_json(report))


def _header(report: Report) -> str:
    sign = f'<svg class="sign" viewBox="0 0 32 32" aria-hidden="true">{SIGNS[report.verdict]}</svg>'
    return (
        f'<header class="{css_class(report.verdict)}">'
        f'<p class="about">Confidence drift of <b>{text(report.endpoint)}</b></p>'
        f"<h1>{sign}{text(report.verdict)}</h1>"
        f'<p class="meaning">{MEANINGS[report.verdict]}</p>'
        f"<p>{text(report.reason)}</p>{_facts(report)}</header>"
    )


def _facts(report: Report) -> str:
    period, baseline = report.period, report.baseline
    facts = {
        "period": f"{text(span(period.first, period.last))} UTC" if period else "no predictions",
        "captures": f"<code>{text(report.captures)}</code>",
        "baseline": "none",
        "made": text(report.made_at),
    }
    if baseline is not None:
        accuracy = baseline.accuracy
        facts["baseline"] = (
            f"{text(baseline.made_from)}: {counted(baseline.records, 'prediction')} in "
            f"{counted(baseline.windows, 'window')}"
            + ("" if accuracy is None else f", {percent(accuracy)} right")
        )
    items = "".join(f"<div><dt>{name}</dt><dd>{fact}</dd></div>" for name, fact in facts.items())
    return f'<dl class="facts">{items}</dl>'


def _key_figures(report: Report) -> str:
    tiles = "".join(
        f"<div><dt>{name}</dt><dd><b>{value}</b> <small>{said}</small></dd></div>"
        for name, value, said in _figures(report)
    )
    return f'<dl class="figures">{tiles}</dl>'


def _figures(report: Report) -> Iterator[tuple[str, str, str]]:
    """Each key figure as HTML: its name, its value, and what to know about it."""
    malformed = report.records.malformed
    lines = counted(malformed, "malformed line") if malformed else "no malformed line"
    yield "Predictions", count(report.records.read), lines
    if report.variants:
        yield _below_threshold(report)
        mean = _mean(report.variants, [one.mean_confidence for one in report.variants])
        yield "Mean confidence", decimal(mean), "of the predicted class"
    estimate, accuracy = report.estimated_accuracy, report.accuracy
    if estimate is not None:
        said = f"An estimate without labels. It assumes: {text(estimate.assumption)}"
        yield "Estimated accuracy", percent(estimate.value), said
    if accuracy is not None:
        said = (
            f"95 % interval {interval(accuracy.accuracy)}, by {counted(accuracy.labelled, 'label')}"
        )
        yield "Measured accuracy", percent(accuracy.accuracy.value), said


def _below_threshold(report: Report) -> tuple[str, str, str]:
    """With its interval where there is one variant; the table has those of several."""
    variants = report.variants
    share = _mean(variants, [one.below_threshold.value for one in variants])
    one = f"95 % interval {interval(variants[0].below_threshold)}"
    said = one if len(variants) == 1 else "all variants"
    return f"Below threshold {threshold(report.threshold)}", percent(share), said


def _mean(variants: tuple[VariantReport, ...], values: list[float]) -> float:
    """Over all predictions."""
    records = sum(one.records for one in variants)
    pairs = zip(variants, values, strict=True)
    return sum(one.records * value for one, value in pairs) / records if records else 0.0


def _notes(report: Report) -> str:
    notes = "".join(f"<li>{text(note)}</li>" for note in report.notes)
    return f'<ul class="notes">{notes}</ul>' if notes else ""


def _variants(report: Report) -> str:
    """One row for each variant, with its most frequent classes."""
    if not report.variants:
        return ""
    head = (
        "variant",
        "verdict",
        "predictions",
        "below threshold (95 %)",
        "mean confidence",
        "est. accuracy",
        "predicted",
    )
    rows = [_variant_row(one) for one in report.variants]
    return section("Variants", table("Variants", head, rows, {1, 6}))


def _variant_row(one: VariantReport) -> tuple[str, ...]:
    return (
        text(one.variant),
        verdict_chip(one.verdict),
        count(one.records),
        f"{percent(one.below_threshold.value)} ({interval(one.below_threshold)})",
        decimal(one.mean_confidence),
        percent(one.estimated_accuracy.value),
        text(class_mix(one, MOST_CLASSES)),
    )


def _histogram(report: Report) -> str:
    if not report.records.read:
        return ""
    keys = {"area": "these captures", "threshold": f"threshold {threshold(report.threshold)}"}
    if report.histogram.baseline:
        keys["before"] = "baseline"
    drawing = confidence_histogram("histogram", report.histogram, report.threshold)
    note = (
        "Share of predictions by confidence, all variants together. Heights follow the square "
        "root, so that the doubtful few can be seen."
    )
    return section("Confidence", legend(**keys) + figure("Share of predictions", drawing), note)


def _footer(report: Report) -> str:
    how = f"<h2>How it is judged</h2><p>{HOW}</p>" if report.baseline else ""
    return f"<footer>{how}<p>The figures are in this page as JSON, too.</p></footer>"


STYLE = files(__package__).joinpath("report.css").read_text()
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<script type="application/json" id="report">{json}</script>
</body>
</html>
"""
