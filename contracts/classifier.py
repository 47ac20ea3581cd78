"""serialized-image -> prediction: the classifier's handler on a stubbed endpoint's answers."""

from __future__ import annotations

import io
import os
from typing import Any

from botocore.response import StreamingBody
from botocore.stub import Stubber
from contract import Contract, LambdaContext, run

# The handler reads its settings and makes its client on import.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "ENDPOINT_NAME": "scones-vehicles",
    "LABELS": "bicycle,motorcycle",
}

from scones_classifier import handler as service
from scones_classifier.events import Prediction

ANSWERS = {
    "versioned-event": b"[0.97, 0.03]",
    "unversioned-event": b"[0.015625, 0.984375]",
    "console-input": b"[0.62, 0.38]",
}
"""What the endpoint says of each golden picture: sure twice, once not."""


def process(name: str, message: dict[str, Any]) -> dict[str, Any]:
    """Classify with the answer that belongs to the payload."""
    answer = ANSWERS[name]
    stream = StreamingBody(io.BytesIO(answer), len(answer))
    with Stubber(service.runtime) as runtime:
        response = {"Body": stream, "InvokedProductionVariant": "AllTraffic"}
        runtime.add_response("invoke_endpoint", response)
        emitted: dict[str, Any] = service.handler(message, LambdaContext())
    return emitted


if __name__ == "__main__":
    run(Contract("serialized-image", ("prediction", Prediction), process))
