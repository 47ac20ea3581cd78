from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scones_local.pictures import Picture
from scones_local.summary import outcome_line, summarise
from scones_local.traffic import Outcome, Upload


def upload(name: str, label: str | None, *outcomes: Outcome) -> Upload:
    picture = Picture(Path(name), name, label)
    return Upload(picture, f"incoming/{name}", 100.0, "v1", list(outcomes))


def outcome(kind: str, label: str = "bicycle", after_ms: int = 50) -> Outcome:
    message: dict[str, Any] = {
        "Body": f'{{"source": {{"key": "k", "version_id": "v1"}}, "label": "{label}",'
        ' "confidence": 0.9, "reason": "sure"}',
        "Attributes": {"SentTimestamp": str(100_000 + after_ms)},
    }
    return Outcome.read(kind, message)


def test_every_upload_is_counted_under_its_first_outcome_or_as_lost() -> None:
    uploads = [
        upload("a", "bicycle", outcome("accepted")),
        upload("b", "bicycle", outcome("review", "motorcycle")),
        upload("c", "bicycle", outcome("accepted"), outcome("review"), outcome("accepted")),
        upload("d", "bicycle"),
    ]
    summary = summarise(uploads, traces=3)
    counted = {name: summary[name] for name in ("uploaded", "accepted", "review", "lost")}
    assert counted == {"uploaded": 4, "accepted": 2, "review": 1, "lost": 1}
    assert (summary["duplicates"], summary["dead_letter"], summary["traces"]) == (2, 0, 3)


def test_accuracy_counts_labelled_predictions_alone() -> None:
    uploads = [
        upload("right", "bicycle", outcome("accepted", "bicycle")),
        upload("wrong", "bicycle", outcome("review", "motorcycle")),
        upload("unknown", None, outcome("accepted", "motorcycle")),
        upload("lost", "bicycle"),
    ]
    summary = summarise(uploads, traces=0)
    assert (summary["accuracy_accepted"], summary["accuracy_all"]) == (1.0, 0.5)
    assert summarise(uploads[2:], traces=0)["accuracy_all"] is None


def test_latency_runs_from_the_upload_to_the_first_outcome() -> None:
    uploads = [
        upload(str(ms), None, outcome("accepted", after_ms=ms), outcome("review", after_ms=9_000))
        for ms in range(10, 111)
    ]
    latency = summarise(uploads, traces=0)["latency_ms"]
    assert latency == {"p50": pytest.approx(60), "p95": pytest.approx(105)}


def test_what_never_reached_the_bucket_is_neither_uploaded_nor_lost() -> None:
    unread = upload("a", None)
    unread.failure = "Could not be uploaded: no permission"
    summary = summarise([unread, upload("b", None)], traces=0)
    counted = {name: summary[name] for name in ("uploaded", "not_uploaded", "lost")}
    assert counted == {"uploaded": 1, "not_uploaded": 1, "lost": 1}
    assert outcome_line(unread)["reason"] == "Could not be uploaded: no permission"


def test_a_run_without_outcomes_has_no_latency() -> None:
    assert summarise([upload("a", None)], traces=0)["latency_ms"] == {"p50": None, "p95": None}


def test_a_dead_letter_names_its_upload_and_its_reason() -> None:
    body = (
        '{"input": {"detail": {"object": {"key": "incoming/x", "version-id": "v9"}}},'
        ' "error": {"name": "NotAnImage", "reason": "it is text"}}'
    )
    letter = Outcome.read("dead_letter", {"Body": body, "Attributes": {"SentTimestamp": "100020"}})
    assert (letter.key, letter.version_id) == ("incoming/x", "v9")
    line = outcome_line(upload("x", None, letter))
    assert line["reason"] == "NotAnImage: it is text"
    assert line["latency_ms"] == pytest.approx(20)
    assert line["label"] is None
