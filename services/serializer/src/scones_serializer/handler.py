"""The Lambda entry point: settings, client, logs, metrics and traces around the work."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from scones_serializer.confinement import Allowance, confined
from scones_serializer.cost import MAX_DECODING_BYTES, MAX_DECODING_SECONDS
from scones_serializer.errors import SerializerError
from scones_serializer.events import ObjectReference, SerializedImage, Upload
from scones_serializer.fitting import Frame, fitted_picture
from scones_serializer.freed_memory import give_back_large_blocks
from scones_serializer.png import base64_png
from scones_serializer.settings import Settings
from scones_serializer.storage import read_object

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

__all__ = ["handler"]

give_back_large_blocks()
settings = Settings.from_environment(os.environ)
frame = Frame(
    settings.image_width, settings.image_height, settings.image_fit, settings.image_pad_color
)
logger = Logger(service="serializer")
metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Scones"), service="serializer"
)
tracer = Tracer(service="serializer", patch_modules=["botocore"])
s3: S3Client = boto3.client(
    "s3",
    config=Config(
        connect_timeout=2,
        read_timeout=5,  # for every part of the body anew, so that no large object is cut short
        retries={"mode": "standard", "total_max_attempts": 3},
    ),
)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Turn an upload (`events.Upload`) into the message `events.SerializedImage`.

    Raises:
        SerializerError: one of its subclasses; the workflow routes on the class name.
    """
    try:
        image = _serialize(Upload.parse(event))
    except SerializerError as error:
        metrics.add_metric("UploadsRefused", MetricUnit.Count, 1)
        logger.warning("upload refused", error=type(error).__name__, reason=str(error))
        raise
    metrics.add_metric("UploadsSerialized", MetricUnit.Count, 1)
    logger.info("upload serialized", inference_id=image.inference_id)
    return image.model_dump(mode="json")


def _serialize(wanted: ObjectReference) -> SerializedImage:
    tracer.put_annotation("image_key", wanted.key)
    logger.append_keys(bucket=wanted.bucket, image_key=wanted.key)
    stored = read_object(s3, wanted, settings.max_object_bytes)
    metrics.add_metric("ObjectBytes", MetricUnit.Bytes, len(stored.body))
    inference_id = stored.source.inference_id()
    tracer.put_annotation("inference_id", inference_id)
    return SerializedImage(
        inference_id=inference_id,
        source=stored.source,
        image_data=_encoded(stored.body),
        width=frame.width,
        height=frame.height,
    )


@tracer.capture_method(capture_response=False)
def _encoded(body: bytes) -> str:
    allowance = Allowance(MAX_DECODING_BYTES - len(body), MAX_DECODING_SECONDS)
    return confined(lambda: base64_png(fitted_picture(body, frame, settings.max_pixels)), allowance)
