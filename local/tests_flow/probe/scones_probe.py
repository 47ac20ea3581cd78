"""A handler that does what its event asks for, to see what the engine makes of it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any


class Refused(Exception):
    """An error that a workflow catches by this name."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Sleep, crash, fail a number of times, or say who we are."""
    time.sleep(event.get("sleep_s", 0.0))
    if event.get("crash"):
        os._exit(7)
    if _attempt(event) <= event.get("failures", 0):
        raise Refused("not yet")
    return {"pid": os.getpid(), "trace": os.environ["_X_AMZN_TRACE_ID"], "attempt": _attempt(event)}


def _attempt(event: dict[str, Any]) -> int:
    if "attempts" not in event:
        return 1
    counter = Path(event["attempts"])
    if not event.get("counted"):
        with counter.open("a") as file:
            file.write(".")
        event["counted"] = True
    return len(counter.read_text())
