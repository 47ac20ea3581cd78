"""What images cost, and what a month without any costs, line by line.

Money is a plain float: its error is far below the four places shown, the assumptions' far above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_operations.cost.assumptions import HOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scones_operations.cost.assumptions import Assumptions
    from scones_operations.cost.prices import Price, Prices
    from scones_operations.cost.system import System

__all__ = ["Line", "image_lines", "month_lines", "total"]

_DAYS = HOURS / 24
_KB_PER_GB = 1e6
_WRITES_PER_UPLOAD = 2  # claimed, settled
_REQUESTS_PER_MESSAGE = 3  # sent, received, deleted
_SAMPLED_PER_S, _SAMPLED_SHARE = 1, 0.05
"""X-Ray's default: https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html."""


@dataclass(frozen=True)
class Line:
    """One line of a bill.

    Attributes:
        service: Of AWS.
        what: It is for.
        quantity: In the unit of the price.
        price: Of that.
    """

    service: str
    what: str
    quantity: float
    price: Price

    @property
    def usd(self) -> float:
        """What it comes to, in US dollars."""
        return self.quantity * self.price.usd / self.price.per


def total(lines: Iterable[Line]) -> float:
    """The sum, in US dollars."""
    return sum(line.usd for line in lines)


def image_lines(images: int, system: System, given: Assumptions, prices: Prices) -> list[Line]:
    """What `images` images cost that come in one month, evenly; the month itself is not in it."""
    return [
        *_storage(images, system, given, prices),
        Line("EventBridge", "an upload's event", images, prices["events_opt_in"]),
        Line("EventBridge", "accepted events", images * given.accepted, prices["events_custom"]),
        *_workflow(images, given, prices),
        *_ledger(images, system, given, prices),
        *_functions(images, system, given, prices),
        Line("SageMaker", "asked and answered", _gb(images, given.request_kb),
             prices["sagemaker_data"]),
        Line("SQS", "one message: sent, received, deleted", images * _REQUESTS_PER_MESSAGE,
             prices["sqs"]),
        *_logs(images, system, given, prices),
        Line("X-Ray", "traces", _sampled(images), prices["traces"]),
    ]  # fmt: skip


def _storage(images: int, system: System, given: Assumptions, prices: Prices) -> Iterator[Line]:
    captured = images * system.capture_share
    files = captured / given.captures_per_file
    months = system.capture_days / _DAYS
    yield Line("S3", "photos: put", images, prices["s3_put"])
    yield Line("S3", "photos: read by the serializer", images, prices["s3_get"])
    yield Line("S3", "photos: kept for a month", _gb(images, given.image_kb), prices["s3_storage"])
    yield Line("S3", "captures: put", files, prices["s3_put"])
    yield Line("S3", "captures: read by the drift report", files, prices["s3_get"])
    yield Line("S3", f"captures: kept for {system.capture_days} days",
               _gb(captured, given.capture_kb) * months, prices["s3_storage"])  # fmt: skip


def _workflow(images: int, given: Assumptions, prices: Prices) -> Iterator[Line]:
    seconds = math.ceil(given.workflow_ms / 100) / 10
    gb = math.ceil(given.workflow_mb / 64) * 64 / 1024
    yield Line("Step Functions", "Express executions", images, prices["express_requests"])
    yield Line("Step Functions", f"{gb * 1024:.0f} MB for {seconds:g} s",
               images * seconds * gb / 3600, prices["express_duration"])  # fmt: skip


def _ledger(images: int, system: System, given: Assumptions, prices: Prices) -> Iterator[Line]:
    yield Line("DynamoDB", "the ledger: claimed, settled", images * _WRITES_PER_UPLOAD,
               prices["table_writes"])  # fmt: skip
    yield Line("DynamoDB", f"the ledger: kept for {system.ledger_days} days",
               _gb(images, given.ledger_kb) * system.ledger_days / _DAYS,
               prices["table_storage"])  # fmt: skip


def _functions(images: int, system: System, given: Assumptions, prices: Prices) -> Iterator[Line]:
    calls = images * len(given.billed_ms)
    yield Line("Lambda", f"{len(given.billed_ms)} calls", calls, prices["lambda_requests"])
    price = prices[f"lambda_{system.architecture}"]
    for name, milliseconds in given.billed_ms.items():
        memory = system.memory_mb[name]
        gb_seconds = images * memory / 1024 * milliseconds / 1000
        yield Line("Lambda", f"{name}: {memory:,} MB for {milliseconds:g} ms", gb_seconds, price)


def _logs(images: int, system: System, given: Assumptions, prices: Prices) -> Iterator[Line]:
    written = _gb(images, given.log_kb)
    yield Line("CloudWatch", "logs: written", written, prices["logs_written"])
    yield Line("CloudWatch", f"logs: kept for {system.log_days} days",
               written * system.log_days / _DAYS, prices["logs_kept"])  # fmt: skip


def _sampled(images: int) -> float:
    """How many of them X-Ray traces by its default rule when they come evenly over a month."""
    per_second = images / (HOURS * 3600)
    first = min(per_second, _SAMPLED_PER_S)
    return (first + (per_second - first) * _SAMPLED_SHARE) * HOURS * 3600


def _gb(images: float, kb: float) -> float:
    return images * kb / _KB_PER_GB


def month_lines(system: System, given: Assumptions, prices: Prices) -> list[Line]:
    """What a month costs, whether images come or not."""
    return [
        *_endpoint(system, given, prices),
        *_reports(system, given, prices),
        Line("CloudWatch", f"alarms on {system.watched_metrics} metrics", system.watched_metrics,
             prices["alarms"]),
        Line("CloudWatch", "dashboard", system.dashboards, prices["dashboards"]),
        Line("CloudWatch", f"{given.report_metrics} metrics of drift reports",
             given.report_metrics, prices["metrics"]),
        Line("CloudWatch", f"{given.function_metrics} metrics of the functions, if images come "
             "every hour", given.function_metrics, prices["metrics"]),
        Line("KMS", "keys of the alarms' topics", system.keys, prices["keys"]),
        Line("S3", "zips, reports", given.artifacts_gb, prices["s3_storage"]),
    ]  # fmt: skip


def _endpoint(system: System, given: Assumptions, prices: Prices) -> Iterator[Line]:
    yield Line("SageMaker", f"endpoint: {system.instances} x {system.instance_type}",
               system.instances * HOURS, prices[system.instance_type])  # fmt: skip
    yield Line("SageMaker", "its volumes", system.instances * given.endpoint_volume_gb,
               prices["sagemaker_volume"])  # fmt: skip


def _reports(system: System, given: Assumptions, prices: Prices) -> Iterator[Line]:
    runs = HOURS * 3600 / system.report_every_s
    hours = runs * system.report_instances * given.report_minutes / 60
    what = f"{runs:.0f} drift reports of {given.report_minutes:g} minutes"
    yield Line("SageMaker", f"{what}: {system.report_instance_type}", hours,
               prices[system.report_instance_type])  # fmt: skip
    yield Line("SageMaker", "their volumes", hours / HOURS * system.report_volume_gb,
               prices["sagemaker_volume"])  # fmt: skip
    yield Line("EventBridge", "their starts", runs, prices["scheduler"])
