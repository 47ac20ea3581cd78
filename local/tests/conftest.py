"""What the tests of the stand-ins share: a loop to run them on, and one realistic trace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

Entered = TypeVar("Entered")
Eventually = Callable[[Callable[[], object]], None]
TRACE_ID = "1-6742f1a0-0123456789abcdef01234567"
STARTED = 0x6742F1A0 + 0.125
IMAGE_KEY = "incoming/my <b>bike</b> & I.jpg"
INFERENCE_ID = "5f" * 32


class Background:
    """An event loop in a thread: tests stay plain functions with blocking boto3 clients."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def enter(self, context: AbstractAsyncContextManager[Entered]) -> Entered:
        """Enter a context on the loop; `stop` leaves it."""
        entering = self._stack.enter_async_context(context)
        return asyncio.run_coroutine_threadsafe(entering, self._loop).result(timeout=30)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function on the loop."""
        self._loop.call_soon_threadsafe(function, *arguments)

    def stop(self) -> None:
        """Leave all contexts, the last first."""
        asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._loop).result(timeout=30)

    def close(self) -> None:
        """Stop, and end the loop."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def background() -> Iterator[Background]:
    loop = Background()
    yield loop
    loop.close()


@pytest.fixture
def session() -> boto3.Session:
    """Make boto3 clients that need neither an account nor the environment."""
    return boto3.Session("test", "test", region_name="us-east-1")


@pytest.fixture
def eventually() -> Eventually:
    """Wait until a condition holds; fail when it still does not after 20 s."""

    def _eventually(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "what was waited for did not happen"
            time.sleep(0.005)

    return _eventually


def _document(name: str, span_id: int, begin: float, end: float, **more: object) -> dict[str, Any]:
    """A (sub)segment; times in milliseconds after the start of the trace."""
    return {
        "name": name,
        "id": f"{span_id:016x}",
        "start_time": STARTED + begin / 1000,
        "end_time": STARTED + end / 1000,
        **more,
    }


def _step(state: str, span_id: int, begin: float, handler: dict[str, Any]) -> list[dict[str, Any]]:
    """A state of 30 ms, the function it calls, and the function's handler."""
    end = begin + 30
    under = {"trace_id": TRACE_ID, "type": "subsegment"}
    service = f"scones-{state.lower()}"
    parents = [f"{parent:016x}" for parent in (1, span_id, span_id + 1)]
    return [
        _document(state, span_id, begin, end, parent_id=parents[0], **under),
        _document(
            service, span_id + 1, begin + 2, end - 2, parent_id=parents[1], trace_id=TRACE_ID,
            origin="AWS::Lambda::Function", fault=handler.get("fault", False),
        ),
        _document(
            "## handler", span_id + 2, begin + 4, end - 4, parent_id=parents[2], **under, **handler
        ),
    ]  # fmt: skip


@pytest.fixture
def trace_documents() -> list[dict[str, Any]]:
    """One execution: the engine's, the Lambda runtime's and the SDK's documents, as they arrive."""
    known = {"inference_id": INFERENCE_ID, "image_key": IMAGE_KEY}
    get_object = _document(
        "s3", 13, 10, 20, namespace="aws", http={"response": {"status": 200}},
        aws={"operation": "GetObject", "bucket_name": "scones-images", "key": IMAGE_KEY},
    )  # fmt: skip
    invoke = _document(
        "runtime.sagemaker", 23, 40, 52, namespace="aws", http={"response": {"status": 503}},
        aws={"operation": "InvokeEndpoint"}, fault=True,
    )  # fmt: skip
    cause = {"exceptions": [{"type": "EndpointUnavailable", "message": "no <healthy> container"}]}
    classify = {"annotations": known, "subsegments": [invoke], "fault": True, "cause": cause}
    decided = {**known, "label": "bicycle", "decision": "accepted", "ColdStart": False}
    documents = [
        *_step("Serialize", 10, 2, {"annotations": known, "subsegments": [get_object]}),
        *_step("Classify", 20, 34, classify),
        *_step("Filter", 30, 66, {"annotations": decided}),
    ]
    workflow = _document(
        "scones-workflow", 1, 0, 100, trace_id=TRACE_ID, origin="AWS::StepFunctions::StateMachine"
    )
    return [*reversed(documents), workflow]
