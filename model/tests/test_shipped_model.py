"""The model file in `weights/`, what it says about itself, and the commands that read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scones_model import cli
from scones_model.serving.inference import Classifier
from scones_model.serving.metadata import ModelMetadata

if TYPE_CHECKING:
    from pathlib import Path


def test_shipped_model_tells_how_it_was_made_and_how_good_it_is(shipped_model: Path) -> None:
    about = Classifier(shipped_model).metadata
    assert about.labels == ("bicycle", "motorcycle")
    assert about.size == (32, 32)
    assert about.command.startswith("python -m scones_model.training.train ")
    assert f"--seed {about.seed}" in about.command
    assert about.figures["test_images"] == 200
    assert about.figures["test_accuracy"] >= 0.94


def test_shipped_files_are_a_few_megabytes(shipped_model: Path) -> None:
    assert sum(path.stat().st_size for path in shipped_model.parent.iterdir()) < 6_000_000


def test_probabilities_sum_to_1_and_do_not_depend_on_the_batch(shipped_model: Path) -> None:
    classifier = Classifier(shipped_model)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    together = classifier.probabilities(pixels)
    assert together.shape == (5, 2)
    assert together.sum(axis=1) == pytest.approx(1, abs=1e-5)
    for row in range(5):
        alone = classifier.probabilities(pixels[row : row + 1])
        assert alone[0] == pytest.approx(together[row], abs=1e-5)


def test_metadata_survives_its_way_through_properties(shipped_model: Path) -> None:
    about = Classifier(shipped_model).metadata
    assert ModelMetadata.from_properties(about.to_properties()) == about


def test_describe_prints_what_the_services_are_configured_by(
    shipped_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["describe", str(shipped_model)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["labels"] == ["bicycle", "motorcycle"]
    assert (told["input_width"], told["input_height"], told["fit"]) == (32, 32, "letterbox")
    assert len(told["pad_color"]) == 3


@pytest.mark.parametrize("command", [["describe"], ["evaluate", "pictures"]])
def test_file_that_is_no_model_ends_with_2_and_a_sentence(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.onnx").write_text("no model")
    assert cli.main([command[0], str(tmp_path / "x.onnx"), *command[1:]]) == 2
    assert "x.onnx is not a usable model" in capsys.readouterr().err
