from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest

ROUTES = """{
  "bicycle": {"orders": "nearby", "loading_bay": "A"},
  "motorcycle": {"orders": "far", "loading_bay": "B"}
}"""

# Before any test imports the handler: it reads its settings on import.
os.environ.update(CONFIDENCE_THRESHOLD="0.9", ROUTES=ROUTES)


@dataclass
class LambdaContext:
    """What Powertools reads of Lambda's context."""

    function_name: str = "scones-test-filter"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:filter:live"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def context() -> LambdaContext:
    return LambdaContext()


@pytest.fixture
def message() -> dict[str, Any]:
    """A prediction v1 message, sure enough to accept."""
    return {
        "inference_id": "5c" * 32,
        "source": {
            "bucket": "scones-uploads",
            "key": "incoming/a bicycle+1.jpg",
            "version_id": None,
            "etag": "0f343b0931126a20f133d67c2b018a3b",
        },
        "label": "bicycle",
        "confidence": 0.97,
        "probabilities": {"bicycle": 0.97, "motorcycle": 0.03},
        "endpoint": "scones-test",
        "variant": "AllTraffic",
    }
