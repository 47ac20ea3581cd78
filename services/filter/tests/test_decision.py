from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scones_filter.decision import Verdict, decide
from scones_filter.events import Route

ROUTES = {
    "bicycle": Route(orders="nearby", loading_bay="A"),
    "motorcycle": Route(orders="far", loading_bay="B"),
}


@pytest.mark.parametrize(
    ("label", "confidence", "expected"),
    [
        (
            "bicycle",
            0.97,
            Verdict(
                "accepted",
                "Confidence 0.97 in bicycle reaches the threshold 0.9.",
                ROUTES["bicycle"],
            ),
        ),
        (
            "motorcycle",
            1.0,
            Verdict(
                "accepted",
                "Confidence 1.0 in motorcycle reaches the threshold 0.9.",
                ROUTES["motorcycle"],
            ),
        ),
        (
            "bicycle",
            0.9,
            Verdict(
                "accepted",
                "Confidence 0.9 in bicycle reaches the threshold 0.9.",
                ROUTES["bicycle"],
            ),
        ),
        (
            "bicycle",
            math.nextafter(0.9, 0),
            Verdict(
                "review",
                "Confidence 0.8999999999999999 in bicycle is below the threshold 0.9.",
                None,
            ),
        ),
        (
            "motorcycle",
            0.0,
            Verdict("review", "Confidence 0.0 in motorcycle is below the threshold 0.9.", None),
        ),
        (
            "tandem",
            0.97,
            Verdict("review", "No route for label tandem: ROUTES has bicycle, motorcycle.", None),
        ),
        (
            "tandem",
            0.5,
            Verdict("review", "Confidence 0.5 in tandem is below the threshold 0.9.", None),
        ),
    ],
)
def test_decision_table(label: str, confidence: float, expected: Verdict) -> None:
    assert decide(label=label, confidence=confidence, threshold=0.9, routes=ROUTES) == expected


probability = st.floats(0, 1)


@given(st.sampled_from(["bicycle", "motorcycle", "tandem"]), probability, probability)
def test_accepted_means_sure_enough_and_routed(
    label: str, confidence: float, threshold: float
) -> None:
    verdict = decide(label=label, confidence=confidence, threshold=threshold, routes=ROUTES)
    assert (verdict.decision == "accepted") == (confidence >= threshold and label in ROUTES)
    assert verdict.route == (ROUTES[label] if verdict.decision == "accepted" else None)


@given(probability, probability, probability)
def test_more_confidence_never_turns_accepted_into_review(
    one: float, other: float, threshold: float
) -> None:
    less, more = sorted([one, other])
    if decide(label="bicycle", confidence=less, threshold=threshold, routes=ROUTES).route:
        assert decide(label="bicycle", confidence=more, threshold=threshold, routes=ROUTES).route
