from __future__ import annotations

from typing import Any

import pytest

from scones_filter.errors import InvalidPrediction
from scones_filter.events import Prediction


def test_fields_that_a_later_classifier_adds_are_ignored(message: dict[str, Any]) -> None:
    message["source"]["sequencer"] = "0055AED6DCD90281E5"
    assert Prediction.from_event(message | {"model": "v7"}).label == "bicycle"


def test_whole_numbers_are_probabilities(message: dict[str, Any]) -> None:
    certain = {"confidence": 1, "probabilities": {"bicycle": 1, "motorcycle": 0}}
    assert Prediction.from_event(message | certain).confidence == 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"inference_id": "short"}, "inference_id: String should match pattern"),
        ({"source": {"bucket": "b", "key": "k", "etag": "e"}}, "source.version_id: Field required"),
        ({"label": 1}, "label: Input should be a valid string"),
        ({"confidence": "0.97"}, "confidence: Input should be a valid number"),
        ({"confidence": True}, "confidence: Input should be a valid number"),
        ({"confidence": float("nan")}, "confidence: Input should be a finite number"),
        ({"confidence": 1.01}, "confidence: Input should be less than or equal to 1"),
        ({"confidence": -0.01}, "confidence: Input should be greater than or equal to 0"),
        (
            {"probabilities": {"bicycle": 0.97, "motorcycle": float("inf")}},
            "probabilities.motorcycle: Input should be a finite number",
        ),
        ({"confidence": 0.5}, "message: Value error, confidence is not the probability of label"),
        ({"label": "car"}, "message: Value error, confidence is not the probability of label"),
    ],
)
def test_wrong_field_is_named(
    message: dict[str, Any], change: dict[str, object], fault: str
) -> None:
    with pytest.raises(InvalidPrediction) as raised:
        Prediction.from_event(message | change)
    assert str(raised.value).startswith(f"not a prediction v1 message: {fault}")


def test_every_missing_field_is_named() -> None:
    with pytest.raises(InvalidPrediction) as raised:
        Prediction.from_event({})
    for name in Prediction.model_fields:
        assert f"{name}: Field required" in str(raised.value)


@pytest.mark.parametrize("event", [None, [], "text", 1])
def test_anything_but_an_object_is_refused(event: object) -> None:
    with pytest.raises(InvalidPrediction, match="message: Input should be a valid dict"):
        Prediction.from_event(event)
