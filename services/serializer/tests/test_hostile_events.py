"""Whatever starts the serializer: the very object that it names is asked for, or it is refused."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from contextlib import redirect_stdout
from logging import StreamHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from services.serializer.tests.hostile_event_cases import (
    BUCKETS,
    CONSOLE,
    ESSENTIAL,
    EVENT,
    IGNORED,
    IMPOSSIBLE_KEYS,
    KEYS,
    REASONS,
    WRONG,
    with_value,
    without,
)
from services.serializer.tests.hostile_event_tally import Tally, fuzzed

from scones_serializer import handler as service
from scones_serializer.errors import SerializerError
from scones_serializer.events import ObjectReference
from scones_serializer.storage import read_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import FakeS3, LambdaContext

    Run = Callable[[Any], str]

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

SECRET = "c2VjcmV0IHBpeGVscw"
LONGEST_MESSAGE = 4096
"""Characters: as much of a cause as a dead letter keeps."""
RIGHT = "serialized"


def png() -> bytes:
    memory = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(memory, "PNG")
    return memory.getvalue()


PNG = png()


def asked(event: Any) -> dict[str, Any]:
    """What S3 has to be asked for, if the event names anything."""
    try:
        if "detail" not in event:
            return {"Bucket": event["s3_bucket"], "Key": event["s3_key"]}
        detail = event["detail"]
        wanted = {"Bucket": detail["bucket"]["name"], "Key": detail["object"]["key"]}
        version = detail["object"].get("version-id")
    except (LookupError, TypeError, AttributeError):
        return {"Bucket": "none can be asked for", "Key": "none"}
    return wanted if version is None else {**wanted, "VersionId": version}


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\nserializer, events: {tally}")  # noqa: T201 - for `make fuzz`


@pytest.fixture
def run(context: LambdaContext, tally: Tally) -> Iterator[Run]:
    """The real handler: the name of the outcome, which is the usual picture or a named refusal."""
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
    picture = StreamingBody(io.BytesIO(PNG), len(PNG))
    answer = {"Body": picture, "ContentLength": len(PNG), "ETag": '"0f343b09"'}
    with Stubber(service.s3) as stub, redirect_stdout(io.StringIO()):
        stub.add_response("get_object", answer, asked(event))
        try:
            message = service.handler(event, context)
        except SerializerError as error:
            check_refusal(error)
            return type(error).__name__
    check_message(message, asked(event))
    return RIGHT


def check_refusal(error: SerializerError) -> None:
    assert type(error) is not SerializerError
    said = str(error)
    assert 20 < len(said) <= LONGEST_MESSAGE
    assert said.encode(), "Lambda's runtime can send it"
    assert SECRET not in said
    assert b64encode(PNG).decode() not in said


def check_message(message: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert json.dumps(message, ensure_ascii=False).encode(), "Lambda's runtime can send it"
    assert message["source"]["bucket"] == wanted["Bucket"]
    assert message["source"]["key"] == wanted["Key"]
    assert (message["width"], message["height"]) == (32, 32)


def console(key: Any, bucket: Any = "scones-uploads") -> dict[str, Any]:
    return {"image_data": SECRET, "s3_bucket": bucket, "s3_key": key}


def test_event_without_an_essential_field_is_an_invalid_upload(run: Run) -> None:
    for path in ESSENTIAL:
        assert run(without(path)) == "InvalidUpload", path


@pytest.mark.parametrize("path", ESSENTIAL)
def test_wrong_value_of_an_essential_field_is_an_invalid_upload(run: Run, path: str) -> None:
    for what, value in WRONG.items():
        assert run(with_value(path, value)) == "InvalidUpload", what


def test_two_events_in_one_list_are_an_invalid_upload(run: Run) -> None:
    wrapped: list[Any] = [[EVENT, EVENT], [EVENT], {"detail": [EVENT]}, {"Records": [EVENT]}, {}]
    for event in wrapped:
        assert run(event) == "InvalidUpload"


def test_input_of_any_other_kind_is_an_invalid_upload(run: Run) -> None:
    for what, value in WRONG.items():
        assert run(value) == "InvalidUpload", what


@pytest.mark.parametrize("path", IGNORED)
def test_field_that_is_not_needed_may_be_missing_or_wrong(run: Run, path: str) -> None:
    assert run(without(path)) == RIGHT
    for what, value in WRONG.items():
        assert run(with_value(path, value)) == RIGHT, what


def test_object_is_read_whatever_the_reason_of_its_creation(run: Run) -> None:
    for reason in REASONS:
        assert run(with_value("detail.reason", reason)) == RIGHT


@pytest.mark.parametrize("key", KEYS, ids=ascii)
def test_strange_key_is_asked_for_as_it_is_by_either_input(run: Run, key: str) -> None:
    assert run(with_value("detail.object.key", key)) == RIGHT
    assert run(console(key)) == RIGHT


@pytest.mark.parametrize("key", IMPOSSIBLE_KEYS, ids=lambda key: ascii(key)[:20])
def test_key_that_s3_cannot_have_is_an_invalid_upload(run: Run, key: str) -> None:
    assert run(with_value("detail.object.key", key)) == "InvalidUpload"
    assert run(console(key)) == "InvalidUpload"


@pytest.mark.parametrize("bucket", BUCKETS, ids=lambda name: ascii(name)[:30])
def test_bucket_that_cannot_be_asked_is_an_invalid_upload(run: Run, bucket: str) -> None:
    assert run(with_value("detail.bucket.name", bucket)) == "InvalidUpload"
    assert run(console("a.png", bucket)) == "InvalidUpload"


def test_console_input_of_wrong_fields_is_an_invalid_upload(run: Run) -> None:
    for value in WRONG.values():
        assert run(console(value)) == "InvalidUpload"
        assert run(console("a.png", value)) == "InvalidUpload"
    for name in ("s3_bucket", "s3_key"):
        assert run({field: CONSOLE[field] for field in CONSOLE if field != name}) == "InvalidUpload"


def test_placeholder_of_the_console_input_is_checked_and_never_read(run: Run) -> None:
    for value in WRONG.values():
        expected = RIGHT if isinstance(value, str) else "InvalidUpload"
        assert run(CONSOLE | {"image_data": value}) == expected
    assert run({name: CONSOLE[name] for name in ("s3_bucket", "s3_key")}) == RIGHT


@pytest.mark.parametrize(
    ("size", "outcome"),
    [
        (0, RIGHT),
        ("184662", RIGHT),
        (184662.0, RIGHT),
        (None, RIGHT),
        (33_554_433, "ObjectTooLarge"),
        (10**15, "ObjectTooLarge"),
        (-1, "InvalidUpload"),
        (1.5, "InvalidUpload"),
        ("many", "InvalidUpload"),
        ("1" * 5000, "InvalidUpload"),
        (10**400, "InvalidUpload"),
        (10**5000, "InvalidUpload"),
        (float("nan"), "InvalidUpload"),
        (float("inf"), "InvalidUpload"),
        ([184662], "InvalidUpload"),
        ({}, "InvalidUpload"),
    ],
    ids=lambda value: str(type(value)),
)
def test_size_is_a_number_of_bytes_that_an_object_can_have(
    run: Run, size: Any, outcome: str
) -> None:
    assert run(with_value("detail.object.size", size)) == outcome


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        (None, RIGHT),
        ("null", RIGHT),
        ("v" * 1024, RIGHT),
        ("a b+c%2F&versionId=x\n\0🚲", RIGHT),
        ("", "InvalidUpload"),
        ("v" * 1025, "InvalidUpload"),
        ("v" * 1_000_000, "InvalidUpload"),
        ("\ud800", "InvalidUpload"),
        (7, "InvalidUpload"),
        (True, "InvalidUpload"),
        ([], "InvalidUpload"),
        ({}, "InvalidUpload"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_version_is_a_text_that_s3_could_have_given(run: Run, version: Any, outcome: str) -> None:
    assert run(with_value("detail.object.version-id", version)) == outcome


TEXTS = st.text(st.characters(exclude_categories=()), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
FIELDS = (*ESSENTIAL, *IGNORED, "detail.object.size", "detail.object.version-id")
ODD_BUCKETS = st.from_regex(r"\A[A-Za-z0-9._-]{1,60}(--x-s3|--xa-s3|--op-s3|-s3alias|\.mrap)?\Z")


@st.composite
def damaged_events(draw: st.DrawFn) -> Any:
    """An event or a console input with a few fields lost, wrong or added."""
    event = json.loads(json.dumps(draw(st.sampled_from([EVENT, CONSOLE]))))
    for _ in range(draw(st.integers(1, 4))):
        *parents, name = draw(st.sampled_from((*FIELDS, "s3_bucket", "s3_key"))).split(".")
        place = event
        for parent in parents:
            place = place.get(parent) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(name, None)
            if draw(st.integers(0, 3)):
                place[draw(st.sampled_from([name, name.upper(), name + "\0"]))] = draw(JSON)
    return event


@fuzzed
@given(event=damaged_events() | JSON)
def test_damaged_event_is_an_invalid_upload_or_read_as_it_says(run: Run, event: Any) -> None:
    assert run(event) in {RIGHT, "InvalidUpload", "ObjectTooLarge"}


@fuzzed
@given(bucket=ODD_BUCKETS, key=TEXTS)
def test_any_bucket_and_key_are_asked_for_or_refused(run: Run, bucket: str, key: str) -> None:
    assert run(console(key, bucket)) in {RIGHT, "InvalidUpload"}


@pytest.mark.parametrize("key", KEYS, ids=ascii)
def test_strange_key_is_the_same_on_the_wire(fake_s3: FakeS3, key: str) -> None:
    fake_s3.answers(b"bytes")
    by_path = Config(s3={"addressing_style": "path"})
    client = boto3.client("s3", endpoint_url=fake_s3.url, config=by_path)
    read_object(client, ObjectReference("scones-uploads", key), max_bytes=5)
    (path,) = fake_s3.paths
    assert unquote(path.partition("?")[0], errors="strict") == f"/scones-uploads/{key}"
