# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import pytest
import torch

from scones_model.training.network import Levels, Normalise, ResNet9


@pytest.fixture
def pictures() -> torch.Tensor:
    """A hundred of different brightness and contrast, uint8 [100, 16, 16, 3]."""
    chance = torch.Generator().manual_seed(0)
    brightness = torch.linspace(90, 160, 100).view(-1, 1, 1, 1)
    contrast = torch.linspace(20, 40, 100)[torch.randperm(100, generator=chance)]
    noise = torch.randn(100, 16, 16, 3, generator=chance)
    return (brightness + contrast.view(-1, 1, 1, 1) * noise).clamp(0, 255).to(torch.uint8)


@pytest.fixture
def levels(pictures: torch.Tensor) -> Levels:
    return Levels(Normalise([0.5] * 3, [0.25] * 3), pictures)


def test_usual_pictures_stay_as_they_are(levels: Levels, pictures: torch.Tensor) -> None:
    same = torch.isclose(levels(pictures), levels.normalise(pictures), atol=1e-5)
    unchanged = int(same.flatten(1).all(dim=1).sum())
    assert 80 <= unchanged < 100  # a twentieth is too dark, one too bright, one too flat


def test_flat_picture_gets_the_least_usual_contrast(levels: Levels, pictures: torch.Tensor) -> None:
    middle = pictures[50:51].float()
    for share in (0.1, 0.3):
        flat = levels(128 + share * (middle - 128))
        assert float(flat.std()) == pytest.approx(levels.contrast, rel=0.01)


def test_dim_and_glaring_pictures_get_the_nearest_usual_brightness(
    levels: Levels, pictures: torch.Tensor
) -> None:
    middle = pictures[50:51].float()
    assert float(levels(middle / 4).mean()) == pytest.approx(levels.darkest, abs=0.01)
    assert float(levels(middle + 110).mean()) == pytest.approx(levels.brightest, abs=0.01)


def test_blank_picture_stays_blank(levels: Levels) -> None:
    blank = levels(torch.full((1, 16, 16, 3), 7, dtype=torch.uint8))
    assert float(blank.std()) == pytest.approx(0, abs=1e-5)


def test_frozen_network_moves_its_head_alone() -> None:
    network = ResNet9(3, 2)
    network.freeze()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    torch.nn.functional.cross_entropy(
        network(torch.randn(4, 3, 32, 32)), torch.tensor([0, 1, 2, 0])
    ).backward()
    for weights in network.parameters():
        if weights.grad is not None:
            weights.data -= weights.grad
    moved = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    assert moved == {"head.weight", "head.bias"}
