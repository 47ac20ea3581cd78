"""Pretraining on a small archive in CIFAR-100's shape, with the real PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.tests.test_dataset_archive import LABELS, LAYOUT, whole_content, write_archive
from PIL import Image

from scones_model.data import dataset
from scones_model.data.cifar100 import class_labels, read_archive
from scones_model.training import pretrain
from scones_model.training.backbone import Backbone
from scones_model.training.fitting import fit

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from scones_model.training.fitting import Labelled


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for function in (read_archive, class_labels):
        monkeypatch.setattr(function, "__defaults__", (LAYOUT,))
    return write_archive(tmp_path / "cifar.tar.gz", whole_content())


def options(archive: Path, *more: str) -> list[str]:
    out = str(archive.with_name("backbone.pt"))
    given = ["--archive", str(archive), "--out", out, "--width", "2", "--epochs", "2"]
    return [*given, "--small-epochs", "1", *more]


def test_backbone_knows_all_classes_and_how_it_was_made(archive: Path) -> None:
    assert pretrain.main(options(archive)) == 0
    made = Backbone.load(archive.with_name("backbone.pt"))
    assert tuple(made.labels) == LABELS
    assert made.command.startswith("python -m scones_model.training.pretrain --archive ")
    assert 0 <= made.figures["held_out_accuracy"] <= 1


def test_what_is_measured_later_is_not_learnt_from(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    def watched(
        network: nn.Module, normalise: nn.Module, training: Labelled, *others: object
    ) -> nn.Module:
        seen.extend(picture.tobytes() for picture in training.pixels.numpy())
        return fit(network, normalise, training, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(pretrain, "fit", watched)
    assert pretrain.main(options(archive, "--emphasis", "2")) == 0
    assert dataset.main(["--archive", str(archive), "--out", str(tmp_path / "data")]) == 0
    places = ("calibration", "test", "neither/calibration", "neither/test")
    kept = {
        np.asarray(Image.open(path)).tobytes()
        for place in places
        for path in (tmp_path / "data" / place).rglob("*.png")
    }
    assert len(kept) == 2 * 2 + 2 * 1 + 4 * 2  # 15 % and 4 % of ten pictures, and the test's
    assert not kept & set(seen)
    assert len(seen) == 2 * 8 + 2 * 9 + 2 * 8  # the rest, bicycle and motorcycle twice over


def test_archive_that_is_none_ends_with_2_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.tar.gz").write_text("no archive")
    assert pretrain.main(options(tmp_path / "x.tar.gz")) == 2
    assert "x.tar.gz" in capsys.readouterr().err
