"""Charts over confidences: the histogram, the reliability curve, and what a threshold lets pass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from scones_monitoring.page.drawing import (
    BOTTOM,
    WIDTH,
    Label,
    Scale,
    curve,
    frame,
    marks,
    rules,
    steps,
    value_rules,
)
from scones_monitoring.phrases import bin_accuracy, percent, reach
from scones_monitoring.phrases import threshold as threshold_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.report import Histogram, ReliabilityBin, ThresholdFigures

__all__ = ["accuracy_curve", "confidence_histogram", "coverage_curve", "reliability_curve"]

LEAST_EXTENT = 0.02
ROOT_TICKS = (0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
MOST_TOLD = 12
Item = TypeVar("Item")


def confidence_histogram(ident: str, histogram: Histogram, threshold: float) -> str:
    """Shares by confidence: the present as an area, the baseline as a line over it.

    Heights follow the square root of the shares, so that a tail of a few percent can be seen beside
    a peak of ninety. The threshold is an upright line.
    """
    first = _first_bin(histogram)
    edges, current = histogram.edges[first:], histogram.current[first:]
    baseline = histogram.baseline[first:] if histogram.baseline else ()
    scale = Scale(0.0, max(*current, *baseline, 0.01), math.sqrt)
    across = Scale(edges[0], edges[-1])
    xs = [across.x(edge) for edge in edges]
    area = steps(xs, [scale.y(share) for share in current])
    plot = f'<path class="area" d="{area}V{BOTTOM}H0z"/>{_upright(across, threshold)}'
    if baseline:
        plot += f'<path class="before" d="{steps(xs, [scale.y(share) for share in baseline])}"/>'
    ticks = [(scale.y(tick), percent(tick)) for tick in ROOT_TICKS if tick <= scale.high]
    return frame(ident, "Confidence", _tenths(histogram), (rules(ticks), plot), _labels(across))


def _first_bin(histogram: Histogram) -> int:
    """The bin to begin with: two classes have nothing below 0.5."""
    pairs = zip(histogram.current, histogram.baseline or histogram.current, strict=True)
    first = next((number for number, shares in enumerate(pairs) if any(shares)), 0)
    tenth = math.floor(10 * histogram.edges[first] + 1e-9) / 10
    return next(number for number, edge in enumerate(histogram.edges) if edge >= tenth - 1e-9)


def _tenths(histogram: Histogram) -> str:
    now = _by_tenth(histogram.edges, histogram.current)
    before = _by_tenth(histogram.edges, histogram.baseline or ())
    parts = [
        f"{tenth / 10:.1f} to {tenth / 10 + 0.1:.1f}: {percent(now.get(tenth, 0.0))}"
        + (f" (baseline {percent(before.get(tenth, 0.0))})" if before else "")
        for tenth in sorted({**now, **before})
    ]
    return f"Share of predictions by confidence. {'; '.join(parts) or 'There are none'}."


def _by_tenth(edges: Sequence[float], shares: Sequence[float]) -> dict[int, float]:
    found: dict[int, float] = {}
    for low, high, share in zip(edges, edges[1:], shares, strict=False):
        if share:
            tenth = min(9, math.floor(5 * (low + high)))
            found[tenth] = found.get(tenth, 0.0) + share
    return found


def reliability_curve(ident: str, bins: Sequence[ReliabilityBin]) -> str:
    """How often predictions of a confidence were right, with intervals; at best the diagonal."""
    least = min(min(one.low, one.accuracy.low) for one in bins)
    scale = Scale(math.floor(10 * least) / 10, 1.0)
    points = [(scale.x(one.confidence), scale.y(one.accuracy.value)) for one in bins]
    bars = "".join(
        f"M{scale.x(one.confidence)} {scale.y(one.accuracy.low)}V{scale.y(one.accuracy.high)}"
        for one in bins
    )
    plot = (
        f'<path class="before" d="M0 {BOTTOM}L{WIDTH} 0"/><path class="reach" d="{bars}"/>'
        f'<path class="course" d="{curve(points)}"/>{marks("dot", points)}'
    )
    told = "; ".join(map(bin_accuracy, bins)) + "."
    drawn = (value_rules(scale, shares=True), plot)
    return frame(ident, "Reliability", told, drawn, _labels(scale))


def coverage_curve(ident: str, figures: Sequence[ThresholdFigures], threshold: float) -> str:
    """Which share passes at each threshold; the threshold in use is an upright line."""
    across = _thresholds(figures)
    scale = Scale.around([one.coverage for one in figures], LEAST_EXTENT, 1.0)
    points = [(across.x(one.threshold), scale.y(one.coverage)) for one in figures]
    plot = f'{_upright(across, threshold)}<path class="course" d="{curve(points)}"/>'
    told = "; ".join(
        f"{threshold_words(one.threshold)}: {percent(one.coverage)}" for one in _some(figures)
    )
    drawn = (value_rules(scale, shares=True), plot)
    return frame(ident, "Coverage", f"At threshold {told}.", drawn, _labels(across))


def accuracy_curve(
    ident: str, figures: Sequence[ThresholdFigures], threshold: float, wanted: float
) -> str:
    """Accuracy of what passes at each threshold, with its interval; empty if none is known.

    The threshold in use is an upright line, the wanted accuracy a horizontal one.
    """
    known = [
        (one.threshold, one.accuracy, one.low or 0.0, one.high or 1.0)
        for one in figures
        if one.accuracy is not None
    ]
    if not known:
        return ""
    across = _thresholds(figures)
    scale = Scale.around([wanted, 1.0, *(low for _, _, low, _ in known)], LEAST_EXTENT, 1.0)
    at = [across.x(one[0]) for one in known]
    value, low, high = (
        [(x, scale.y(one[part])) for x, one in zip(at, known, strict=True)] for part in (1, 2, 3)
    )
    plot = (
        f'<path class="band" d="{curve(high)}L{curve(low[::-1])[1:]}z"/>'
        f'{_upright(across, threshold)}<path class="center" d="M0 {scale.y(wanted)}h{WIDTH}"/>'
        f'<path class="course" d="{curve(value)}"/>'
    )
    told = "; ".join(
        f"{threshold_words(passes)}: {percent(accuracy)} ({reach(least, most)})"
        for passes, accuracy, least, most in _some(known)
    )
    description = f"At threshold {told}. Wanted: {percent(wanted)}."
    drawn = (value_rules(scale, shares=True), plot)
    return frame(ident, "Accuracy of what passes", description, drawn, _labels(across))


def _thresholds(figures: Sequence[ThresholdFigures]) -> Scale:
    first, last = figures[0].threshold, figures[-1].threshold
    return Scale(first, max(last, first + LEAST_EXTENT))


def _upright(across: Scale, value: float) -> str:
    if not across.low <= value <= across.high:
        return ""
    return f'<path class="threshold" d="M{across.x(value)} 0V{BOTTOM}"/>'


def _labels(across: Scale) -> list[Label]:
    return [
        Label(across.x(value) / WIDTH * 100, f"{value:.{digits}f}")
        for value, digits in across.ticks()
    ]


def _some(items: Sequence[Item]) -> Sequence[Item]:
    """About a dozen of them, from the first to the last."""
    return [*items[: -1 : math.ceil(len(items) / MOST_TOLD)], items[-1]]
