"""An answer other than 200."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from http import HTTPStatus

__all__ = ["RETRY_SECONDS", "Refused"]

RETRY_SECONDS = 1
"""When a client that was told "busy" may come again: by then the fullest queue has moved on."""


class Refused(Exception):
    """Its status, its message and perhaps a header."""

    def __init__(self, status: HTTPStatus, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
