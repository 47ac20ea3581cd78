"""How often the detector is wrong, by trying: healthy windows, and windows with a planted drift.

A model of which the truth is known: its margin (log odds of the true class) is normal, with mean
and spread of the shipped model on real pictures (91 % right, 65 % at .90 or surer). Healthy hours
differ as real ones do: by their mix of classes and by how sure the model is.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, kolmogorov

from scones_monitoring.capture.summary import summarise
from scones_monitoring.drift.detector import Detector
from scones_monitoring.drift.distances import psi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from scones_monitoring.capture.summary import Summary

__all__ = ["DRIFTS", "Outcome", "Simulation", "simulate"]

MARGIN_MEAN, MARGIN_SPREAD = 3.0, 2.2
MIX_SPREAD, TEMPERATURE_SPREAD = 0.02, 0.04
"""Standard deviations between healthy hours: two points of the mix, four percent of the margin."""
THRESHOLD = 0.9
LABELS = ("bicycle", "motorcycle")
SIGNIFICANT, LARGE_PSI = 0.05, 0.1
"""The limits of the detectors to compare with."""
SOON = 7


@dataclass(frozen=True)
class Drift:
    """A planted change, and what is usual where it happens.

    Attributes:
        scale: Of the margin.
        mix: Points of the mix.
        degraded: Share of degraded images.
        rhythm: How far the day takes the mix (in points) and the margin (relatively) up and down,
            in the baseline as well.
    """

    scale: float = 1.0
    mix: float = 0.0
    degraded: float = 0.0
    rhythm: float = 0.0

    @property
    def before(self) -> Drift:
        """What is usual."""
        return Drift(rhythm=self.rhythm)


DRIFTS: Mapping[str, Drift] = {
    "healthy": Drift(),
    "healthy, day and night": Drift(rhythm=0.04),
    "confidence x0.85": Drift(scale=0.85),
    "mix +8 points": Drift(mix=0.08),
    "8 % degraded images": Drift(degraded=0.08),
}


@dataclass(frozen=True)
class Simulation:
    """What is tried.

    Attributes:
        sizes: Predictions of a window.
        runs: How often, each with a new baseline.
        baseline: Windows of the baseline.
        windows: Windows that are judged after it.
        seed: Of the random numbers.
    """

    sizes: tuple[int, ...] = (100, 500, 2000)
    runs: int = 60
    baseline: int = 24
    windows: int = 24
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of the windows of one size under one drift.

    Attributes:
        size: Predictions of a window.
        drift: Its name in `DRIFTS`; of "healthy", every alarm is false.
        alarms: Share of the windows in alarm.
        soon: Share of the runs with an alarm within `SOON` windows of the change.
        delay: Windows from the change to the first alarm, as a median; None if most have none.
        ks: Share of the windows of which a Kolmogorov-Smirnov test is significant.
        psi: Share of the windows with a large PSI.
    """

    size: int
    drift: str
    alarms: float
    soon: float
    delay: float | None
    ks: float
    psi: float


@dataclass(frozen=True)
class _Window:
    """A simulated window: each prediction's confidence, and the summary that a detector sees."""

    confidences: NDArray[np.float64]
    summary: Summary


@dataclass(frozen=True)
class _Run:
    """Which windows of a run were in alarm, by detector."""

    ours: list[bool]
    ks: list[bool]
    psi: list[bool]


def simulate(
    simulation: Simulation, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> list[Outcome]:
    """Try every size with every drift; `progress` is told how many runs are done, of how many."""
    random = np.random.default_rng(simulation.seed)
    total = len(simulation.sizes) * simulation.runs
    outcomes = []
    for number, size in enumerate(simulation.sizes):
        runs: dict[str, list[_Run]] = {name: [] for name in DRIFTS}
        for done in range(simulation.runs):
            for name, drift in DRIFTS.items():
                baseline = _windows(random, size, drift.before, simulation.baseline)
                windows = _windows(random, size, drift, simulation.windows)
                runs[name].append(_judge(baseline, windows))
            progress(number * simulation.runs + done + 1, total)
        outcomes += [_outcome(size, name, of_drift) for name, of_drift in runs.items()]
    return outcomes


def _windows(random: Generator, size: int, drift: Drift, count: int) -> list[_Window]:
    """Draw consecutive hours, from the same hour of the day on."""
    return [
        _window(random, size, drift, drift.rhythm * math.sin(math.tau * hour / 24))
        for hour in range(count)
    ]


def _window(random: Generator, size: int, drift: Drift, rhythm: float) -> _Window:
    """Draw the predictions of one hour, which differs a little from others."""
    mix = 0.5 + drift.mix + rhythm + random.normal(0, MIX_SPREAD)
    scale = drift.scale * np.exp(rhythm + random.normal(0, TEMPERATURE_SPREAD))
    truth = random.random(size) < mix
    margins = random.normal(MARGIN_MEAN, MARGIN_SPREAD, size) * scale
    degraded = random.random(size) < drift.degraded
    margins = np.where(degraded, random.normal(0.5, 0.7, size), margins)
    second = expit(np.where(truth, margins, -margins))
    confidences = np.maximum(second, 1 - second)
    predicted = (second > 1 / 2).astype(np.intp)
    summary = summarise(
        "simulated", "2026-01-01T00", confidences, predicted, len(LABELS), THRESHOLD
    )
    return _Window(confidences, summary)


def _judge(baseline: Sequence[_Window], windows: Sequence[_Window]) -> _Run:
    summaries = [window.summary for window in baseline]
    detector = Detector(summaries, LABELS)
    whole = sum(summaries[1:], summaries[0])
    reference = np.sort(np.concatenate([window.confidences for window in baseline]))
    return _Run(
        [judged.alarm for judged in detector.judge([window.summary for window in windows])],
        [_ks_p(window.confidences, reference) < SIGNIFICANT for window in windows],
        [psi(window.summary, whole) >= LARGE_PSI for window in windows],
    )


def _ks_p(sample: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Probability of so large a Kolmogorov-Smirnov distance by chance alone, for large samples."""
    ordered = np.sort(sample)
    places = np.searchsorted(reference, ordered) / len(reference)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    distance = max(np.abs(steps[1:] - places).max(), np.abs(places - steps[:-1]).max())
    size = len(ordered) * len(reference) / (len(ordered) + len(reference))
    return float(kolmogorov(np.sqrt(size) * distance))


def _outcome(size: int, drift: str, runs: Sequence[_Run]) -> Outcome:
    delays = [run.ours.index(True) + 1 if any(run.ours) else np.inf for run in runs]
    delay = float(statistics.median(delays))
    return Outcome(
        size,
        drift,
        _share([alarm for run in runs for alarm in run.ours]),
        _share([delay <= SOON for delay in delays]),
        delay if np.isfinite(delay) else None,
        _share([alarm for run in runs for alarm in run.ks]),
        _share([alarm for run in runs for alarm in run.psi]),
    )


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)
