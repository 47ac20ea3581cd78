"""X-Ray segments of what AWS itself traces: the workflow, its states, the Lambda service.

Document format: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

__all__ = ["SpanContext", "current_span", "new_id", "send_segment"]

HEADER = b'{"format":"json","version":1}\n'
_SOCKET = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def new_id() -> str:
    """Return a segment id: 16 hexadecimal digits."""
    return secrets.token_hex(8)


@dataclass(frozen=True)
class SpanContext:
    """One place in a trace: its trace id, its own id, its parent's."""

    trace_id: str
    id: str
    parent_id: str | None = None

    @classmethod
    def root(cls) -> SpanContext:
        """Begin a new trace."""
        return cls(f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", new_id())

    @classmethod
    def child_of(cls, parent: SpanContext) -> SpanContext:
        """Begin a span under `parent` in the same trace."""
        return cls(parent.trace_id, new_id(), parent.id)

    @property
    def header(self) -> str:
        """The tracing header that makes what is called a child of this span."""
        return f"Root={self.trace_id};Parent={self.id};Sampled=1"

    def document(self, name: str, started: float, ended: float) -> dict[str, Any]:
        """Describe this span as an X-Ray segment; times in epoch seconds."""
        parent = {"parent_id": self.parent_id} if self.parent_id else {}
        times = {"start_time": started, "end_time": ended}
        return {"name": name, "id": self.id, "trace_id": self.trace_id, **times, **parent}


current_span: ContextVar[SpanContext | None] = ContextVar("current_span", default=None)


def send_segment(document: dict[str, Any]) -> None:
    """Send a segment to the X-Ray daemon, where the environment names one."""
    daemon = os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    if daemon:
        host, port = daemon.rsplit(":", 1)
        _SOCKET.sendto(HEADER + json.dumps(document).encode(), (host, int(port)))
