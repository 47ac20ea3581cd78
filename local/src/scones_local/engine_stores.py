"""What the engine replaces in DynamoDB and EventBridge: whole writes, and a bounded log."""

from __future__ import annotations

import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

from ministack.services import dynamodb, eventbridge

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["install"]

ITEM_CALLS = (
    "_put_item", "_update_item", "_delete_item", "_get_item", "_query", "_scan",
    "_batch_get_item", "_batch_write_item", "_transact_get_items", "_transact_write_items",
)  # fmt: skip
EVENTS_KEPT = 1000
"""ministack keeps every event of PutEvents for ever; the engine keeps the newest ones."""


def one_at_a_time(function: Callable[..., Any], lock: threading.RLock) -> Callable[..., Any]:
    """Wrap a function of items: on AWS a write's condition and the write are one.

    ministack looks at an item and then writes it, for as many workflows at once as there are: of
    two that claim an upload both would have it.
    """

    @wraps(function)
    def locked(*arguments: object, **named: object) -> object:
        with lock:
            return function(*arguments, **named)

    return locked


def events_log_list() -> list[dict[str, Any]]:
    """Wrap `eventbridge._events_log_list`: forget the oldest events."""
    entries: list[dict[str, Any]] = original_events_log_list()
    del entries[:-EVENTS_KEPT]
    return entries


original_events_log_list = eventbridge._events_log_list


def install() -> None:
    """Put the replacements in ministack's modules."""
    lock = threading.RLock()  # they call one another
    for name in ITEM_CALLS:
        setattr(dynamodb, name, one_at_a_time(getattr(dynamodb, name), lock))
    eventbridge._events_log_list = events_log_list
