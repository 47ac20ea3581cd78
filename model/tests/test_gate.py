from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scones_model.evaluation import gate

if TYPE_CHECKING:
    from pathlib import Path

UNTIMED = ("--latency-ms", "60000")
"""Whatever the machine does meanwhile."""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A data set of noise; what a model answers to it, it answers every time."""
    random = np.random.default_rng(0)
    for label in ("test/bicycle", "test/motorcycle", "neither/test/cow"):
        folder = tmp_path / "data" / label
        folder.mkdir(parents=True)
        for number in range(6):
            pixels = random.integers(0, 256, (40, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "data"


def altered(model: Path, property_name: bytes, value: bytes, to: Path) -> Path:
    """The model with one of its metadata changed, padded to the same length."""
    pattern = re.compile(re.escape(property_name) + rb"\x12(.)", re.DOTALL)
    found = pattern.search(model.read_bytes())
    assert found is not None
    start, length = found.end(), found[1][0]
    content = model.read_bytes()
    to.write_bytes(content[:start] + value.ljust(length) + content[start + length :])
    return to


def run(*arguments: object) -> int:
    return gate.main([*map(str, arguments), *UNTIMED])


def test_model_passes_against_itself(
    shipped_model: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shipped_model, shipped_model, pictures) == 0
    assert "the same model" in capsys.readouterr().out


def test_verdict_is_written_for_whoever_approves(
    shipped_model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    candidate = altered(shipped_model, b"threshold", b"1", tmp_path / "silent.onnx")
    current = altered(shipped_model, b"threshold", b"0.5", tmp_path / "ready.onnx")
    out = tmp_path / "new" / "gate.json"
    assert run(candidate, current, pictures, "--out", out) == 1
    verdict: dict[str, Any] = json.loads(out.read_text())
    assert verdict["passed"] is False
    assert any("coverage" in reason for reason in verdict["reasons"])
    assert verdict["candidate"]["name"] == "silent.onnx"
    assert len({verdict[one]["sha256"] for one in ("candidate", "current")}) == 2
    assert verdict["candidate"]["accuracy"] == verdict["current"]["accuracy"]
    assert verdict["pictures"] == {"test": 12, "neither": 6}
    assert "Refused." in capsys.readouterr().out


def test_only_what_is_no_regression_passes_both_ways(
    shipped_model: Path, pictures: Path, tmp_path: Path
) -> None:
    twin = altered(shipped_model, b"seed", b"7", tmp_path / "twin.onnx")
    assert run(twin, shipped_model, pictures) == run(shipped_model, twin, pictures) == 0


def test_plain_folder_of_classes_is_taken(
    shipped_model: Path, pictures: Path, tmp_path: Path
) -> None:
    twin = altered(shipped_model, b"seed", b"7", tmp_path / "twin.onnx")
    out = tmp_path / "gate.json"
    assert run(twin, shipped_model, pictures / "test", "--out", out) == 0
    measures = [test["measure"] for test in json.loads(out.read_text())["tests"]]
    assert measures == ["accuracy", "nll", "ece", "coverage", "accepted_accuracy", "latency_ms"]


def test_model_of_other_classes_is_refused(
    shipped_model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned = b'["motorcycle", "bicycle"]'
    candidate = altered(shipped_model, b"labels", turned, tmp_path / "turned.onnx")
    assert run(candidate, shipped_model, pictures) == 1
    assert "motorcycle, bicycle" in capsys.readouterr().out


def test_first_model_is_held_to_minimums_alone(
    shipped_model: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "gate.json"
    none = [f"--minimum={name}=0" for name in ("accuracy", "coverage", "accepted_accuracy")]
    none += [f"--minimum={name}=1" for name in ("ece", "neither_passed")]
    assert run(shipped_model, "--out", out, "--first", pictures, *none) == 0
    assert json.loads(out.read_text())["current"] is None
    assert run(shipped_model, pictures, "--first", *none, "--minimum", "accuracy=1.01") == 1


def test_slower_model_is_refused(
    shipped_model: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("scones_model.evaluation.verdict.in_turns", lambda _models: [9.0, 3.0])
    twin = altered(shipped_model, b"seed", b"7", tmp_path / "twin.onnx")
    arguments = [str(path) for path in (twin, shipped_model, pictures)]
    assert gate.main(arguments) == 1
    assert "3.0 times as long" in capsys.readouterr().out
    assert gate.main([*arguments, "--latency-ratio", "4"]) == 0


@pytest.mark.parametrize("rest", [[], ["--margin", "beauty=1"], ["--margin", "nll=much"]])
def test_wrong_words_end_with_2(
    shipped_model: Path, pictures: Path, rest: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(shipped_model, pictures, *rest)
    assert ended.value.code == 2
    assert "gate: error: " in capsys.readouterr().err


def test_missing_pictures_end_with_2_and_a_sentence(
    shipped_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shipped_model, shipped_model, tmp_path / "absent") == 2
    assert "There is no folder" in capsys.readouterr().err


def test_what_is_no_model_ends_with_2_and_a_sentence(
    shipped_model: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    assert run(tmp_path / "broken.onnx", shipped_model, pictures) == 2
    assert "broken.onnx is not a usable model" in capsys.readouterr().err
