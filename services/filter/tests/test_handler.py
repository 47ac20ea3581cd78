from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from scones_filter.errors import InvalidPrediction
from scones_filter.handler import handler

if TYPE_CHECKING:
    from .conftest import LambdaContext


def test_accepted_prediction_carries_its_route(
    message: dict[str, Any], context: LambdaContext
) -> None:
    assert handler(message, context) == message | {
        "decision": "accepted",
        "reason": "Confidence 0.97 in bicycle reaches the threshold 0.9.",
        "threshold": 0.9,
        "route": {"orders": "nearby", "loading_bay": "A"},
    }


def test_unsure_prediction_goes_to_review_without_a_route(
    message: dict[str, Any], context: LambdaContext
) -> None:
    unsure = {"confidence": 0.62, "probabilities": {"bicycle": 0.62, "motorcycle": 0.38}}
    assert handler(message | unsure, context) == message | unsure | {
        "decision": "review",
        "reason": "Confidence 0.62 in bicycle is below the threshold 0.9.",
        "threshold": 0.9,
        "route": None,
    }


@pytest.mark.parametrize(("confidence", "counts"), [(0.97, (1, 0)), (0.62, (0, 1))])
def test_metrics_count_every_decision_by_label(
    message: dict[str, Any],
    context: LambdaContext,
    capsys: pytest.CaptureFixture[str],
    confidence: float,
    counts: tuple[int, int],
) -> None:
    probabilities = {"bicycle": confidence, "motorcycle": 1 - confidence}
    handler(message | {"confidence": confidence, "probabilities": probabilities}, context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metric,) = (line for line in lines if "Accepted" in line)
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Scones"
    assert directive["Dimensions"] == [["service"], ["service", "label"]]
    assert (metric["service"], metric["label"]) == ("filter", "bicycle")
    assert (*metric["Accepted"], *metric["Review"]) == counts
    assert metric["Confidence"] == [confidence]


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_faults_leave_the_handler_by_name(context: LambdaContext) -> None:
    with pytest.raises(InvalidPrediction):
        handler({}, context)


def test_wrong_settings_stop_the_function_at_import() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import scones_filter.handler"],
        env={"CONFIDENCE_THRESHOLD": "90", "ROUTES": os.environ["ROUTES"]},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = "InvalidSettings: correct the function's environment: CONFIDENCE_THRESHOLD:"
    assert expected in run.stderr
