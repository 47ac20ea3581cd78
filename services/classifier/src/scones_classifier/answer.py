"""Reading the endpoint's answer: a JSON list of class probabilities, in class order.

It is the answer of SageMaker's built-in image-classification algorithm; our own serving program
gives the same, so either model can stand behind the classifier.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scones_classifier.errors import MalformedAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TOLERANCE", "probabilities"]

TOLERANCE = 1e-3
"""How far the sum may be from 1, and a probability outside [0, 1].

A float32 softmax over a hundred classes is off by about 1e-5; answers rounded to four decimals
are off by 1e-4 or so. Logits, percentages and a missing softmax are off by far more.
"""

_SHOWN = 80  # characters of an answer that an error message quotes


def probabilities(body: bytes, labels: Sequence[str]) -> dict[str, float]:
    """Name the probabilities of an answer.

    Args:
        body: The answer as received.
        labels: The model's classes, in class order.

    Returns:
        A probability in [0, 1] for each label, in class order.

    Raises:
        MalformedAnswer: The answer is not a JSON list of one probability per label.
    """
    values = _json_list(body)
    if len(values) != len(labels):
        raise MalformedAnswer(
            f"{len(values)} probabilities for the {len(labels)} LABELS ({', '.join(labels)}): "
            f"{_shown(body)}"
        )
    named = {label: _probability(label, value) for label, value in zip(labels, values, strict=True)}
    if abs(sum(named.values()) - 1) > TOLERANCE:
        raise MalformedAnswer(
            f"probabilities sum to {sum(named.values()):.6g}, not to 1: {_shown(body)}"
        )
    return named


def _json_list(body: bytes) -> list[object]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):  # ValueError: bad JSON, bad UTF-8, an endless integer
        raise MalformedAnswer(f"not JSON: {_shown(body)}") from None
    if not isinstance(values, list):
        raise MalformedAnswer(f"not a JSON list: {_shown(body)}")
    return values


def _probability(label: str, value: object) -> float:
    # A bool is an int to Python, not to the model. NaN fails the comparison too.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MalformedAnswer(f"{label}: {_shown(value)} is not a number")
    if not -TOLERANCE <= value <= 1 + TOLERANCE:
        raise MalformedAnswer(f"{label}: {_shown(value)} is not a probability in [0, 1]")
    return min(max(float(value), 0.0), 1.0)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
