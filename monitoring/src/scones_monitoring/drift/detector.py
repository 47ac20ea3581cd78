"""Whether windows stray from the baseline for good: two in a row, or a little for long.

One window outside its limits happens; the limits are tight enough that it happens to one healthy
window in ten, over all charts and variants together. Two in a row, on the same side of the same
chart, is an alarm. So is a cumulative sum (CUSUM, Page 1954) that has gathered many small
deviations. `simulate.py` shows how often a healthy model is called to account by mistake.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_monitoring.drift.control import fit_line, measures, sidak
from scones_monitoring.drift.windows import TOO_FEW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scones_monitoring.capture.summary import Summary
    from scones_monitoring.drift.control import ControlLine, Measure

__all__ = ["ChartReading", "Detector", "Judgement"]

ALARM_CHANCE = 0.10
"""That any chart of any variant shows a healthy window outside; two in a row are far rarer."""
WARNING_CHANCE = 0.0027
"""Three sigma: a single window so far out is worth a look."""
CUSUM_SLACK, CUSUM_CLIP, CUSUM_LIMIT = 0.5, 4.0, 9.0
"""In standard deviations; for three charts, and `cusum_limit` for more."""
CUSUM_CAP = 1.0
"""How far past its limit a sum may go: two windows back at the center end the alarm."""
CHARTS = 3


@dataclass(frozen=True)
class ChartReading:
    """One chart's view of one window.

    Attributes:
        value: The measure's value.
        low: Lower limit; None where the window is too small to judge.
        high: Upper limit.
        outside: Past either.
        far: Past three sigma.
        twice: Past the same one as the judged window before.
        cusum: The greater of the two cumulative sums.
        gathered: It is past its limit.
    """

    value: float
    low: float | None = None
    high: float | None = None
    outside: bool = False
    far: bool = False
    twice: bool = False
    cusum: float = 0.0
    gathered: bool = False


@dataclass(frozen=True)
class Judgement:
    """One window by all charts, in the order of `Detector.measures`."""

    readings: tuple[ChartReading, ...]

    @property
    def alarm(self) -> bool:
        """Some chart calls for somebody."""
        return any(reading.twice or reading.gathered for reading in self.readings)

    @property
    def warning(self) -> bool:
        """Some chart is worth a look."""
        return any(reading.far for reading in self.readings)


class Detector:
    """Judges windows against healthy ones."""

    def __init__(
        self,
        baseline: Sequence[Summary],
        labels: Sequence[str],
        variants: int = 1,
        *,
        mix: bool = True,
    ) -> None:
        """Learn from the windows of a healthy model.

        Args:
            baseline: At least one window.
            labels: The classes.
            variants: How many variants are judged beside one another.
            mix: Whether the baseline's mix of classes is what traffic should have.
        """
        self.measures = measures(labels, mix=mix)
        self.lines = [fit_line(measure, baseline) for measure in self.measures]
        tests = len(self.measures) * variants
        self._chance = sidak(ALARM_CHANCE, tests)
        self._far_chance = sidak(WARNING_CHANCE, tests)
        self.cusum_limit = CUSUM_LIMIT + max(0.0, math.log(tests / CHARTS))

    def judge(self, windows: Sequence[Summary]) -> list[Judgement]:
        """Judge the windows of one variant, in the order of time."""
        charts = [
            self._follow(measure, line, windows)
            for measure, line in zip(self.measures, self.lines, strict=True)
        ]
        return [Judgement(readings) for readings in zip(*charts, strict=True)]

    def _follow(
        self, measure: Measure, line: ControlLine, windows: Sequence[Summary]
    ) -> list[ChartReading]:
        readings = []
        side, above, below = 0, 0.0, 0.0
        for window in windows:
            value = measure.value(window)
            if window.records < TOO_FEW:
                readings.append(ChartReading(value))
                continue
            reach = line.reach(window.records, self._chance)
            away = value - line.center
            before, side = side, _side(away, reach)
            above, below = (self._gather(s, sign, line, value, window) for s, sign in
                            ((above, 1), (below, -1)))  # fmt: skip
            cusum = max(above, below)
            readings.append(
                ChartReading(
                    value,
                    max(0.0, line.center - reach),  # all three are shares or probabilities
                    min(1.0, line.center + reach),
                    outside=side != 0,
                    far=abs(away) > line.reach(window.records, self._far_chance),
                    twice=side != 0 and side == before,
                    cusum=cusum,
                    gathered=cusum > self.cusum_limit,
                )
            )
        return readings

    def _gather(
        self, gathered: float, sign: int, line: ControlLine, value: float, window: Summary
    ) -> float:
        """Add a window to a cumulative sum of deviations to one side."""
        z = sign * line.z(value, window.records)
        step = min(max(z, -CUSUM_CLIP), CUSUM_CLIP) - CUSUM_SLACK
        return min(max(0.0, gathered + step), self.cusum_limit + CUSUM_CAP)


def _side(away: float, reach: float) -> int:
    return 0 if abs(away) <= reach else (1 if away > 0 else -1)
