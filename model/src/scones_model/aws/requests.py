"""Requests that change something, as values: to be sent, or only to be shown (`--dry-run`)."""

# ruff: noqa: PLC0415, T201 - boto3 is in the extra `ops` alone; for command lines

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scones_model.aws.account import CannotBeDone, client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["InvalidRequest", "Request", "send", "show"]


class InvalidRequest(CannotBeDone):
    """A request that botocore's model of the service would not let pass."""


@dataclass(frozen=True)
class Request:
    """An operation of a service (`sagemaker`, `CreateModelPackage`) and its parameters."""

    service: str
    operation: str
    parameters: Mapping[str, Any]


def send(request: Request) -> dict[str, Any]:
    """Send it; returns the answer, raises what boto3 raises."""
    from botocore import xform_name

    method = getattr(client(request.service), xform_name(request.operation))
    answer: dict[str, Any] = method(**request.parameters)
    return answer


def show(requests: Sequence[Request]) -> None:
    """Print requests as a JSON list, checked against botocore's models; nothing is sent.

    Bodies are told by their length and SHA-256. Raises InvalidRequest.
    """
    for request in requests:
        _check(request)
    shown = [
        {"service": one.service, "operation": one.operation, "parameters": one.parameters}
        for one in requests
    ]
    print(json.dumps(shown, indent=2, default=_told))


def _check(request: Request) -> None:
    import botocore.session
    from botocore.validate import ParamValidator

    service = botocore.session.get_session().get_service_model(request.service)
    shape = service.operation_model(request.operation).input_shape
    report = ParamValidator().validate(request.parameters, shape)  # type: ignore[arg-type]
    if report.has_errors():
        raise InvalidRequest(f"{request.operation} would be refused: {report.generate_report()}")


def _told(body: bytes) -> str:
    return f"<{len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()}>"
