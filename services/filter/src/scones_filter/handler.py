"""Lambda entry point: prediction v1 in, decision v1 out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from scones_filter.decision import decide
from scones_filter.events import Decision, Prediction
from scones_filter.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

settings = Settings.from_environment(os.environ)
logger = Logger(service="filter")
metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Scones"), service="filter"
)
# The filter calls nobody: patching botocore would only import it.
tracer = Tracer(service="filter", auto_patch=False)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Decide on one prediction; faults are raised by name (errors.py)."""
    prediction = Prediction.from_event(event)
    logger.append_keys(inference_id=prediction.inference_id, image_key=prediction.source.key)
    verdict = decide(
        label=prediction.label,
        confidence=prediction.confidence,
        threshold=settings.confidence_threshold,
        routes=settings.routes,
    )
    outcome = Decision(
        **dict(prediction), **verdict._asdict(), threshold=settings.confidence_threshold
    )
    observe(outcome)
    return outcome.model_dump(mode="json")


def observe(outcome: Decision) -> None:
    """Put the decision into the log, the metrics and the trace."""
    tracer.put_annotation("inference_id", outcome.inference_id)
    tracer.put_annotation("image_key", outcome.source.key)
    tracer.put_annotation("label", outcome.label)
    tracer.put_annotation("decision", outcome.decision)
    # Both counts every time, so that the average of either is its rate.
    metrics.add_metric("Accepted", MetricUnit.Count, int(outcome.decision == "accepted"))
    metrics.add_metric("Review", MetricUnit.Count, int(outcome.decision == "review"))
    metrics.add_metric("Confidence", MetricUnit.NoUnit, outcome.confidence)
    metrics.add_dimensions(service="filter", label=outcome.label)
    logger.info(outcome.reason, label=outcome.label, decision=outcome.decision)
