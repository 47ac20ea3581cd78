"""prediction -> decision: the filter's handler with the template's threshold and routes."""

from __future__ import annotations

import os
from typing import Any

from contract import Contract, LambdaContext, run

# The handler reads its settings on import.
os.environ |= {
    "CONFIDENCE_THRESHOLD": "0.9",
    "ROUTES": '{"bicycle": {"orders": "nearby", "loading_bay": "A"},'
    ' "motorcycle": {"orders": "far", "loading_bay": "B"}}',
}

from scones_filter.events import Decision
from scones_filter.handler import handler


def process(_name: str, message: dict[str, Any]) -> dict[str, Any]:
    """Decide."""
    emitted: dict[str, Any] = handler(message, LambdaContext())
    return emitted


if __name__ == "__main__":
    run(Contract("prediction", ("decision", Decision), process))
