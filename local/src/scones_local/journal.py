"""What happened while faults were injected, one JSON object a line, for the chaos program."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ENDPOINT_JOURNAL", "ENGINE_JOURNAL", "Journal"]

ENGINE_JOURNAL = "engine.jsonl"
ENDPOINT_JOURNAL = "endpoint.jsonl"


class Journal:
    """A file that several threads append to; a reader sees whole lines in order of writing."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, **members: object) -> None:
        """Append one line: when it is now, and these members."""
        line = json.dumps({"at": round(time.time(), 3), **members}) + "\n"
        os.write(self._descriptor, line.encode())  # one call: the system appends it in one piece

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
