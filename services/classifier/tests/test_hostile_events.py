"""Whatever is sent to the classifier: a prediction of that image, or a refusal that has a name."""

from __future__ import annotations

import io
import json
from base64 import b64decode, b64encode
from contextlib import redirect_stdout
from copy import deepcopy
from logging import StreamHandler
from typing import TYPE_CHECKING, Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st
from services.classifier.tests.hostile_event_tally import Tally, fuzzed

from scones_classifier import handler as service
from scones_classifier.errors import InvalidSerializedImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import LambdaContext

    Run = Callable[[Any], str]

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

ANSWER = b"[0.97, 0.03]"
LONGEST_MESSAGE = 4096
"""Characters: as much of a cause as a dead letter keeps."""
RIGHT = "classified"
REFUSED = "InvalidSerializedImage"

PATHS = (
    "inference_id",
    "source",
    "source.bucket",
    "source.key",
    "source.version_id",
    "source.etag",
    "image_data",
    "content_type",
)


def _nested(depth: int) -> Any:
    inner: Any = {}
    for _ in range(depth):
        inner = [{"source": inner}]
    return inner


WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "fraction": 0.5,
    "huge": 10**400,
    "beyond what Python prints": 10**5000,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "a list": [],
    "a list of the like": ["image/png"],
    "an object": {},
    "deep": _nested(300),
    "half a character": "\ud800",
    "two halves, the wrong way round": "\udc00\ud83d",
}
"""Wrong in every place but for the version, which may be null."""

NO_IMAGES = ("", "=", "====", "A", "AB=", "iVBORw0KGgo", "iVBO\nRw0KGgo=", " iVBORw0KGgo=",
             "iVBORw0KGgo=\0", "iVBO-_0KGgo=", "ünicode=", "data:image/png;base64,iVBORw0KGgo=",
             "🚲" * 4)  # fmt: skip
NO_TYPES = ("", "image", "image/", "text/html", "IMAGE/PNG", "image/png ", "image/png\r\nX-Evil: 1",
            "image/png\n", "image/png; charset=utf-8", "image/*", "image/\0")  # fmt: skip
NO_IDS = ("", "5C" * 32, "5c" * 31, "5c" * 33, "5c" * 32 + "\n", "zz" * 32, " " * 64, "\u0665" * 64)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\nclassifier, events: {tally}")  # noqa: T201 - for `make fuzz`


@pytest.fixture
def run(context: LambdaContext, tally: Tally) -> Iterator[Run]:
    """The real handler before an endpoint that always answers: the name of the outcome."""
    log = service.logger.registered_handler
    assert isinstance(log, StreamHandler)
    usual = log.setStream(io.StringIO())

    def named(event: Any) -> str:
        outcome = _outcome(event, context)
        tally.add(event, outcome)
        return outcome

    yield named
    log.setStream(usual)


def _outcome(event: Any, context: LambdaContext) -> str:
    sent = dict.fromkeys(("EndpointName", "Body", "ContentType", "Accept", "InferenceId"), ANY)
    with Stubber(service.runtime) as stub, redirect_stdout(io.StringIO()):
        body = StreamingBody(io.BytesIO(ANSWER), len(ANSWER))
        stub.add_response("invoke_endpoint", {"Body": body}, sent | _image(event))
        try:
            prediction = service.handler(event, context)
        except InvalidSerializedImage as error:
            check_refusal(error, event)
            return type(error).__name__
    assert json.dumps(prediction, ensure_ascii=False).encode(), "Lambda's runtime can send it"
    assert prediction["source"] == {name: event["source"][name] for name in prediction["source"]}
    assert prediction["inference_id"] == event["inference_id"]
    return RIGHT


def _image(event: Any) -> dict[str, Any]:
    """What has to be sent, if the message holds an image at all."""
    try:
        return {"Body": b64decode(event["image_data"]), "ContentType": event["content_type"]}
    except (LookupError, TypeError, ValueError):
        return {"Body": b"nothing can be sent"}


