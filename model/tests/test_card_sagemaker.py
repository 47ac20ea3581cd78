from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scones_model.card.sagemaker import sagemaker_card
from scones_model.evaluation import figures, measures
from scones_model.evaluation.result import Change, Evaluation, ModelFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_CHARACTERS = 100_000
THRESHOLD = 0.7

# The published schema, as far as the card uses it: a number is the greatest length of a text, a
# list holds what each of its items may be, a set what a text may be, `...` any key of an object.
NUMBER = float
AXIS = 63
SCHEMA: Mapping[Any, Any] = {
    "intended_uses": {
        "purpose_of_model": 2048,
        "intended_uses": 2048,
        "factors_affecting_model_efficiency": 2048,
        "risk_rating": {"High", "Medium", "Low", "Unknown"},
        "explanations_for_risk_rating": 2048,
    },
    "training_details": {
        "training_observations": 1024,
        "training_job_details": {"user_provided_hyper_parameters": [{"name": 255, "value": 255}]},
    },
    "evaluation_details": [
        {
            "name": 63,
            "evaluation_observation": 2096,
            "metadata": {...: 1024},
            "metric_groups": [{"name": 63, "metric_data": [...]}],
        }
    ],
    "additional_information": {
        "caveats_and_recommendations": 2048,
        "custom_details": {...: 1024},
    },
}
COMMON = {"name": 255, "notes": 1024}
METRICS: Mapping[str, Mapping[Any, Any]] = {
    "number": COMMON | {"type": {"number"}, "value": NUMBER},
    "linear_graph": COMMON
    | {"type": {"linear_graph"}, "value": [[NUMBER]], "x_axis_name": AXIS, "y_axis_name": AXIS},
    "bar_chart": COMMON
    | {"type": {"bar_chart"}, "value": [NUMBER], "x_axis_name": [AXIS], "y_axis_name": AXIS},
    "matrix": COMMON
    | {"type": {"matrix"}, "value": [[NUMBER]], "x_axis_name": [AXIS], "y_axis_name": [AXIS]},
}


def check(value: Any, schema: Any, path: str = "card") -> None:
    """Fail where a value is not of the schema's kind, or longer than it allows."""
    if isinstance(schema, dict):
        assert isinstance(value, dict), path
        assert ... in schema or value.keys() <= schema.keys(), path
        for key, held in value.items():
            check(held, schema.get(key, schema.get(...)), f"{path}.{key}")
    elif isinstance(schema, list):
        assert isinstance(value, list), path
        assert value, path
        for held in value:
            check(held, METRICS[held["type"]] if schema == [...] else schema[0], f"{path}[]")
    elif isinstance(schema, set):
        assert value in schema, path
    elif schema is NUMBER:
        assert isinstance(value, int | float), path
        assert np.isfinite(value), path
    else:
        assert isinstance(value, str), path
        assert 0 < len(value) <= schema, path
        assert value.isprintable(), path


def evaluation(labels: Sequence[str], images: int = 400) -> Evaluation:
    """Of random answers, the right class somewhat likelier."""
    random = np.random.default_rng(0)
    truth = np.arange(images) % len(labels)
    odds = np.exp(random.normal(size=(images, len(labels))) + 4 * np.eye(len(labels))[truth])
    answers, others = odds / odds.sum(axis=1, keepdims=True), random.uniform(size=(100, 2))
    found = measures.measure(answers, truth, THRESHOLD)
    return Evaluation(
        model=ModelFile(
            labels[0], "ab" * 32, 10, labels, (32, 32), 1.25, THRESHOLD, labels[-1] * 9, 3
        ),
        data=dict.fromkeys(labels, 5),
        test=found,
        calibration=found,
        without_copies=found,
        operations=list(measures.operations(answers, truth, others, THRESHOLD)),
        reliability=list(measures.reliability(answers, truth)),
        confusion=figures.confusion(answers, truth).tolist(),
        robustness=[Change(label, label, found) for label in labels],
        neither=measures.neither(others, np.arange(100) % len(labels), labels, THRESHOLD),
        mistakes=[],
        latency_ms=0.5,
        threads=1,
    )


def metrics(card: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Values of the test pictures' metrics, by group and name."""
    return {
        (group["name"], metric["name"]): metric["value"]
        for group in card["evaluation_details"][0]["metric_groups"]
        for metric in group["metric_data"]
    }


@pytest.mark.parametrize("classes", [2, 20, 21, 200])
@pytest.mark.parametrize("word", ["x", "\N{BICYCLE}" * 300, "two\nlines\u2028"])
def test_the_card_fits_the_published_schema(classes: int, word: str) -> None:
    card = sagemaker_card(evaluation([f"{number} {word}" for number in range(classes)]))
    check(card, SCHEMA)
    assert len(json.dumps(card)) <= MOST_CHARACTERS


def test_a_model_package_gets_no_field_that_only_free_cards_have() -> None:
    card = sagemaker_card(evaluation(["cat", "dog"]))
    assert not {"model_overview", "model_package_details"} & card.keys()


def test_the_metrics_are_the_evaluations() -> None:
    made = evaluation(["cat", "dog", "emu"])
    found = metrics(sagemaker_card(made))
    assert found["Figures", "accuracy"] == pytest.approx(made.test.accuracy, abs=1e-5)
    assert found["Figures", "share answered at the threshold"] == pytest.approx(made.test.coverage)
    assert found["Classes", "confusion"] == made.confusion
    assert [THRESHOLD, pytest.approx(made.test.coverage)] in found["Thresholds", "share answered"]
    assert len(found["Changed pictures", "accuracy"]) == len(made.robustness)


def test_a_matrix_too_large_for_sagemaker_is_left_out() -> None:
    twenty, more = ([f"class {number}" for number in range(many)] for many in (20, 21))
    assert ("Classes", "confusion") in metrics(sagemaker_card(evaluation(twenty)))
    assert ("Classes", "confusion") not in metrics(sagemaker_card(evaluation(more)))
