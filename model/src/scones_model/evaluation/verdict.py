"""From model files and labelled pictures to whether a candidate may replace the current model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from scones_model.evaluation.answers import answer
from scones_model.evaluation.comparison import (
    Check,
    Latencies,
    Margins,
    Minimums,
    compare,
    compare_latency,
    compare_with_minimums,
    latency_within_budget,
)
from scones_model.evaluation.losses import LOSSES, Answers
from scones_model.evaluation.parts import read_parts
from scones_model.evaluation.turns import in_turns
from scones_model.serving.inference import Classifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from scones_model.evaluation.parts import Parts

__all__ = ["Limits", "Verdict", "judge"]


@dataclass(frozen=True)
class Limits:
    """All that a candidate is held to."""

    margins: Margins = field(default_factory=Margins)
    minimums: Minimums = field(default_factory=Minimums)
    latencies: Latencies = field(default_factory=Latencies)


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate passes, and the sentences that say why.

    `candidate` and `current` hold a file's `name` and `sha256`, its labels and threshold, and its
    figures; `pictures` says of how many.
    """

    passed: bool
    reasons: Sequence[str]
    candidate: dict[str, Any]
    current: dict[str, Any] | None
    tests: Sequence[Check]
    pictures: dict[str, int]

    def to_json(self) -> str:
        """All of it, indented."""
        return json.dumps(asdict(self), indent=2)


def judge(
    candidate: Path,
    current: Path | None,
    data: Path,
    limits: Limits,
    done: Callable[[int, int], object] = lambda _answered, _all: None,
) -> Verdict:
    """Measure both models on the same pictures and compare.

    Args:
        candidate: A model file.
        current: The model file that it would replace; None when it would be the first.
        data: A data set, or a folder of class subfolders.
        limits: What to hold the candidate to.
        done: Told, now and then, how many pictures were answered since, and of how many in all.

    Raises:
        ModelUnavailable: A file is no model.
        InvalidFolder: The folder has other classes, no test pictures, or a file that is none.
    """
    files = [path for path in (candidate, current) if path is not None]
    models = [Classifier(path) for path in files]
    told = [_identity(path, model) for path, model in zip(files, models, strict=True)]
    if told[0]["labels"] != told[-1]["labels"]:
        return Verdict(False, [_other_labels(*told)], told[0], told[1], [], {})
    parts = read_parts(data, models[0].metadata.labels)
    answers = list(_answers(models, parts, done))
    times = in_turns([partial(_answer_one, model) for model in models])
    for one, of_one, time in zip(told, answers, times, strict=True):
        one.update(_figures(of_one), latency_ms=time)
    same = current is not None and told[0]["sha256"] == told[1]["sha256"]
    checks = [] if same else list(_checks(answers, times, limits))
    reasons = [check.reason for check in checks if check.reason]
    return Verdict(
        passed=not reasons,
        reasons=["Candidate and current are the same model."] if same else reasons,
        candidate=told[0],
        current=told[1] if current else None,
        tests=checks,
        pictures=_counts(parts),
    )


def _identity(path: Path, model: Classifier) -> dict[str, Any]:
    return {
        "name": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "labels": model.metadata.labels,
        "threshold": model.metadata.threshold,
    }


def _other_labels(candidate: dict[str, Any], current: dict[str, Any]) -> str:
    mine, other = (", ".join(one["labels"]) for one in (candidate, current))
    return (
        f"The candidate's classes are {mine}, the current model's {other}: whoever reads answers "
        "by place or by name would read them wrong."
    )


def _counts(parts: Parts) -> dict[str, int]:
    of_both = {"test": parts.test, "neither": parts.neither}
    return {name: len(part.files) for name, part in of_both.items() if part is not None}


def _answers(
    models: Sequence[Classifier], parts: Parts, done: Callable[[int, int], object]
) -> Iterator[Answers]:
    every = len(models) * sum(_counts(parts).values())

    def told(answered: int) -> None:
        done(answered, every)

    for model in models:
        yield Answers(
            test=answer(model, parts.test.files, told),
            truth=parts.test.classes,
            neither=answer(model, parts.neither.files, told) if parts.neither else None,
            threshold=model.metadata.threshold,
        )


def _answer_one(model: Classifier) -> None:
    width, height = model.metadata.size
    model.probabilities(np.zeros((1, height, width, 3), dtype=np.uint8))


def _figures(answers: Answers) -> dict[str, float]:
    every = {measure: (loss, loss.rows(answers)) for measure, loss in LOSSES.items()}
    return {measure: loss.figure(rows) for measure, (loss, rows) in every.items() if len(rows)}


def _checks(answers: Sequence[Answers], times: Sequence[float], limits: Limits) -> Iterator[Check]:
    if len(answers) == 1:
        yield from compare_with_minimums(answers[0], limits.minimums)
        yield latency_within_budget(times[0], limits.latencies)
    else:
        yield from compare(answers[0], answers[1], limits.margins)
        yield compare_latency(times[0], times[1], limits.latencies)