def check_refusal(error: InvalidSerializedImage, event: Any) -> None:
    said = str(error)
    assert said.startswith("not a serialized-image v1 message: ")
    assert len(said) <= LONGEST_MESSAGE
    assert said.encode(), "Lambda's runtime can send it"
    image = event.get("image_data") if isinstance(event, dict) else None
    assert not (isinstance(image, str) and len(image) > 20 and image[:20] in said)


def with_value(message: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed: dict[str, Any] = deepcopy(message)
    *parents, name = path.split(".")
    (changed[parents[0]] if parents else changed)[name] = value
    return changed


def without(message: dict[str, Any], path: str) -> dict[str, Any]:
    changed = with_value(message, path, None)
    *parents, name = path.split(".")
    del (changed[parents[0]] if parents else changed)[name]
    return changed


@pytest.mark.parametrize("path", PATHS)
def test_message_without_a_field_is_refused(run: Run, message: dict[str, Any], path: str) -> None:
    assert run(without(message, path)) == REFUSED


@pytest.mark.parametrize("path", PATHS)
def test_message_with_a_wrong_field_is_refused(
    run: Run, message: dict[str, Any], path: str
) -> None:
    for what, value in WRONG.items():
        may_be = path == "source.version_id" and value is None
        assert run(with_value(message, path, value)) == (RIGHT if may_be else REFUSED), what


def test_message_in_another_wrapping_is_refused(run: Run, message: dict[str, Any]) -> None:
    wrapped = [[message], [[]], {"Payload": message}, {"body": json.dumps(message)}, {"": {}}]
    for event in (*wrapped, *WRONG.values(), json.dumps(message)):
        assert run(event) == REFUSED


def test_what_is_no_strict_base64_is_refused(run: Run, message: dict[str, Any]) -> None:
    for text in NO_IMAGES:
        assert run(message | {"image_data": text}) == REFUSED, text


def test_what_is_no_plain_image_type_is_refused(run: Run, message: dict[str, Any]) -> None:
    for text in NO_TYPES:
        assert run(message | {"content_type": text}) == REFUSED, text


def test_what_is_no_inference_id_is_refused(run: Run, message: dict[str, Any]) -> None:
    for text in NO_IDS:
        assert run(message | {"inference_id": text}) == REFUSED, text


def test_secret_picture_is_in_no_refusal(run: Run, message: dict[str, Any]) -> None:
    picture = b64encode(bytes(range(256)) * 800).decode()
    for path in ("inference_id", "source.key", "content_type"):
        assert run(with_value(message | {"image_data": picture}, path, 7)) == REFUSED
    assert run(message | {"image_data": picture + "!"}) == REFUSED


def test_picture_as_large_as_a_workflow_carries_is_sent(run: Run, message: dict[str, Any]) -> None:
    assert run(message | {"image_data": "A" * 204_800}) == RIGHT


@pytest.mark.parametrize("name", ["width", "height", "depth", "\ud800", ""])
def test_fields_that_are_not_needed_may_be_anything(
    run: Run, message: dict[str, Any], name: str
) -> None:
    for what, value in WRONG.items():
        assert run(message | {name: value}) == RIGHT, what


TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
CHANGES = st.dictionaries(st.sampled_from(PATHS), JSON, min_size=1, max_size=4)


@fuzzed
@given(changes=CHANGES)
def test_damaged_message_is_refused_or_classified_as_it_says(
    run: Run, message: dict[str, Any], changes: dict[str, Any]
) -> None:
    event = message
    for path, value in sorted(changes.items(), reverse=True):  # a field before what holds it
        event = with_value(event, path, value)
    assert run(event) in {RIGHT, REFUSED}


@fuzzed
@given(event=JSON)
def test_any_json_is_refused(run: Run, event: Any) -> None:
    assert run(event) == REFUSED
