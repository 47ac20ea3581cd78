"""What a model file says about itself: labels, the input it takes, and where it comes from.

The values live in the ONNX file's `metadata_props`, so a model can be served, and the services in
front of it configured, from that one file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Fit", "InvalidMetadata", "ModelMetadata", "Rgb"]

Fit = Literal["letterbox", "crop"]
Rgb = tuple[int, int, int]

MAX_SIDE = 4096
"""Pixels; a larger input is a mistake, and 4096 x 4096 is already 50 MB a picture."""


class InvalidMetadata(ValueError):
    """The model file lacks metadata this package needs, or holds values that make no sense."""


@dataclass(frozen=True)
class ModelMetadata:
    """Everything the model file tells.

    `labels` are in class order; sizes are pixels; `fit` and `pad_color` (RGB, 0 to 255) say how a
    picture of another size is brought to the input size; `temperature` is already applied in the
    graph; `threshold` is the confidence from which answers reach the accuracy that training was
    asked for; `figures` are measured on images that no choice was made on.
    """

    labels: tuple[str, ...]
    input_width: int
    input_height: int
    fit: Fit
    pad_color: Rgb
    temperature: float
    threshold: float
    command: str
    seed: int
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Input (width, height) in pixels."""
        return self.input_width, self.input_height

    def to_properties(self) -> dict[str, str]:
        """One JSON text for each field, as ONNX properties are text."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> ModelMetadata:
        """Read what `to_properties` wrote; other properties are ignored.

        Raises InvalidMetadata when a field is missing, is not JSON or has an impossible value.
        """
        fields = {name: _parsed(name, properties) for name in cls.__dataclass_fields__}
        wrong = [name for name, holds in _CHECKS.items() if not holds(fields[name])]
        if wrong:
            named = ", ".join(f"{name}={properties[name]}" for name in wrong)
            raise InvalidMetadata(f"The model file's metadata has impossible values: {named}.")
        listed = {name: tuple(fields[name]) for name in ("labels", "pad_color")}
        return cls(**{**fields, **listed})


def _parsed(name: str, properties: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    if name not in properties:
        raise InvalidMetadata(
            f"The model file has no metadata property '{name}'; "
            "export it with `scones-model train`, which writes every property."
        )
    try:
        return json.loads(properties[name])
    except json.JSONDecodeError as error:
        raise InvalidMetadata(f"Metadata property '{name}' is not JSON: {error}.") from error


def _are_labels(value: object) -> bool:
    if not (isinstance(value, list) and len(value) > 1):
        return False
    return all(isinstance(label, str) and label for label in value) and _differ(value)


def _differ(labels: list[str]) -> bool:
    return len(set(labels)) == len(labels)


def _is_side(value: object) -> bool:
    return type(value) is int and 0 < value <= MAX_SIDE


def _is_rgb(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == len("RGB")):
        return False
    return all(type(part) is int and 0 <= part <= 255 for part in value)  # noqa: PLR2004


def _are_figures(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "labels": _are_labels,
    "input_width": _is_side,
    "input_height": _is_side,
    "fit": lambda value: value in get_args(Fit),
    "pad_color": _is_rgb,
    "temperature": lambda value: _is_number(value) and value > 0,
    "threshold": lambda value: _is_number(value) and 0 < value <= 1,
    "command": lambda value: isinstance(value, str),
    "seed": lambda value: type(value) is int,
    "figures": _are_figures,
}
