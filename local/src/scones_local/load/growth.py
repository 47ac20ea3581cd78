"""Whether a program's memory grows with the work it does.

The rule: a program grows if the straight line through the second half of its samples rises by more
than 2 MB for 1,000 uploads, which is 2 KB an upload: less than one picture of 32 x 32 pixels, or
one event that nobody forgets. The first half is for what fills up and then stays: caches, the last
executions, the last traces.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["STEADY_MB", "Growth", "measure_growth"]

STEADY_MB = 2.0
"""What a program may gain for 1,000 uploads: allocators that find no room in what is free."""
LEAST_SAMPLES = 20


@dataclass(frozen=True)
class Growth:
    """How one program's resident memory went.

    Attributes:
        first_mb: Median of the first tenth of the samples.
        middle_mb: Median of the tenth in the middle.
        last_mb: Median of the last tenth.
        slope_mb: Gain for 1,000 uploads, by the line through the second half.
        grows: Whether that is more than the rule allows; None where the run was too short to say.
    """

    first_mb: float
    middle_mb: float
    last_mb: float
    slope_mb: float
    grows: bool | None


def measure_growth(samples: Sequence[tuple[int, float]], full_after: int = 0) -> Growth:
    """Judge `(uploads, MB)` samples, oldest first.

    Args:
        samples: Uploads so far, and memory then.
        full_after: Uploads that fill what is bounded; a second half that begins earlier is not
            judged.

    Raises:
        ValueError: They are too few to say anything.
    """
    if len(samples) < LEAST_SAMPLES:
        raise ValueError(f"{len(samples)} samples say nothing; {LEAST_SAMPLES} are the least.")
    tenth = len(samples) // 10
    middle = (len(samples) - tenth) // 2
    memory = [mb for _, mb in samples]
    parts = (memory[:tenth], memory[middle : middle + tenth], memory[-tenth:])
    first, central, last = (round(statistics.median(part), 1) for part in parts)
    half = samples[len(samples) // 2 :]
    slope = _slope(half)
    grows = slope > STEADY_MB if half[0][0] >= full_after else None
    return Growth(first, central, last, round(slope, 2), grows)


def _slope(samples: Sequence[tuple[int, float]]) -> float:
    """MB for 1,000 uploads, by least squares; 0 where nothing was uploaded."""
    uploads = [uploaded for uploaded, _ in samples]
    if len(set(uploads)) == 1:
        return 0.0
    return 1000 * statistics.linear_regression(uploads, [mb for _, mb in samples]).slope
