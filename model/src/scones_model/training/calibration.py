"""Turn a network's logits into probabilities that mean what they say, on held-out pictures."""

# mypy: disable-error-code="import-not-found, no-untyped-call"

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its name everywhere

__all__ = ["Calibration", "calibrate", "probabilities", "surprise", "vouched"]


@dataclass(frozen=True)
class Calibration:
    """`temperature` divides the logits (Guo et al. 2017); `neither_bias` is added to neither's.

    The bias is None for a network that knows no neither. `pictures` of the classes were held out.
    """

    temperature: float
    neither_bias: float | None
    pictures: int


def probabilities(
    logits: Tensor, classes: int, temperature: float | Tensor, neither_bias: float | Tensor | None
) -> Tensor:
    """What is served for logits [n, classes] or, with a bias, [n, classes + 1], neither's last.

    Neither's share is spread evenly over the classes, so that its picture gets no confidence:
    [n, classes] in any case.
    """
    scaled = logits / temperature
    if neither_bias is None:
        return F.softmax(scaled, dim=1)
    scaled = torch.cat([scaled[:, :classes], scaled[:, classes:] + neither_bias], dim=1)
    shares = F.softmax(scaled, dim=1)
    return shares[:, :classes] + shares[:, classes:] / classes


def vouched(answers: Tensor, classes: int, pictures: int) -> Tensor:
    """Answers no surer than so many held-out pictures can vouch for (Laplace's rule of succession).

    Whoever saw 150 right answers in 150 knows of the next one that it is right with 151 / 152, and
    no more. A temperature alone follows the many easy pictures, and promises 99.99 % of the rest.
    """
    return (answers * pictures + 1) / (pictures + classes)


def calibrate(logits: Tensor, truth: Tensor, classes: int, neither_share: float) -> Calibration:
    """The calibration under which held-out pictures surprise least, as they are served.

    `truth` [n] is `classes` for pictures of neither. They count as `neither_share` of all, whatever
    their number: how many were collected says nothing about how many people will upload.
    """
    logits = logits.double()
    neither, pictures = logits.shape[1] > classes, int((truth < classes).sum())
    settings = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # log temperature, bias
    optimizer = torch.optim.LBFGS([settings], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        bias = settings[1] if neither else None
        answers = probabilities(logits, classes, settings[0].exp(), bias)
        answers = vouched(answers, classes, pictures)
        loss = surprise(answers, truth, classes, neither_share)
        loss.backward()
        return loss

    optimizer.step(closure)
    logarithm, bias = settings.tolist()
    return Calibration(round(exp(logarithm), 4), round(bias, 4) if neither else None, pictures)


def surprise(answers: Tensor, truth: Tensor, classes: int, neither_share: float) -> Tensor:
    """Mean negative log-likelihood in nats; of an even answer where the truth is neither."""
    logs = answers.clamp_min(1e-12).log()
    neither = truth == classes
    of_classes = -logs[~neither].gather(1, truth[~neither, None]).mean()
    if not neither.any():
        return of_classes
    of_neither = -logs[neither].mean()
    return (1 - neither_share) * of_classes + neither_share * of_neither
