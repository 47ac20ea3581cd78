"""What a Processing job is asked for: the one place that reads its environment.

| setting | meaning |
| --- | --- |
| `SCONES_CAPTURES` | folder or `s3://` that Data Capture writes to; else `dataset_source` |
| `SCONES_BASELINE` | our baseline file or its `s3://`; else the one of the Model Monitor schedule |
| `SCONES_LABELS` | ground truth, likewise; none |
| `SCONES_SUMMARIES` | summaries of the step `summarise`, to be merged instead of reading captures |
| `SCONES_HOURS` | how far to look back from `end_time` or now; else from `start_time`, else 168 |
| `SCONES_THRESHOLD` | the least confidence to accept; else the baseline's, else 0.9 |
| `SCONES_WANTED_ACCURACY` | of what passes the threshold that is looked for; 0.99 |
| `SCONES_METRIC_NAMESPACE` | CloudWatch namespace for metrics; none |

Model Monitor sets `dataset_source`, `output_path`, `start_time`, `end_time`,
`sagemaker_endpoint_name`, `sagemaker_monitoring_schedule_name`, `publish_cloudwatch_metrics`,
`baseline_statistics` and `baseline_constraints`. An empty setting is one that is not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scones_monitoring.assess import ReportSettings
from scones_monitoring.errors import InvalidUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Job"]

LOOK_BACK_HOURS = 168
"""A week: enough windows to see two in a row, and to draw a chart that says something."""
LONGEST_LOOK_BACK_HOURS = 8784
WANTED_ACCURACY = 0.99
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Job:
    """What the environment asks for.

    Attributes:
        settings: Of the report.
        endpoint: Its name, if the environment tells it.
        schedule: Of Model Monitor; None in a job that nobody or another scheduler started.
        root: `/opt/ml`, where SageMaker's files are.
        output: The folder that SageMaker uploads.
        namespace: Where to put CloudWatch metrics; None for nowhere.
        metric_lines: Whether Model Monitor is to publish metrics.
    """

    settings: ReportSettings
    endpoint: str | None
    schedule: str | None
    root: Path
    output: Path
    namespace: str | None
    metric_lines: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], root: Path, now: datetime) -> Job:
        """Read the job's settings; an empty one is one that is not there.

        Raises:
            InvalidUsage: A setting makes no sense.
        """
        given = {name: value for name, value in environment.items() if value}
        return cls(
            settings=_settings(given, root, now),
            endpoint=given.get("sagemaker_endpoint_name"),
            schedule=given.get("sagemaker_monitoring_schedule_name"),
            root=root,
            output=Path(given.get("output_path", root / "processing/output")),
            namespace=given.get("SCONES_METRIC_NAMESPACE"),
            metric_lines=given.get("publish_cloudwatch_metrics") == "Enabled",
        )


def _settings(given: Mapping[str, str], root: Path, now: datetime) -> ReportSettings:
    captures = _captures(given, root)
    first, last = _hours(given, now)
    return ReportSettings(
        captures=captures,
        baseline=_baseline(given),
        labels=given.get("SCONES_LABELS"),
        threshold=_share(given, "SCONES_THRESHOLD"),
        wanted_accuracy=_share(given, "SCONES_WANTED_ACCURACY") or WANTED_ACCURACY,
        first=first,
        last=last,
        # In SageMaker's copy of the captures nothing lasts, and it may be a share of them.
        cache=captures.startswith("s3://"),
        summaries=given.get("SCONES_SUMMARIES"),
    )


def _captures(given: Mapping[str, str], root: Path) -> str:
    """The endpoint's own folder in the place where Data Capture writes."""
    mounted = given.get("dataset_source", str(root / "processing/input/captures"))
    place = given.get("SCONES_CAPTURES", mounted).rstrip("/")
    endpoint = given.get("sagemaker_endpoint_name")
    if endpoint and (place.startswith("s3://") or (Path(place) / endpoint).is_dir()):
        return f"{place}/{endpoint}"
    return place


def _baseline(given: Mapping[str, str]) -> str | None:
    """Ours if it is set, else a file that a Model Monitor schedule names as its baseline."""
    if "SCONES_BASELINE" in given:
        return given["SCONES_BASELINE"]
    for name in ("baseline_statistics", "baseline_constraints"):
        place = Path(given[name]) if name in given else None
        if place and place.is_file():
            return str(place)
        if place and (files := sorted(place.glob("*.json"))):
            return str(files[0])
    return None


def _hours(given: Mapping[str, str], now: datetime) -> tuple[str, str | None]:
    """First hour and the one after the last; open where no schedule says when to end."""
    start, end = _time(given, "start_time"), _time(given, "end_time")
    until = end or now
    after = until.replace(minute=0, second=0, microsecond=0)
    after += HOUR if after < until else timedelta()
    if "SCONES_HOURS" in given or start is None:
        start = after - _look_back(given) * HOUR
    return _hour(start), _hour(after) if end else None


def _look_back(given: Mapping[str, str]) -> int:
    text = given.get("SCONES_HOURS", str(LOOK_BACK_HOURS))
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= LONGEST_LOOK_BACK_HOURS:
        raise InvalidUsage(
            f"SCONES_HOURS is {text[:20]!r}: it must be from 1 to {LONGEST_LOOK_BACK_HOURS} hours"
        )
    return int(text)


def _time(given: Mapping[str, str], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        time = datetime.fromisoformat(given[name])
    except ValueError:
        raise InvalidUsage(f"{name} is {given[name]!r}, which is no ISO 8601 time") from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _hour(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H}"


def _share(given: Mapping[str, str], name: str) -> float | None:
    if name not in given:
        return None
    text = given[name]
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise InvalidUsage(f"{name} is {text!r}: it must be a number above 0, at most 1")
    return share
