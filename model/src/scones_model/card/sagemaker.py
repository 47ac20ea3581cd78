"""The model card that SageMaker's registry keeps with a model package.

The schema is published under "Model package model card schema" at
https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html#model-card-schema. It
knows fewer fields than a card of its own (of the overview, creator and artifact alone), and the
API takes at most 100,000 characters of it. Every list here has a length of its own for that.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scones_model.card.facts import evenly, kinds, operating_points, passed_share
from scones_model.card.phrases import count, counted, file_size, listed, printable, reach, threshold
from scones_model.card.statements import factors, headline, honesty, limits, purpose, told, uses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scones_model.evaluation.result import Evaluation, Measures

__all__ = ["sagemaker_card"]

_LONG = 2048
_TEXT = 1024
_VALUE = 255
_NAME = 63
_MOST_CLASSES = 20
"""Rows and columns that the schema allows a matrix."""
_MOST_BARS = 40
_MOST_POINTS = 100
_UNTRIED = "Nothing was tried that could make it worse."
_RISK = "Not rated: the risk depends on what a wrong answer costs where the model is used."

Json = dict[str, Any]


def sagemaker_card(evaluation: Evaluation) -> Json:
    """The content of a model package's card.

    Args:
        evaluation: What to tell of.

    Returns:
        JSON's kinds of values: `json.dumps` of it is `ModelCard.ModelCardContent` of
        `CreateModelPackage`. The one who registers may add `model_overview` with
        `model_creator` and `model_artifact`.
    """
    return {
        "intended_uses": _intended_uses(evaluation),
        "training_details": _training(evaluation),
        "evaluation_details": list(_evaluations(evaluation)),
        "additional_information": {
            "caveats_and_recommendations": _cut(told(limits(evaluation)), _LONG),
            "custom_details": _details(evaluation),
        },
    }


def _cut(text: object, most: int) -> str:
    """A text on one line of at most `most` characters, never empty.

    In JSON some characters become 12. A text keeps to twice `most` there, or the card would grow
    beyond what the API takes.
    """
    whole = printable(text) or "-"
    kept = whole[:most]
    while (kept != whole and len(kept) == most) or len(json.dumps(kept)) > 2 * most:
        kept = kept[: -1 - len(kept) // 10]
    return kept if kept == whole else kept + "…"


def _intended_uses(evaluation: Evaluation) -> Json:
    return {
        "purpose_of_model": _cut(purpose(evaluation), _LONG),
        "intended_uses": _cut(told(uses(evaluation)), _LONG),
        "factors_affecting_model_efficiency": _cut(told(factors(evaluation)) or _UNTRIED, _LONG),
        "risk_rating": "Unknown",
        "explanations_for_risk_rating": _RISK,
    }


def _training(evaluation: Evaluation) -> Json:
    model = evaluation.model
    return {
        "training_observations": _cut(f"Made by: {model.command}", _TEXT),
        "training_job_details": {
            "user_provided_hyper_parameters": [
                {"name": "seed", "value": str(model.seed)},
                {"name": "temperature", "value": _cut(model.temperature, _VALUE)},
                {"name": "threshold", "value": _cut(model.threshold, _VALUE)},
            ]
        },
    }


def _details(evaluation: Evaluation) -> dict[str, str]:
    model = evaluation.model
    width, height = model.input_size
    details = {
        "file": f"{model.name}, {file_size(model.size_bytes)}",
        "sha256": model.sha256,
        "labels": listed(model.labels, _MOST_CLASSES),
        "input": f"{width} x {height} pixels, RGB",
        "pictures": "; ".join(f"{name}: {count(many)}" for name, many in evaluation.data.items()),
    }
    return {name: _cut(value, _TEXT) for name, value in details.items()}


def _evaluations(evaluation: Evaluation) -> Iterable[Json]:
    yield {
        "name": "Test pictures",
        "evaluation_observation": _cut(f"{headline(evaluation)} {honesty(evaluation)}", _LONG),
        "metadata": {"model_sha256": _cut(evaluation.model.sha256, _TEXT)},
        "metric_groups": [
            {"name": name, "metric_data": metrics}
            for name, metrics in _groups(evaluation)
            if metrics
        ],
    }
    others = {
        "Test pictures without near copies": evaluation.without_copies,
        "Calibration pictures": evaluation.calibration,
    }
    for name, measures in others.items():
        if measures is not None:
            group = {"name": "Figures", "metric_data": _figures(measures)}
            yield {"name": name, "metric_groups": [group]}


def _groups(evaluation: Evaluation) -> Iterable[tuple[str, list[Json]]]:
    yield "Figures", [*_figures(evaluation.test), *_service(evaluation)]
    yield "Thresholds", list(_thresholds(evaluation))
    yield "Confidence", list(_confidence(evaluation))
    yield "Classes", list(_classes(evaluation))
    yield "Changed pictures", list(_robustness(evaluation))
    yield "Pictures of none of the classes", list(_neither(evaluation))


def _figures(measures: Measures) -> list[Json]:
    among = f"among {counted(measures.images, 'picture')}"
    spread = f"95 % interval {reach(measures.accuracy_low, measures.accuracy_high)}, {among}"
    return [
        _number("accuracy", measures.accuracy, spread),
        _number("negative log-likelihood", measures.nll, f"in nats, {among}"),
        _number("expected calibration error", measures.ece, f"over 10 bins, {among}"),
        _number("share answered at the threshold", measures.coverage, among),
        _number("accuracy of what is answered", measures.accepted_accuracy, among),
    ]


def _service(evaluation: Evaluation) -> Iterable[Json]:
    threads = counted(evaluation.threads, "thread")
    yield _number("latency", evaluation.latency_ms, f"median ms of one picture, {threads}")
    share = passed_share(evaluation.neither)
    if share is not None:
        said = "of pictures of none of the classes: lower is better"
        yield _number("share of others answered", share, said)


def _thresholds(evaluation: Evaluation) -> Iterable[Json]:
    rows = operating_points(evaluation, _MOST_POINTS)
    said = f"the model's threshold is {threshold(evaluation.model.threshold)}"
    yield _line("share answered", [(one.threshold, one.coverage) for one in rows], said)
    yield _line(
        "accuracy of what is answered", [(one.threshold, one.accuracy) for one in rows], said
    )
    passed = [(one.threshold, one.neither_passed) for one in rows if one.neither_passed is not None]
    if passed:
        yield _line("share of others answered", passed, said)


def _confidence(evaluation: Evaluation) -> Iterable[Json]:
    bins = [one for one in evaluation.reliability if one.images]
    if bins:
        right = [(one.confidence, one.accuracy) for one in bins]
        yield _line("accuracy by confidence", right, "at best the diagonal") | {
            "x_axis_name": "confidence"
        }
        names = [f"{one.low:.2f} to {one.high:.2f}" for one in bins]
        yield _bars("pictures by confidence", names, [one.images for one in bins])


def _classes(evaluation: Evaluation) -> Iterable[Json]:
    labels = [_cut(label, _NAME) for label in evaluation.model.labels]
    if len(labels) <= _MOST_CLASSES:
        yield {
            "name": "confusion",
            "type": "matrix",
            "value": [list(row) for row in evaluation.confusion],
            "x_axis_name": labels,
            "y_axis_name": labels,
            "notes": "rows: what the pictures show; columns: what is answered",
        }
    known = sorted(kinds(evaluation), key=lambda one: one.recognised)[:_MOST_BARS]
    yield _bars(
        "share recognised, least first",
        [one.label for one in known],
        [one.recognised for one in known],
    )


def _robustness(evaluation: Evaluation) -> Iterable[Json]:
    changes = evenly(evaluation.robustness, _MOST_BARS)
    if changes:
        names = [f"{one.change} {one.level}" for one in changes]
        yield _bars("accuracy", names, [one.measures.accuracy for one in changes])
        yield _bars("share answered", names, [one.measures.coverage for one in changes])


def _neither(evaluation: Evaluation) -> Iterable[Json]:
    if evaluation.neither is None:
        return
    kinds_of = [one for one in evaluation.neither.by_class[:_MOST_BARS] if one[1]]
    if kinds_of:
        names, shares = zip(*((name, passed / of) for name, of, passed in kinds_of), strict=True)
        yield _bars("share answered, most first", names, shares)


def _number(name: str, value: float, notes: str) -> Json:
    return {"name": name, "type": "number", "value": _round(value), "notes": notes}


def _line(name: str, points: Iterable[tuple[float, float]], notes: str) -> Json:
    return {
        "name": name,
        "type": "linear_graph",
        "value": [[_round(x), _round(y)] for x, y in points],
        "x_axis_name": "threshold",
        "y_axis_name": name,
        "notes": notes,
    }


def _bars(name: str, names: Iterable[str], values: Iterable[float]) -> Json:
    return {
        "name": name,
        "type": "bar_chart",
        "value": [_round(value) for value in values],
        "x_axis_name": [_cut(one, _NAME) for one in names],
        "y_axis_name": name,
    }


def _round(value: float) -> float:
    return round(float(value), 5)
