"""Lambda entry point: serialized-image v1 in, prediction v1 out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from scones_classifier.answer import probabilities
from scones_classifier.endpoint import connect, invoke
from scones_classifier.events import Prediction, SerializedImage
from scones_classifier.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler"]

settings = Settings.from_environment(os.environ)
logger = Logger(service="classifier")
metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Scones"), service="classifier"
)
tracer = Tracer(service="classifier", patch_modules=["botocore"])
runtime = connect()


# log_event is off by name, so that POWERTOOLS_LOGGER_LOG_EVENT cannot put an image into the log.
@logger.inject_lambda_context(clear_state=True, log_event=False)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Classify one serialized image; faults are raised by name (errors.py)."""
    image = SerializedImage.from_event(event)
    logger.append_keys(inference_id=image.inference_id, image_key=image.source.key)
    tracer.put_annotation("inference_id", image.inference_id)
    tracer.put_annotation("image_key", image.source.key)
    prediction = classify(image)
    tracer.put_annotation("label", prediction.label)
    metrics.add_metric("Classified", MetricUnit.Count, 1)
    metrics.add_dimensions(service="classifier", label=prediction.label)
    logger.info("classified", label=prediction.label, confidence=prediction.confidence)
    return prediction.model_dump(mode="json")


def classify(image: SerializedImage) -> Prediction:
    """Ask the endpoint and name its answer."""
    answer = invoke(
        runtime,
        endpoint=settings.endpoint_name,
        image=image.image_data,
        content_type=image.content_type,
        inference_id=image.inference_id,
    )
    by_label = probabilities(answer.body, settings.labels)
    label = max(by_label, key=by_label.__getitem__)
    return Prediction(
        inference_id=image.inference_id,
        source=image.source,
        label=label,
        confidence=by_label[label],
        probabilities=by_label,
        endpoint=settings.endpoint_name,
        variant=answer.variant,
    )
