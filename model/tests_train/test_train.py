"""Training in script-mode shape on a small folder, with the real PyTorch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scones_model.training import train
from scones_model.evaluation.evaluate import evaluate
from scones_model.serving.inference import Classifier, find_model

if TYPE_CHECKING:
    from pathlib import Path

COLORS = {"blue": (30, 40, 220), "green": (40, 210, 50), "red": (220, 40, 30)}


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy patches of three colours, 20 to train and 4 to test with, of unequal sizes."""
    root = tmp_path_factory.mktemp("data")
    chance = np.random.default_rng(0)
    for split, count in (("train", 20), ("test", 4)):
        for label, color in COLORS.items():
            (root / split / label).mkdir(parents=True)
            for number in range(count):
                noise = chance.normal(color, 40, (24 + number, 40, 3)).clip(0, 255)
                picture = Image.fromarray(noise.astype(np.uint8))
                picture.save(root / split / label / f"{number}.png")
    return root


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script as SageMaker starts it: its own process, the environment, some options."""
    return subprocess.run(
        [sys.executable, "-m", "scones_model.training.train", *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def trained(channels: Path) -> Path:
    """The model folder of one short job."""
    model_dir = channels / "model"
    job = run(
        "--seed", "3",
        SM_CHANNEL_TRAIN=str(channels / "train"),
        SM_CHANNEL_TEST=str(channels / "test"),
        SM_MODEL_DIR=str(model_dir),
        SM_HPS='{"epochs": 8, "batch_size": 16, "width": 4, "sagemaker_region": "x"}',
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
    assert [row[0] for row in rows] == ["blue"] * 2 + ["green"] * 2 + ["red"] * 2
    assert all(abs(sum(map(float, row[1:])) - 1) < 1e-5 for row in rows)


def test_job_leaves_one_servable_model_of_three_classes(trained: Path, channels: Path) -> None:
    classifier = Classifier(find_model(trained))
    assert classifier.metadata.labels == ("blue", "green", "red")
    result = evaluate(classifier, channels / "test")
    assert result.accuracy > 0.9  # colours are easy: a wrong channel order would fail here
    assert result.as_figures().items() <= dict(classifier.metadata.figures).items()


def test_model_tells_the_command_seed_and_held_out_pictures(trained: Path) -> None:
    about = Classifier(find_model(trained)).metadata
    assert about.command == (
        "python -m scones_model.training.train --epochs=8 --batch-size=16 --width=4 --seed 3"
    )
    assert about.seed == 3
    assert about.temperature > 0
    assert (about.figures["train_images"], about.figures["held_out_images"]) == (54, 6)


def test_test_pictures_are_optional(channels: Path, tmp_path: Path) -> None:
    options = ["--train", str(channels / "train"), "--model-dir", str(tmp_path), "--epochs", "1"]
    assert train.main([*options, "--model-name", "tiny", "--width", "2"]) == 0
    figures = Classifier(tmp_path / "tiny.onnx").metadata.figures
    assert "held_out_accuracy" in figures
    assert "test_accuracy" not in figures


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

    def shifted(self: Classifier, pixels: np.ndarray) -> np.ndarray:
        return answer(self, pixels) + np.float32(0.001)

    monkeypatch.setattr(Classifier, "probabilities", shifted)
    options = ["--train", str(channels / "train"), "--model-dir", str(tmp_path), "--epochs", "1"]
    assert train.main([*options, "--width", "2"]) == 1
    assert "differ by 0.001" in capsys.readouterr().err
