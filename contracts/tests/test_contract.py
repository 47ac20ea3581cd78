from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import contract
import pytest
from contract import Contract
from pydantic import BaseModel

if TYPE_CHECKING:
    from pathlib import Path


class Question(BaseModel):
    text: str


class Answer(BaseModel):
    text: str
    length: int


def answer(_name: str, question: dict[str, Any]) -> dict[str, Any]:
    text = Question.model_validate(question).text
    return Answer(text=text, length=len(text)).model_dump()


SERVICE = Contract("question", ("answer", Answer), answer, reads=Question)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A contracts folder with one golden question and everything generated from it."""
    monkeypatch.setattr(contract, "HERE", tmp_path)
    (tmp_path / "question/golden").mkdir(parents=True)
    (tmp_path / "question/golden/why.json").write_text('{"text": "why"}')
    run(monkeypatch, "--write")
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, mode: str, service: Contract = SERVICE) -> None:
    monkeypatch.setattr(sys, "argv", ["service.py", mode])
    contract.run(service)


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_was_written_agrees(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, "--check")
    assert json.loads((here / "answer/golden/why.json").read_text()) == {"text": "why", "length": 3}


def test_refused_golden_payload_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(here / "question/golden/why.json", text=1)
    with pytest.raises(SystemExit, match=r"question/golden/why.json: refused: ValidationError"):
        run(monkeypatch, "--check")


def test_another_output_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(here / "answer/golden/why.json", length=4)
    with pytest.raises(SystemExit, match=r"answer/golden/why.json: the service emits another"):
        run(monkeypatch, "--check")


def test_drifted_schema_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(here / "answer/v1.schema.json", title="Reply")
    with pytest.raises(SystemExit, match=r"^answer/v1.schema.json: differs from the service's"):
        run(monkeypatch, "--check")


def test_golden_payload_without_its_input_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "question/golden/why.json").unlink()
    with pytest.raises(SystemExit, match=r"answer/golden/why.json: no question of that name"):
        run(monkeypatch, "--check")


def test_golden_payload_off_its_schema_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "note/golden").mkdir(parents=True)
    (here / "note/v1.schema.json").write_text('{"properties": {"at": {"type": "string"}}}')
    (here / "note/golden/late.json").write_text('{"at": 5}')
    with pytest.raises(SystemExit, match=r"note/golden/late.json: \$.at: 5 is not of type"):
        run(monkeypatch, "--check")


@pytest.mark.parametrize("mode", ["--check", "--write"])
def test_breaking_schema_is_refused_even_for_writing(
    here: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    committed = (here / "answer/v1.schema.json").read_text()

    class Shorter(BaseModel):
        text: str

    service = Contract("question", ("answer", Shorter), answer, reads=Question)
    with pytest.raises(
        SystemExit, match=r"breaks v1, publish v2 beside it: message.length is gone"
    ):
        run(monkeypatch, mode, service)
    assert (here / "answer/v1.schema.json").read_text() == committed
