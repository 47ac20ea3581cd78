"""What the templates do not say of an image's way through the system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HOURS", "Assumptions", "explain"]

HOURS = 730
"""Of a month, as AWS counts them."""
_BILLED_MS = MappingProxyType({"serializer": 160.0, "classifier": 70.0, "filter": 10.0})


def _is(value: float, meaning: str) -> Any:  # noqa: ANN401 - what dataclasses want
    return field(default=value, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Assumptions:
    """An average image, and what one stage keeps; KB and GB are 10^3 and 10^9 bytes."""

    image_kb: float = _is(300, "KB of a photo (`--size-kb`)")
    accepted: float = _is(
        0.7,
        "share of images that are accepted, as in `make demo`; costs an event more than a review",
    )
    billed_ms: Mapping[str, float] = field(
        default_factory=lambda: _BILLED_MS,
        metadata={
            "meaning": "of a function's call, one cold start in a hundred included; not measured "
            "on Lambda: 51 ms to decode 12 megapixels on our own core, and what S3 and SageMaker "
            "usually need to answer"
        },
    )
    workflow_ms: float = _is(
        400,
        "from the first state to the last; not measured on AWS: `make demo` needs a fifth of it, "
        "all on one machine",
    )
    workflow_mb: float = _is(51, "memory as Step Functions counts it: 50 MB, and the data")
    request_kb: float = _is(3.2, "KB to the endpoint and back: a 32 x 32 picture, its answer")
    capture_kb: float = _is(4.1, "KB of a captured record, measured in `make demo`")
    captures_per_file: float = _is(
        1, "SageMaker writes one to some thirty, as fast as they come; one is the dearest"
    )
    ledger_kb: float = _is(
        0.3,
        "KB of an upload's item in the ledger: its names and values, and DynamoDB's own 0.1",
    )
    log_kb: float = _is(
        4.1,
        "KB of logs of the three functions: 2.7 measured in `make demo`, and Lambda's own lines",
    )
    function_metrics: float = _is(
        18, "metrics that the functions write, by service and by label, for two labels"
    )
    report_metrics: float = _is(9, "metrics that a drift report writes, for one variant")
    endpoint_volume_gb: float = _is(
        20,
        "GB of an endpoint instance's volume, which the template leaves to SageMaker: at most so "
        "much in [a bill](https://github.com/aws-samples/sagemaker-ssh-helper/blob/main/"
        "Sample_Costs.md) of 2023",
    )
    report_minutes: float = _is(5, "minutes that a drift report's machine is billed")
    artifacts_gb: float = _is(1, "GB of zips, records of releases and reports")


def explain(given: Assumptions) -> Iterator[tuple[str, str, str]]:
    """Name, value and meaning of each assumption."""
    for one in fields(given):
        value = getattr(given, one.name)
        parts = value if isinstance(value, Mapping) else {"": value}
        text = ", ".join(f"{name} {part:g}".strip() for name, part in parts.items())
        yield one.name, text, one.metadata["meaning"]
