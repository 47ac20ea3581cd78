"""The body of an error answer, as botocore can read it.

botocore's parser expects a JSON object of texts. On a list, a number, deep nesting or bad UTF-8 it
raises whatever Python does, and the status is lost, by which it would try again.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

__all__ = ["LONGEST_TEXT", "make_readable"]

LONGEST_TEXT = 300
"""Characters of a text that are kept: they end in an error's message, and in the dead letter."""


def make_readable(response_dict: dict[str, Any], **_: object) -> None:
    """Stand between an answer and botocore's parser: its event `before-parse`."""
    if response_dict["status_code"] >= HTTPStatus.MULTIPLE_CHOICES:
        response_dict["body"] = json.dumps(_readable(response_dict["body"])).encode()


def _readable(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body or b"{}")
    except (ValueError, RecursionError):  # no JSON, no UTF-8, an endless integer, nesting
        told = None
    if not isinstance(told, dict):
        return {"message": body[:LONGEST_TEXT].decode(errors="replace")}
    return {name: _short(value) for name, value in told.items() if _fits(name, value)}


def _fits(name: str, value: object) -> bool:
    if name == "OriginalStatusCode":
        return type(value) is int and 0 <= value < 1000  # noqa: PLR2004 - three digits
    return isinstance(value, str)


def _short(value: object) -> object:
    """A text's start; halves of surrogate pairs, which Lambda's runtime dies of, become `?`."""
    if not isinstance(value, str):
        return value
    return value[:LONGEST_TEXT].encode(errors="replace").decode()
