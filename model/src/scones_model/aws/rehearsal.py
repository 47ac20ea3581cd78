"""What a program would ask of AWS, learnt from the program itself, without asking.

The program is given a boto3 session that answers every call on this machine: nothing is signed,
sent or looked up. botocore has checked each request against the service's model by then.
"""

# ruff: noqa: PLC0415 - boto3 is in the extra `ops` alone

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scones_model.aws.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

__all__ = ["rehearse"]

_QUESTIONS = ("Describe", "Get", "Head", "List", "Simulate")


class _LastRequest(Exception):
    """The request that was waited for has come."""


def rehearse(act: Callable[[boto3.Session], object], region: str, last: str) -> list[Request]:
    """What `act` would change through the session it is given, up to the operation `last`.

    Questions are left out, as their answers are made up: IAM refuses each, as it does for most
    people, and all others are answered by nothing.
    """
    import boto3

    requests: list[Request] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        if model.name.startswith(_QUESTIONS):
            return
        asked = {name: _content(value) for name, value in params.items()}
        requests.append(Request(model.service_model.service_name, model.name, asked))

    def answer(model: Any, **_: object) -> Any:  # noqa: ANN401 - botocore's
        if model.name == last:
            raise _LastRequest
        return _refusal() if model.service_model.service_name == "iam" else _empty(model)

    # Credentials that are none keep boto3 from looking for real ones, also over the network.
    session = boto3.Session("rehearsal", "rehearsal", region_name=region)
    session.events.register("before-parameter-build", note)
    session.events.register("before-call", answer)
    try:
        act(session)
    except _LastRequest:
        return requests
    raise AssertionError(f"{last} was never asked for")


def _refusal() -> Any:  # noqa: ANN401 - botocore's
    refusal = {"Code": "AccessDenied", "Message": "Nothing was sent: this is a rehearsal."}
    return _response(403), {"Error": refusal}


def _empty(model: Any) -> Any:  # noqa: ANN401 - botocore's
    members = model.output_shape.members if model.output_shape else {}
    return _response(200), {name: [] for name, of in members.items() if of.type_name == "list"}


def _response(status: int) -> Any:  # noqa: ANN401 - botocore's
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    return AWSResponse("", status, HTTPHeaders(), None)


def _content(value: Any) -> Any:  # noqa: ANN401 - any parameter
    """The value; of a file that is sent from, its bytes."""
    if not hasattr(value, "read"):
        return value
    content = value.read()
    value.seek(0)
    return content
