"""The whole road with a person's own folder: three classes, pictures of all sizes and modes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from model.tests_train.conftest import COLORS, YELLOW, write_patches

from scones_model import cli
from scones_model.serving.inference import Classifier, find_model

BACKBONE = Path(__file__).parents[1] / "weights" / "backbone.pt"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own")
    for (label, color), mode in zip(COLORS.items(), ("RGB", "RGBA", "P"), strict=True):
        write_patches(root / "mine" / label, color, 24, mode)
    (root / "mine" / "red" / "notes.txt").write_text("no picture")
    write_patches(root / "others", YELLOW, 24)
    source = ["--folder", str(root / "mine"), "--neither-folder", str(root / "others")]
    assert cli.main(["dataset", "--out", str(root / "data"), *source]) == 0
    return root / "data"


@pytest.mark.parametrize("backbone", [[], ["--backbone", str(BACKBONE)]], ids=["scratch", "tuned"])
def test_own_classes_are_told_apart(data: Path, tmp_path: Path, backbone: list[str]) -> None:
    folders = [f"--{part}={data / part}" for part in ("train", "calibration", "test", "neither")]
    given = ["--model-dir", str(tmp_path / "model"), "--width", "4", "--batch-size", "16"]
    assert cli.main(["train", *folders, *given, *backbone]) == 0
    model = find_model(tmp_path / "model")
    assert Classifier(model).metadata.labels == tuple(COLORS)
    assert cli.main(["evaluate", str(model), str(data), "--out", str(tmp_path / "card")]) == 0
    found = json.loads((tmp_path / "card" / "evaluation.json").read_text())
    assert found["test"]["images"] == 15  # a fifth of each class's 24
    assert found["test"]["accuracy"] > 0.9
    assert found["neither"]["images"] > 0
    assert "blue" in (tmp_path / "card" / "card.html").read_text()
