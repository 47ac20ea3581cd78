"""evaluation.json, as `scones-model evaluate` writes it, read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scones_model.aws.account import CannotBeDone
from scones_model.evaluation.result import (
    Bin,
    Change,
    Evaluation,
    Measures,
    Mistake,
    ModelFile,
    Neither,
    Operation,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NoEvaluation", "read_evaluation"]


class NoEvaluation(CannotBeDone):
    """The file is not there, or is no evaluation."""


def read_evaluation(path: Path) -> Evaluation:
    """Raises NoEvaluation."""
    try:
        return _evaluation(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NoEvaluation(
            f"{path} is no evaluation ({type(error).__name__}: {error}): write one with "
            "`scones-model evaluate MODEL DATA --out DIR`."
        ) from error


def _evaluation(told: dict[str, Any]) -> Evaluation:
    return Evaluation(
        **{
            **told,
            "model": ModelFile(**{**told["model"], "input_size": _pair(told["model"])}),
            "test": Measures(**told["test"]),
            "calibration": _measures(told["calibration"]),
            "without_copies": _measures(told["without_copies"]),
            "operations": [Operation(**one) for one in told["operations"]],
            "reliability": [Bin(**one) for one in told["reliability"]],
            "robustness": [
                Change(**{**one, "measures": Measures(**one["measures"])})
                for one in told["robustness"]
            ],
            "neither": Neither(**told["neither"]) if told["neither"] else None,
            "mistakes": [Mistake(**one) for one in told["mistakes"]],
        }
    )


def _pair(model: dict[str, Any]) -> tuple[int, int]:
    width, height = model["input_size"]
    return width, height


def _measures(told: dict[str, Any] | None) -> Measures | None:
    return Measures(**told) if told else None
