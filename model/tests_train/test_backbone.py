from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from scones_model.serving.inference import Classifier
from scones_model.training import train
from scones_model.training.backbone import Backbone, InvalidBackbone
from scones_model.training.network import ResNet9, WithNeither

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ("cow", "bus", "red")


def backbone() -> Backbone:
    torch.manual_seed(0)
    network = ResNet9(3, 2).eval()
    return Backbone(LABELS, 2, [0.5, 0.5, 0.5], [0.25, 0.25, 0.25], network, "made by hand")


def test_file_gives_the_same_network_to_16_bits(tmp_path: Path) -> None:
    made = backbone()
    made.save(tmp_path / "b.pt")
    read = Backbone.load(tmp_path / "b.pt")
    images = torch.randn(4, 3, 32, 32)
    assert torch.allclose(read.network.eval()(images), made.network(images), atol=0.01)
    assert (tuple(read.labels), read.command) == (LABELS, "made by hand")


def test_labels_that_it_knows_keep_their_rows_and_the_others_are_neither() -> None:
    made = backbone()
    images = torch.randn(4, 3, 32, 32)
    known = made.network(images)  # cow, bus, red
    network = made.network_for(["blue", "red"], neither=True).eval()
    rows = network(images)
    assert torch.allclose(rows[:, 0], torch.zeros(4))  # blue is new
    assert torch.allclose(rows[:, 1], known[:, 2])
    assert torch.allclose(rows[:, 2:], known[:, :2])
    merged = WithNeither(network, 2)(images)
    assert torch.allclose(merged[:, 2], known[:, :2].logsumexp(dim=1))


def test_without_neither_only_the_labels_have_rows() -> None:
    network = backbone().network_for(["blue", "red"], neither=False)
    assert network(torch.randn(1, 3, 32, 32)).shape == (1, 2)


@pytest.mark.parametrize("content", [b"", b"no backbone", b"PK\x03\x04"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.pt").write_bytes(content)
    with pytest.raises(InvalidBackbone, match=r"b\.pt is no backbone"):
        Backbone.load(tmp_path / "b.pt")


def test_file_whose_pickle_runs_code_is_refused(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("ran",)

    torch.save({"labels": Harmful()}, tmp_path / "b.pt")
    with pytest.raises(InvalidBackbone):
        Backbone.load(tmp_path / "b.pt")


def test_training_starts_from_it(channels: Path, tmp_path: Path) -> None:
    backbone().save(tmp_path / "backbone.pt")
    given = ["--train", str(channels / "train"), "--neither", str(channels / "neither")]
    given += ["--backbone", str(tmp_path), "--model-dir", str(tmp_path), "--epochs", "1"]
    assert train.main(given) == 0
    about = Classifier(tmp_path / "model.onnx").metadata
    assert about.labels == ("blue", "green", "red")
    assert about.pad_color == (128, 128, 128)  # the backbone's mean, not these pictures'
