"""What a model tells the services in front of it, on its way there.

`register` keeps it with the package as facts, `deploy` makes parameters of the stack of them, and
the stack's outputs are the parameters of serializer, classifier and filter, by the same names.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scones_model.serving.metadata import ModelMetadata

__all__ = ["VALUE_LENGTH", "CannotBePassed", "kept", "parameters"]

VALUE_LENGTH = 256
"""Characters that the registry takes for a fact."""

_LABELS_BYTES = 4000
"""Of all labels: a parameter takes 4,096, as all of a function's environment does."""
_LEAST_THRESHOLD = 0.01
"""Of the filter's parameter: CloudFormation's limits are inclusive, and 0 would accept anything."""


class CannotBePassed(CannotBeDone):
    """The services could not be told this of the model."""


def kept(about: ModelMetadata) -> dict[str, str]:
    """Facts that `parameters` reads; raises CannotBePassed.

    Labels are in base64, which the registry takes whatever they hold; it takes no quote and no
    bracket. They are for programs: `register` lists them for people too, as far as there is room.
    """
    if about.threshold < _LEAST_THRESHOLD:
        raise CannotBePassed(
            f"The threshold {about.threshold} is less than {_LEAST_THRESHOLD}, the least that the "
            "filter takes: train with a wanted accuracy that is higher than chance."
        )
    packed = urlsafe_b64encode(_joined(about.labels).encode()).decode()
    parts = [packed[at : at + VALUE_LENGTH] for at in range(0, len(packed), VALUE_LENGTH)]
    return {
        "input": f"{about.input_width} x {about.input_height}",
        "fit": about.fit,
        "pad_color": " ".join(map(str, about.pad_color)),
        "threshold": str(about.threshold),
        **{f"labels_base64_{number}": part for number, part in enumerate(parts)},
    }


def _joined(labels: Sequence[str]) -> str:
    for label in labels:
        if not _is_passable(label):
            raise CannotBePassed(
                f"The classifier cannot be told the label {label!r}: it may have printable ASCII "
                "characters but the comma, and no blank at its ends. Rename the class in the data "
                "set, and train again."
            )
    joined = ",".join(labels)
    if len(joined) > _LABELS_BYTES:
        raise CannotBePassed(
            f"The labels have {len(joined)} characters together, and a function's environment "
            f"takes {_LABELS_BYTES} of them: shorten them in the data set, and train again."
        )
    return joined


def _is_passable(label: str) -> bool:
    # The classifier takes blanks beside commas for layout. What is not ASCII CloudFormation tells
    # as question marks when it is asked for a stack's outputs:
    # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814
    return label.isascii() and label.isprintable() and "," not in label and label == label.strip()


def parameters(facts: Mapping[str, str]) -> dict[str, str]:
    """The services' parameters; empty where the package has no such fact.

    A package of scones-model 2.0 lacks the labels, one of another program all of them.
    """
    width, _, height = facts.get("input", "").partition(" x ")
    return {
        "Labels": _labels(facts),
        "ImageWidth": width,
        "ImageHeight": height,
        "ImageFit": facts.get("fit", ""),
        "ImagePadColor": facts.get("pad_color", "").replace(" ", ","),
        "ConfidenceThreshold": facts.get("threshold", ""),
    }


def _labels(facts: Mapping[str, str]) -> str:
    parts: list[str] = []
    while part := facts.get(f"labels_base64_{len(parts)}"):
        parts.append(part)
    return urlsafe_b64decode("".join(parts)).decode()
