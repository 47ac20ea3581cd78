"""Whatever lies in the two queues: it is read, or called malformed, and can be shown."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operations.tests.hostile_letter_tally import Tally, fuzzed

from scones_operations.recovery import tally as shown_by
from scones_operations.recovery.letters import MALFORMED, read_dead_letter, read_undelivered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from scones_operations.recovery.letters import Letter

    Read = Callable[[str], Letter]

WORKFLOW = "arn:aws:states:eu-central-1:123456789012:stateMachine:scones-dev"
STEERING = {*map(chr, range(32)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u202e"} - {"\n"}
"""What a terminal would obey; the line's end is the table's own."""


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\noperations, letters: {tally}")  # noqa: T201 - for `make fuzz`


@pytest.fixture
def dead(tally: Tally) -> Read:
    return lambda body: checked(read_dead_letter(message(body)), body, tally)


@pytest.fixture
def undelivered(tally: Tally) -> Read:
    told = {"ERROR_CODE": "X", "ERROR_MESSAGE": "\x1b[2J", "TARGET_ARN": WORKFLOW}
    return lambda body: checked(read_undelivered(message(body, **told), WORKFLOW), body, tally)


def message(body: str, **attributes: str) -> MessageTypeDef:
    return {
        "MessageId": "0d1e2f3a",
        "Body": body,
        "Attributes": {"SentTimestamp": "1795590359145"},
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def checked(letter: Letter, body: str, tally: Tally) -> Letter:
    """A letter is one that can be redriven, or says why not; every part of it can be shown."""
    if not letter.obstacle:
        again = json.loads(letter.input)
        if isinstance(again, dict) and letter.run:
            assert again.pop("redrive_of") == letter.run
        assert json.dumps(letter.input), "Step Functions can be asked with it"
    for text in (shown(letter, "show_counts"), shown(letter, "show_letters")):
        assert text.encode()
        assert not STEERING & set(text)
    tally.add(body, "malformed" if letter.error == MALFORMED else "read")
    return letter


def shown(letter: Letter, how: str) -> str:
    """What a person sees, on a terminal that takes UTF-8."""
    memory = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(memory, encoding="utf-8")) as screen:
        tally = shown_by.Tally(shown_by.REDRIVEN)
        fate = shown_by.CANNOT if letter.obstacle else shown_by.REDRIVEN
        tally.add(letter, fate, letter.obstacle)
        if how == "show_counts":
            tally.show_counts(planned=False)
        else:
            tally.show_letters()
        screen.flush()
    return memory.getvalue().decode()


def event(key: Any = "incoming/a.jpg", bucket: Any = "scones", version: Any = "v1") -> Any:
    return {"detail": {"bucket": {"name": bucket}, "object": {"key": key, "version-id": version}}}


def letter_of(upload: Any, **parts: Any) -> str:
    error = {"name": "NotAnImage", "reason": "because", "cause": "{}"} | parts.pop("error", {})
    told = {"input": upload, "failed_state": "Serialize", "retries": 0, "error": error}
    return json.dumps({**told, "inference_id": None, "run": "r", "execution": None, **parts})


NO_LETTERS = [
    "", " ", "\0", "no JSON", "null", "true", "7", "NaN", '"letter"', "[]", "{}", "[" * 100_000,
    '{"input":' * 100_000, '{"input": ' + "9" * 5000, "9" * 5000, "\ud800", "\ufeff{}", "🚲",
    json.dumps({"input": {}}), json.dumps({"input": {}, "error": {}}),
    json.dumps({"input": {}, "failed_state": "X", "error": None}),
    json.dumps({"input": {}, "failed_state": "X", "error": "NotAnImage"}),
    json.dumps({"input": {}, "failed_state": "X", "error": ["name", "reason"]}),
    json.dumps({"input": {}, "failed_state": None, "error": {"name": "X", "reason": "y"}}),
    letter_of({}, error={"name": 7}), letter_of({}, error={"reason": None}),
    letter_of({}, failed_state=["Serialize"]), "\x1b[2J\x1b]0;title\x07" + "x" * 300_000,
]  # fmt: skip

UPLOADS: dict[str, Any] = {
    "null": None,
    "a number": 7,
    "a text": "detail",
    "a list": [event()],
    "nothing": {},
    "no detail": {"detail": None},
    "detail in a list": {"detail": [event()["detail"]]},
    "no object": {"detail": {"bucket": {"name": "b"}}},
    "a key that is a number": event(7),
    "a key that is null": event(None),
    "half a character": event("\ud800"),
    "half a character in the version": event(version="\ud800"),
    "half a character in the bucket": event(bucket="\ud800"),
    "half a character for a name": {"\ud800": "\ud800"},
    "what a terminal obeys": event("\x1b[2J\x1b]0;title\x07\r\x9b31m\x7f"),
    "rich's markup": event("[red]a[/blue][link=x"),
    "right to left": event("\u202egpj.exe"),
    "no characters": event("\ufffe\uffff"),
    "nothing visible": event("\0\u200b\u2028"),
    "as long as a key can be": event("🚲" * 256),
    "longer than a key can be": event("x" * 100_000),
    "a redrive of another": event() | {"redrive_of": {"run": 7}},
    "console input": {"image_data": "", "s3_bucket": "b", "s3_key": "k"},
    "console input of other types": {"s3_bucket": [], "s3_key": {}},
    "an endless number": {"size": 10**4000},
    "not a number": {"size": float("nan")},
}


@pytest.mark.parametrize("body", NO_LETTERS, ids=lambda body: ascii(body)[:30])
def test_message_that_is_no_letter_is_malformed(dead: Read, body: str) -> None:
    letter = dead(body)
    assert letter.error == MALFORMED
    assert letter.obstacle
    assert len(letter.reason) <= 200


@pytest.mark.parametrize("what", UPLOADS)
def test_letter_on_any_input_is_read(dead: Read, what: str) -> None:
    upload = UPLOADS[what]
    letter = dead(letter_of(upload))
    assert (letter.error, letter.obstacle) == ("NotAnImage", "")
    if isinstance(upload, dict):
        upload = {**upload, "redrive_of": "r"}
    assert letter.input == json.dumps(upload, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("what", UPLOADS)
def test_undelivered_event_of_any_shape_is_read_or_malformed(undelivered: Read, what: str) -> None:
    upload = UPLOADS[what]
    letter = undelivered(json.dumps(upload))
    is_event = isinstance(upload, dict) and "detail" in upload
    assert (letter.error == MALFORMED) == (not is_event)


@pytest.mark.parametrize("body", NO_LETTERS, ids=lambda body: ascii(body)[:30])
def test_undelivered_message_that_is_no_event_is_malformed(undelivered: Read, body: str) -> None:
    assert undelivered(body).error == MALFORMED


@pytest.mark.parametrize("name", ["run", "inference_id", "execution", "retries"])
def test_field_that_older_letters_lack_may_be_anything(dead: Read, name: str) -> None:
    values: list[Any] = [None, 7, True, [], {}, [{}], "", "\ud800", "x" * 10_000]
    for value in values:
        letter = dead(letter_of(event(), **{name: value}))
        assert letter.error == "NotAnImage"
        run = value if name == "run" else "r"
        assert letter.run == (run if isinstance(run, str) else "")


@pytest.mark.parametrize("text", ["", "\ud800", "[/x]", "\x1b[2J", "x" * 10_000, "\n" * 50, "é🚲"])
def test_error_of_any_name_and_reason_is_shown(dead: Read, text: str) -> None:
    letter = dead(letter_of(event(), error={"name": text, "reason": text}, failed_state=text))
    assert (letter.error, letter.reason, letter.failed_state) == (text, text, text)


TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
PARTS = st.dictionaries(
    st.sampled_from(["input", "failed_state", "error", "run", "inference_id", "execution"]), JSON
)


@st.composite
def damaged_letters(draw: st.DrawFn) -> str:
    """A good letter with parts lost, wrong or cut."""
    told = json.loads(letter_of(event(draw(TEXTS), draw(TEXTS), draw(TEXTS))))
    told["error"] |= draw(st.dictionaries(st.sampled_from(["name", "reason"]), TEXTS | JSON))
    told |= draw(PARTS)
    for name in draw(st.sets(st.sampled_from(sorted(told)), max_size=2)):
        del told[name]
    body = json.dumps(told, ensure_ascii=draw(st.booleans()))
    return body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 5)) == 0 else body


@fuzzed
@given(body=damaged_letters() | TEXTS | JSON.map(json.dumps))
def test_any_message_is_a_letter_or_malformed_and_can_be_shown(
    dead: Read, undelivered: Read, body: str
) -> None:
    for letter in (dead(body), undelivered(body)):
        assert letter.id == "0d1e2f3a"
        assert letter.obstacle or letter.input
