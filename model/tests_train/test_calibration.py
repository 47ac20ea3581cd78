from __future__ import annotations

import pytest
import torch

from scones_model.training.calibration import calibrate, probabilities, surprise, vouched


def sampled(count: int, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of two classes and neither, and truths as likely as those say at a temperature."""
    chance = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(count, 3, generator=chance)
    shares = torch.softmax(logits / temperature, dim=1)
    return logits, torch.multinomial(shares, 1, generator=chance).flatten()


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_that_made_the_truth_is_found(temperature: float) -> None:
    logits, truth = sampled(20_000, temperature)
    logits, truth = logits[truth < 2, :2], truth[truth < 2]
    assert calibrate(logits, truth, 2, 0.1).temperature == pytest.approx(temperature, rel=0.1)


def test_no_other_calibration_surprises_less() -> None:
    logits, truth = sampled(2_000, 1.5)
    found, pictures = calibrate(logits, truth, 2, 0.2), int((truth < 2).sum())

    def of(temperature: float, bias: float) -> float:
        answers = vouched(probabilities(logits, 2, temperature, bias), 2, pictures)
        return float(surprise(answers, truth, 2, 0.2))

    assert found.neither_bias is not None
    best = of(found.temperature, found.neither_bias)
    for change in (0.9, 1.1):
        assert of(found.temperature * change, found.neither_bias) >= best
    for change in (-0.3, 0.3):
        assert of(found.temperature, found.neither_bias + change) >= best


def test_rarer_neither_is_expected_the_less_of_the_answer_it_takes() -> None:
    logits, truth = sampled(2_000, 1.0)
    rare, common = (calibrate(logits, truth, 2, share).neither_bias for share in (0.02, 0.5))
    assert rare is not None
    assert common is not None
    assert rare < common


def test_share_of_neither_is_spread_evenly() -> None:
    logits = torch.tensor([[0.0, 0.0, 50.0], [50.0, 0.0, 0.0], [1.0, 0.0, 1.0]])
    answers = probabilities(logits, 2, 1.0, 0.0)
    assert answers[0].tolist() == pytest.approx([0.5, 0.5])
    assert answers[1].tolist() == pytest.approx([1.0, 0.0])
    assert answers.sum(dim=1).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_without_neither_it_is_a_softmax() -> None:
    logits = torch.tensor([[2.0, 0.0, -1.0]])
    assert torch.equal(probabilities(logits, 3, 2.0, None), torch.softmax(logits / 2, dim=1))


def test_no_answer_is_surer_than_its_pictures_can_vouch_for() -> None:
    answers = vouched(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), 2, 150)
    assert answers[0].tolist() == pytest.approx([151 / 152, 1 / 152])
    assert answers[1].tolist() == pytest.approx([0.5, 0.5])
