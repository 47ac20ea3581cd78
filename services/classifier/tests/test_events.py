from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from scones_classifier.errors import InvalidSerializedImage
from scones_classifier.events import Prediction, SerializedImage


def test_image_is_decoded(message: dict[str, Any]) -> None:
    assert SerializedImage.from_event(message).image_data == b"\x89PNG\r\n\x1a\n"


def test_fields_that_a_later_serializer_adds_are_ignored(message: dict[str, Any]) -> None:
    message["source"]["sequencer"] = "0055AED6DCD90281E5"
    assert SerializedImage.from_event(message | {"depth": 8}).content_type == "image/png"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"inference_id": "5C" * 32}, "inference_id: String should match pattern"),
        ({"inference_id": None}, "inference_id: Input should be a valid string"),
        ({"source": "s3://bucket/key"}, "source: Input should be a valid dict"),
        ({"source": {"bucket": "b", "key": "k", "etag": "e"}}, "source.version_id: Field required"),
        ({"image_data": ""}, "image_data: Value should have at least 1 item"),
        ({"image_data": None}, "image_data: Value error, must be base64 text"),
        ({"image_data": "iVBO Rw0KGgo="}, "image_data: Value error, is not valid base64"),
        ({"image_data": "iVBORw0KGg"}, "image_data: Value error, is not valid base64"),
        ({"image_data": "ünicode="}, "image_data: Value error, is not valid base64"),
        ({"content_type": "text/html"}, "content_type: String should match pattern"),
        ({"content_type": "image/png\r\nx: y"}, "content_type: String should match pattern"),
    ],
)
def test_wrong_field_is_named(
    message: dict[str, Any], change: dict[str, object], fault: str
) -> None:
    with pytest.raises(InvalidSerializedImage) as raised:
        SerializedImage.from_event(message | change)
    assert str(raised.value).startswith(f"not a serialized-image v1 message: {fault}")


def test_every_missing_field_is_named(message: dict[str, Any]) -> None:
    with pytest.raises(InvalidSerializedImage) as raised:
        SerializedImage.from_event({})
    for name in SerializedImage.model_fields:
        assert f"{name}: Field required" in str(raised.value)


@pytest.mark.parametrize("event", [None, [], "text", 1])
def test_anything_but_an_object_is_refused(event: object) -> None:
    with pytest.raises(InvalidSerializedImage, match="message: Input should be a valid dict"):
        SerializedImage.from_event(event)


def test_image_is_in_no_error_and_no_repr(message: dict[str, Any]) -> None:
    image = SerializedImage.from_event(message)
    with pytest.raises(InvalidSerializedImage) as raised:
        SerializedImage.from_event(message | {"image_data": "secret-pixels!", "etag": 1})
    assert "secret-pixels" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert "image_data" not in repr(image)


@pytest.mark.parametrize("confidence", ["0.97", True, float("nan"), float("inf"), 1.01])
def test_prediction_takes_nothing_but_probabilities(
    message: dict[str, Any], confidence: object
) -> None:
    prediction = {
        "inference_id": message["inference_id"],
        "source": message["source"],
        "label": "bicycle",
        "confidence": 0.97,
        "probabilities": {"bicycle": 0.97, "motorcycle": 0.03},
        "endpoint": "scones-test",
        "variant": "AllTraffic",
    }
    assert Prediction.model_validate(prediction).model_dump() == prediction
    with pytest.raises(ValidationError, match="confidence"):
        Prediction.model_validate(prediction | {"confidence": confidence})
