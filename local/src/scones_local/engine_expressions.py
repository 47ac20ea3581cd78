"""What the engine replaces in Step Functions' JSONata: an expression is parsed once, not each time.

ministack parses an expression whenever it evaluates one, with a parser that is new as well, since
every execution has a thread of its own: more than a sixth of the engine's work for an upload.
"""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["install"]

EXPRESSIONS_KEPT = 1000
INSTANCES_KEPT = 16
"""Of one expression: as many as executions run at once."""

original = stepfunctions.jsonata
idle: dict[tuple[str, int | None], deque[Any]] = {}
"""Parsed expressions that nobody evaluates at the moment, by text and time limit."""


class Expression:
    """Stands in for `Jsonata`: what ministack makes of a text, registers with and evaluates once.

    A parsed expression is used by one thread at a time, as it keeps its place while it evaluates.
    """

    def __init__(self, text: str, timeout: int | None = None) -> None:
        self._idle = idle.get((text, timeout)) or _remember(text, timeout)
        try:
            self._parsed = self._idle.pop()
        except IndexError:
            self._parsed = original.Jsonata.jsonata(text, timeout=timeout)
            self._is_new = True
        else:
            self._is_new = False
            self._parsed.environment.set_runtime_bounds(timeout, None)  # its time begins now

    def register_lambda(self, name: str, function: Callable[..., object]) -> None:
        """Register a function; the same ones lie in an expression that was used before."""
        if self._is_new:
            self._parsed.register_lambda(name, function)

    def evaluate(self, document: object, bindings: Mapping[str, object]) -> object:
        """Evaluate; an expression that failed is not used again."""
        original.Jsonata.CURRENT.jsonata = self._parsed  # where it looks for itself, by thread
        result = self._parsed.evaluate(document, bindings)
        self._idle.append(self._parsed)
        return result


def _remember(text: str, timeout: int | None) -> deque[Any]:
    if len(idle) >= EXPRESSIONS_KEPT:
        idle.clear()
    return idle.setdefault((text, timeout), deque(maxlen=INSTANCES_KEPT))


def install() -> None:
    """Put the replacement in ministack's module."""
    stepfunctions.jsonata = SimpleNamespace(
        Jsonata=SimpleNamespace(jsonata=Expression), utils=original.utils
    )
