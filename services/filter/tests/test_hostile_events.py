"""Whatever is sent to the filter: a decision on that prediction, or a refusal that has a name."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from copy import deepcopy
from logging import StreamHandler
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.filter.tests.hostile_event_tally import Tally, fuzzed

from scones_filter import handler as service
from scones_filter.errors import InvalidPrediction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import LambdaContext

    Run = Callable[[Any], str]

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

LONGEST_MESSAGE = 4096
"""Characters: as much of a cause as a dead letter keeps."""
REFUSED = "InvalidPrediction"

PATHS = (
    "inference_id",
    "source",
    "source.bucket",
    "source.key",
    "source.version_id",
    "source.etag",
    "label",
    "confidence",
    "probabilities",
    "endpoint",
    "variant",
)


def _nested(depth: int) -> Any:
    inner: Any = {}
    for _ in range(depth):
        inner = [{"source": inner}]
    return inner


WRONG: dict[str, Any] = {
    "null": None,
    "true": True,
    "two": 2,
    "negative": -0.97,
    "just over one": 1.0000000000000002,
    "huge": 10**400,
    "beyond what Python prints": 10**5000,
    "not a number": float("nan"),
    "infinite": float("inf"),
    "a list": [],
    "a list of the like": [0.97],
    "an object of nothing": {"": None},
    "deep": _nested(300),
    "half a character": "\ud800",
    "two halves, the wrong way round": "\udc00\ud83d",
}
"""Wrong in every place but for the version, which may be null."""

TEXT_AS_NUMBER = ("0.97", "97%", "0,97", "NaN", "", " ")
NO_PROBABILITIES: dict[str, Any] = {
    "none": {},
    "not of the label": {"motorcycle": 0.97},
    "another of the label": {"bicycle": 0.96, "motorcycle": 0.04},
    "null": {"bicycle": None},
    "a text": {"bicycle": "0.97"},
    "true": {"bicycle": True},
    "nested": {"bicycle": {"bicycle": 0.97}},
    "one too great": {"bicycle": 0.97, "motorcycle": 1.5},
    "one below zero": {"bicycle": 0.97, "motorcycle": -1e-9},
    "one without end": {"bicycle": 0.97, "motorcycle": float("inf")},
    "half a character": {"bicycle": 0.97, "\ud800": 0.03},
    "pairs": [["bicycle", 0.97], ["motorcycle", 0.03]],
    "a million letters": {"bicycle": 0.97, "x" * 1_000_000: "x"},
    "many wrong ones": {str(number): "x" for number in range(20_000)},
}
LABELS = ("", " ", "\0", "🚲", "Bicycle", "bicycle ", "\ufffe", "__proto__", "x" * 10_000, "null")


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\nfilter, events: {tally}")  # noqa: T201 - for `make fuzz`


@pytest.fixture
def run(context: LambdaContext, tally: Tally) -> Iterator[Run]:
    """The real handler: the decision, or the name of the refusal."""
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
    with redirect_stdout(io.StringIO()):
        try:
            decision = service.handler(event, context)
        except InvalidPrediction as error:
            check_refusal(str(error))
            return type(error).__name__
    check_decision(decision, event)
    return str(decision["decision"])


def check_refusal(said: str) -> None:
    assert said.startswith("not a prediction v1 message: ")
    assert len(said) <= LONGEST_MESSAGE
    assert said.encode(), "Lambda's runtime can send it"


def check_decision(decision: dict[str, Any], event: Any) -> None:
    assert json.dumps(decision, ensure_ascii=False).encode(), "Lambda's runtime can send it"
    kept = ("inference_id", "label", "confidence", "probabilities", "endpoint", "variant")
    assert {name: decision[name] for name in kept} == {name: event[name] for name in kept}
    assert decision["source"] == {name: event["source"][name] for name in decision["source"]}
    sure = decision["confidence"] >= decision["threshold"] and decision["label"] in {
        "bicycle",
        "motorcycle",
    }
    assert (decision["decision"], decision["route"] is not None) == (
        ("accepted", True) if sure else ("review", False)
    )


def with_value(message: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed: dict[str, Any] = deepcopy(message)
    *parents, name = path.split(".")
    (changed[parents[0]] if parents else changed)[name] = value
    return changed


@pytest.mark.parametrize("path", PATHS)
def test_prediction_without_a_field_is_refused(
    run: Run, message: dict[str, Any], path: str
) -> None:
    changed = with_value(message, path, None)
    *parents, name = path.split(".")
    del (changed[parents[0]] if parents else changed)[name]
    assert run(changed) == REFUSED


@pytest.mark.parametrize("path", PATHS)
def test_prediction_with_a_wrong_field_is_refused(
    run: Run, message: dict[str, Any], path: str
) -> None:
    for what, value in WRONG.items():
        may_be = path == "source.version_id" and value is None
        expected = "accepted" if may_be else REFUSED
        assert run(with_value(message, path, value)) == expected, what


def test_number_in_quotes_is_no_confidence(run: Run, message: dict[str, Any]) -> None:
    for text in TEXT_AS_NUMBER:
        assert run(message | {"confidence": text}) == REFUSED
        assert run(message | {"probabilities": {"bicycle": text}}) == REFUSED


@pytest.mark.parametrize("what", NO_PROBABILITIES)
def test_probabilities_that_do_not_say_the_confidence_are_refused(
    run: Run, message: dict[str, Any], what: str
) -> None:
    assert run(message | {"probabilities": NO_PROBABILITIES[what]}) == REFUSED


def test_prediction_in_another_wrapping_is_refused(run: Run, message: dict[str, Any]) -> None:
    wrapped = [[message], [[]], {"Payload": message}, {"body": json.dumps(message)}, {"": {}}]
    for event in (*wrapped, *WRONG.values(), json.dumps(message)):
        assert run(event) == REFUSED


def test_label_that_has_no_route_goes_to_review(run: Run, message: dict[str, Any]) -> None:
    for label in LABELS:
        assert run(message | {"label": label, "probabilities": {label: 0.97}}) == "review"


@pytest.mark.parametrize(
    ("confidence", "decision"),
    [
        (1, "accepted"),
        (1.0, "accepted"),
        (0.9, "accepted"),
        (0.8999999999999999, "review"),
        (5e-324, "review"),
        (0, "review"),
        (-0.0, "review"),
    ],
)
def test_every_probability_is_a_confidence(
    run: Run, message: dict[str, Any], confidence: float, decision: str
) -> None:
    sure = {"confidence": confidence, "probabilities": {"bicycle": confidence}}
    assert run(message | sure) == decision


@pytest.mark.parametrize("name", ["decision", "route", "image_data", "\ud800", ""])
def test_fields_that_are_not_needed_may_be_anything(
    run: Run, message: dict[str, Any], name: str
) -> None:
    for what, value in WRONG.items():
        assert run(message | {name: value}) == "accepted", what


TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
CHANGES = st.dictionaries(st.sampled_from(PATHS), JSON, min_size=1, max_size=4)
NEAR = st.floats(0, 1) | st.floats() | st.integers(-1, 2) | st.booleans()


@fuzzed
@given(changes=CHANGES)
def test_damaged_prediction_is_refused_or_decided_on_as_it_says(
    run: Run, message: dict[str, Any], changes: dict[str, Any]
) -> None:
    event = message
    for path, value in sorted(changes.items(), reverse=True):  # a field before what holds it
        event = with_value(event, path, value)
    assert run(event) in {"accepted", "review", REFUSED}


@fuzzed
@given(label=TEXTS | st.just("bicycle"), confidence=NEAR, others=st.dictionaries(TEXTS, NEAR))
def test_any_label_and_confidence_are_decided_on_or_refused(
    run: Run,
    message: dict[str, Any],
    label: str,
    confidence: float,
    others: dict[str, float],
) -> None:
    made = {
        "label": label,
        "confidence": confidence,
        "probabilities": {**others, label: confidence},
    }
    assert run(message | made) in {"accepted", "review", REFUSED}


@fuzzed
@given(event=JSON)
def test_any_json_is_refused(run: Run, event: Any) -> None:
    assert run(event) == REFUSED
