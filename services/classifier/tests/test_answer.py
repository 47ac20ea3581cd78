from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scones_classifier.answer import TOLERANCE, probabilities
from scones_classifier.errors import MalformedAnswer

LABELS = ("bicycle", "motorcycle")


def test_probabilities_are_named_in_class_order() -> None:
    assert probabilities(b"[0.97, 0.03]", LABELS) == {"bicycle": 0.97, "motorcycle": 0.03}


def test_a_certain_answer_in_whole_numbers_is_read() -> None:
    assert probabilities(b"[0, 1]", LABELS) == {"bicycle": 0.0, "motorcycle": 1.0}


def test_rounding_beyond_one_is_clipped_to_one() -> None:
    assert probabilities(b"[1.0000001, -0.0000001]", LABELS) == {"bicycle": 1, "motorcycle": 0}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>Bad gateway</html>", "not JSON"),
        (b"[0.97, 0.03", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[" + b"9" * 5000 + b", 0]", "not JSON"),
        (b"0.97,0.03", "not JSON"),
        (b'{"predictions": [0.97, 0.03]}', "not a JSON list"),
        (b'"0.97"', "not a JSON list"),
        (b"null", "not a JSON list"),
        (b"[]", "0 probabilities for the 2 LABELS (bicycle, motorcycle)"),
        (b"[1.0]", "1 probabilities for the 2 LABELS"),
        (b"[0.9, 0.05, 0.05]", "3 probabilities for the 2 LABELS"),
        (b"[[0.97, 0.03]]", "1 probabilities for the 2 LABELS"),
        (b'["0.97", "0.03"]', "bicycle: '0.97' is not a number"),
        (b"[null, 1]", "bicycle: None is not a number"),
        (b"[true, false]", "bicycle: True is not a number"),
        (b"[0.0, [1.0]]", "motorcycle: [1.0] is not a number"),
        (b"[NaN, 1.0]", "bicycle: nan is not a probability"),
        (b"[0.5, Infinity]", "motorcycle: inf is not a probability"),
        (b"[1e999, 0]", "bicycle: inf is not a probability"),
        (b"[2.3, -1.3]", "bicycle: 2.3 is not a probability"),
        (b"[97, 3]", "bicycle: 97 is not a probability"),
        (b"[1" + b"0" * 400 + b", 0]", "bicycle: 1000"),
        (b"[0.9, 0.9]", "sum to 1.8, not to 1"),
        (b"[0.0, 0.0]", "sum to 0, not to 1"),
        (b"[0.5, 0.4985]", "sum to 0.9985, not to 1"),
    ],
)
def test_malformed_answer_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedAnswer) as raised:
        probabilities(body, LABELS)
    assert reason in str(raised.value)


def test_error_quotes_the_start_of_a_long_answer() -> None:
    with pytest.raises(MalformedAnswer) as raised:
        probabilities(b"<html>" + b"x" * 1_000_000, LABELS)
    assert "<html>xxx" in str(raised.value)
    assert len(str(raised.value)) < 120


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
)
near_probabilities = st.lists(st.floats(-0.1, 1.1) | st.booleans(), min_size=1, max_size=3)


@given(
    st.binary(max_size=60)
    | json_values.map(lambda value: json.dumps(value).encode())
    | near_probabilities.map(lambda values: json.dumps([*values, 1 - sum(values)]).encode())
)
def test_any_answer_is_either_probabilities_or_malformed(body: bytes) -> None:
    try:
        named = probabilities(body, LABELS)
    except MalformedAnswer:
        return
    assert list(named) == list(LABELS)
    assert all(0 <= value <= 1 for value in named.values())
    # Clipping moves each value by at most the tolerance.
    assert abs(sum(named.values()) - 1) <= TOLERANCE


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=100))
def test_every_softmax_is_read_back(logits: list[float]) -> None:
    weights = [math.exp(logit - max(logits)) for logit in logits]
    answer = [weight / sum(weights) for weight in weights]
    labels = [f"class-{index}" for index in range(len(logits))]
    assert list(probabilities(json.dumps(answer).encode(), labels).values()) == answer
