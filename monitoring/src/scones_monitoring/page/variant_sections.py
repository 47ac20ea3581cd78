"""What the page shows of one variant: its control charts, its distances, and its windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_monitoring.page.controlcharts import control_chart, distance_chart
from scones_monitoring.page.markup import figure, legend, section, table, text, verdict_chip
from scones_monitoring.page.selection import chosen_charts, chosen_windows
from scones_monitoring.phrases import count, decimal, distance, interval, percent, span
from scones_monitoring.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.report import Chart, Distance, VariantReport, Window

__all__ = ["variant_section"]

LEAST_ROWS = 10
MOST_ROWS = 36
"""Of windows in the tables of all variants together."""
COLUMNS = (
    "window, UTC",
    "verdict",
    "predictions",
    "below threshold (95 %)",
    "mean confidence",
    "est. accuracy",
    "PSI (limit)",
    "KS D (limit)",
    "CUSUM",
    "why",
)


def variant_section(number: int, variant: VariantReport, variants: int) -> str:
    """One variant's section.

    Args:
        number: Of the variant, for the drawings' ids.
        variant: The variant.
        variants: How many there are: the more, the fewer windows each lists.
    """
    title = f"Variant {variant.variant}" if variants > 1 else "Over time"
    verdict = f"{verdict_chip(variant.verdict)} {text(variant.reason)}" if variants > 1 else ""
    if not variant.windows:
        return section(title, '<p class="note">There is no window yet.</p>', verdict)
    charts, left_out = _charts(f"v{number}", variant)
    body = (
        _legend(variant)
        + f'<div class="charts">{charts}</div>{left_out}'
        + _distances(f"v{number}", variant)
        + _windows(variant, max(LEAST_ROWS, MOST_ROWS // variants))
    )
    return section(title, body, verdict)


def _legend(variant: VariantReport) -> str:
    points = [point for chart in variant.charts for point in chart.points]
    keys = {"course": "a window"}
    if any(point.low is not None for point in points):
        keys |= {"band": "limits", "center": "baseline mean", "outside": "outside its limits"}
    if any(point.low is None for point in points):
        keys["hollow"] = "not judged"
    return legend(**keys)


def _charts(ident: str, variant: VariantReport) -> tuple[str, str]:
    """The control charts, and a note on the classes that have none here."""
    charts = chosen_charts(variant)
    drawn = "".join(
        _control_figure(f"{ident}-{number}", chart, variant.windows)
        for number, chart in enumerate(charts.shown)
        if chart.points
    )
    if not charts.left_out:
        return drawn, ""
    words = (
        f"Classes that are not drawn: {count(charts.left_out)}, of which "
        f"{count(charts.left_out_unusual)} left their limits."
    )
    return drawn, f'<p class="note">{words}</p>'


def _control_figure(ident: str, chart: Chart, windows: Sequence[Window]) -> str:
    words = decimal if chart.key == "confidence" else percent
    last = chart.points[-1]
    value = f"latest {words(last.value)}"
    if last.low is not None and last.high is not None:
        value += f", limits {words(last.low)} to {words(last.high)}"
    css = "chart troubled" if last.outside else "chart"
    return figure(chart.name, control_chart(ident, chart, windows), value, css)


def _distances(ident: str, variant: VariantReport) -> str:
    windows = variant.windows
    named: tuple[tuple[str, list[Distance | None]], ...] = (
        ("Population stability index (PSI)", [window.psi for window in windows]),
        ("Kolmogorov-Smirnov distance (KS D)", [window.ks for window in windows]),
    )
    drawn = "".join(
        _distance_figure(f"{ident}-d{number}", name, distances, windows)
        for number, (name, distances) in enumerate(named)
    )
    if not drawn:
        return ""
    note = "How far the confidences lie from the baseline's. Shown; never an alarm alone."
    return f'<h3>Distances</h3><p class="note">{note}</p><div class="charts">{drawn}</div>'


def _distance_figure(
    ident: str, name: str, distances: list[Distance | None], windows: Sequence[Window]
) -> str:
    latest = next((one for one in reversed(distances) if one), None)
    if latest is None:
        return ""
    limit = "" if latest.limit is None else f", limit {decimal(latest.limit)}"
    value = f"latest {decimal(latest.value)}{limit}"
    return figure(name, distance_chart(ident, name, distances, windows), value)


def _windows(variant: VariantReport, most: int) -> str:
    """The windows, newest first; of many the newest, and the newest of those that are not OK."""
    windows = variant.windows
    shown = chosen_windows(windows, most)
    title = "The only window" if len(windows) == 1 else f"All {count(len(windows))} windows"
    if len(shown) < len(windows):
        title = f"{count(len(shown))} of {count(len(windows))} windows: unusual and latest ones"
    rows = [_row(window) for window in shown]
    body = table(f"Windows of {variant.variant}", COLUMNS, rows, {1, len(COLUMNS) - 1})
    return f"<details><summary>{title}</summary>{body}</details>"


def _row(window: Window) -> tuple[str, ...]:
    usual = window.verdict is Verdict.OK
    return (
        text(span(window.first, window.last)),
        text(window.verdict) if usual else verdict_chip(window.verdict),
        count(window.records),
        f"{percent(window.below_threshold.value)} ({interval(window.below_threshold)})",
        decimal(window.mean_confidence),
        percent(window.estimated_accuracy),
        distance(window.psi),
        distance(window.ks),
        "" if window.cusum is None else f"{window.cusum:.1f}",
        "" if usual else text(window.reason),
    )
