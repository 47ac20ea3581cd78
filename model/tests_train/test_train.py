"""Training in script-mode shape on a small folder, with the real PyTorch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scones_model.evaluation.answers import answer
from scones_model.evaluation.evaluate import evaluate
from scones_model.evaluation.parts import labelled
from scones_model.serving.inference import Classifier, find_model
from scones_model.training import train
from scones_model.training.fitting import _Run

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script as SageMaker starts it: its own process, the environment, some options."""
    return subprocess.run(
        [sys.executable, "-m", "scones_model.training.train", *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def options(channels: Path, model_dir: Path, *more: str) -> list[str]:
    """Of a job that takes a second."""
    given = ["--train", str(channels / "train"), "--model-dir", str(model_dir), "--width", "2"]
    return [*given, "--epochs", "3", "--batch-size", "16", *more]


@pytest.fixture(scope="module")
def trained(channels: Path) -> Path:
    """The model folder of one short job."""
    model_dir = channels / "model"
    job = run(
        "--seed", "3",
        SM_CHANNEL_TRAIN=str(channels / "train"),
        SM_CHANNEL_TEST=str(channels / "test"),
        SM_CHANNEL_NEITHER=str(channels / "neither"),
        SM_MODEL_DIR=str(model_dir),
        SM_HPS='{"epochs": 12, "batch_size": 16, "width": 4, "sagemaker_region": "x"}',
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
    assert json.loads(job.stdout)["test_images"] == 12
    assert "epoch 5: loss" in job.stderr
    return model_dir


def test_predictions_of_the_held_out_pictures_are_left_beside_the_model(trained: Path) -> None:
    (path,) = trained.glob("*.csv")
    assert path.name == "model.predictions.csv"
    header, *rows = (row.split(",") for row in path.read_text().splitlines())
    assert header == ["truth", "blue", "green", "red"]
    assert [row[0] for row in rows] == ["blue"] * 3 + ["green"] * 3 + ["red"] * 3
    assert all(abs(sum(map(float, row[1:])) - 1) < 1e-5 for row in rows)


def test_job_leaves_one_servable_model_of_three_classes(trained: Path, channels: Path) -> None:
    path = find_model(trained)
    classifier = Classifier(path)
    assert classifier.metadata.labels == ("blue", "green", "red")
    result = evaluate(classifier, path, channels / "test")
    assert result.test.accuracy > 0.9  # colours are easy: a wrong channel order would fail here
    assert classifier.metadata.figures["test_accuracy"] == round(result.test.accuracy, 4)
    assert classifier.metadata.figures["test_nll"] == pytest.approx(result.test.nll, abs=1e-3)


def test_pictures_of_no_class_get_less_confidence_than_the_classes(
    trained: Path, channels: Path
) -> None:
    classifier = Classifier(find_model(trained))
    test = labelled(channels / "test", classifier.metadata.labels)
    others = labelled(channels / "neither" / "test", ["yellow"])
    confidence = [answer(classifier, part.files).max(axis=1) for part in (test, others)]
    assert np.median(confidence[0]) > np.median(confidence[1]) + 0.2
    assert (confidence[1] < classifier.metadata.threshold).all()


def test_model_tells_the_command_seed_and_held_out_pictures(trained: Path) -> None:
    about = Classifier(find_model(trained)).metadata
    assert about.command == (
        "python -m scones_model.training.train --epochs=12 --batch-size=16 --width=4 --seed 3"
    )
    assert about.seed == 3
    assert about.temperature > 0
    assert (about.figures["train_images"], about.figures["held_out_images"]) == (51 + 20, 9)


def test_test_pictures_are_optional(channels: Path, tmp_path: Path) -> None:
    assert train.main(options(channels, tmp_path, "--model-name", "tiny")) == 0
    figures = Classifier(tmp_path / "tiny.onnx").metadata.figures
    assert "held_out_accuracy" in figures
    assert "test_accuracy" not in figures


def test_calibration_folder_is_held_out_and_train_is_used_whole(
    channels: Path, tmp_path: Path
) -> None:
    given = options(channels, tmp_path, "--calibration", str(channels / "test"))
    assert train.main(given) == 0
    figures = Classifier(tmp_path / "model.onnx").metadata.figures
    assert (figures["train_images"], figures["held_out_images"]) == (60, 12)


class SpotInstanceGone(BaseException):
    """As sudden as the end of a process."""


def test_interrupted_job_goes_on_and_ends_as_if_it_had_not_been(
    channels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train.main(options(channels, tmp_path / "whole")) == 0
    kept = options(channels, tmp_path / "resumed", "--checkpoint-dir", str(tmp_path / "kept"))
    step, seen = _Run.step, []

    def cut_off(self: _Run, images: Tensor, classes: Tensor) -> float:
        seen.append(len(classes))
        if len(seen) == 5:  # in the second of three epochs of three batches
            raise SpotInstanceGone
        return step(self, images, classes)

    monkeypatch.setattr(_Run, "step", cut_off)
    with pytest.raises(SpotInstanceGone):
        train.main(kept)
    monkeypatch.setattr(_Run, "step", step)
    assert not (tmp_path / "resumed").exists()
    assert train.main(kept) == 0
    folders = ("whole", "resumed")
    answers = [(tmp_path / name / "model.predictions.csv").read_text() for name in folders]
    assert answers[0] == answers[1]


def test_checkpoint_of_other_settings_is_refused(
    channels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = options(channels, tmp_path, "--checkpoint-dir", str(tmp_path / "kept"))
    assert train.main(kept) == 0
    assert train.main([*kept, "--seed", "8"]) == 1
    assert "is of a run with other settings" in capsys.readouterr().err


def test_failure_is_left_where_sagemaker_looks(tmp_path: Path) -> None:
    job = run("--train", str(tmp_path), "--model-dir", str(tmp_path), SM_OUTPUT_DIR=str(tmp_path))
    reason = (tmp_path / "failure").read_text()
    assert job.returncode == 1
    assert "needs two or more class subfolders" in reason
    assert reason in job.stderr


def test_export_that_answers_differently_is_a_failure(
    channels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = Classifier.probabilities
    shift = np.array([0.001, -0.001, 0], dtype=np.float32)  # still probabilities

    def shifted(self: Classifier, pixels: np.ndarray) -> np.ndarray:
        return answer(self, pixels) + shift

    monkeypatch.setattr(Classifier, "probabilities", shifted)
    assert train.main(options(channels, tmp_path)) == 1
    assert "differ by 0.001" in capsys.readouterr().err
