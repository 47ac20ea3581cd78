from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from scones_classifier import handler as service
from scones_classifier.errors import InvalidSerializedImage, MalformedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import LambdaContext


@pytest.fixture
def stub() -> Iterator[Stubber]:
    with Stubber(service.runtime) as stub:
        yield stub


def answer(stub: Stubber, body: bytes) -> None:
    stream = StreamingBody(io.BytesIO(body), len(body))
    response = {"Body": stream, "InvokedProductionVariant": "AllTraffic"}
    stub.add_response("invoke_endpoint", response)


def test_most_probable_label_is_the_prediction(
    stub: Stubber, message: dict[str, Any], context: LambdaContext
) -> None:
    answer(stub, b"[0.03, 0.97]")
    assert service.handler(message, context) == {
        "inference_id": message["inference_id"],
        "source": message["source"],
        "label": "motorcycle",
        "confidence": 0.97,
        "probabilities": {"bicycle": 0.03, "motorcycle": 0.97},
        "endpoint": "scones-test",
        "variant": "AllTraffic",
    }


def test_a_tie_goes_to_the_first_class(
    stub: Stubber, message: dict[str, Any], context: LambdaContext
) -> None:
    answer(stub, b"[0.5, 0.5]")
    assert service.handler(message, context)["label"] == "bicycle"


def test_image_leaves_the_message(
    stub: Stubber,
    message: dict[str, Any],
    context: LambdaContext,
) -> None:
    answer(stub, b"[0.97, 0.03]")
    prediction = service.handler(message, context)
    assert message["image_data"] not in json.dumps(prediction)


def test_metrics_count_by_label(
    stub: Stubber,
    message: dict[str, Any],
    context: LambdaContext,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer(stub, b"[0.97, 0.03]")
    service.handler(message, context)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metric,) = (line for line in lines if "Classified" in line)
    (directive,) = metric["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Scones"
    assert directive["Dimensions"] == [["service"], ["service", "label"]]
    assert (metric["service"], metric["label"]) == ("classifier", "bicycle")


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_faults_leave_the_handler_by_name(
    stub: Stubber, message: dict[str, Any], context: LambdaContext
) -> None:
    answer(stub, b"not even JSON")
    with pytest.raises(MalformedAnswer):
        service.handler(message, context)
    with pytest.raises(InvalidSerializedImage):
        service.handler({}, context)


def test_wrong_settings_stop_the_function_at_import() -> None:
    script = "import scones_classifier.handler"
    environment = {"ENDPOINT_NAME": "scones-test", "LABELS": "bicycle"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert "InvalidSettings: correct the function's environment: LABELS:" in run.stderr
