"""The graph of an ONNX file as PyTorch's own operations, so that both run the very same network."""

# mypy: disable-error-code="import-not-found, misc, no-any-return, no-untyped-call"
# PyTorch is no locked dependency; where it is missing, its classes are Any to mypy.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - its name everywhere

from scones_model.serving.metadata import ModelMetadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TorchClassifier"]

Given = dict[str, Any]
"""A node's attributes."""


class TorchClassifier:
    """What `scones_model.serving.inference.Classifier` is, on PyTorch in eager mode."""

    def __init__(self, path: Path) -> None:
        model = onnx.load(path)
        properties = {each.key: each.value for each in model.metadata_props}
        self.metadata = ModelMetadata.from_properties(properties)
        self._input, self._output = model.graph.input[0].name, model.graph.output[0].name
        weights = {each.name: _value(each) for each in model.graph.initializer}
        self._known = {"": None, **weights}  # an input without a name is left out
        self._steps = [_step(node) for node in model.graph.node]

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Class probabilities [n, classes] of RGB pixels [n, height, width, 3]."""
        values: dict[str, Any] = {**self._known, self._input: torch.tensor(pixels)}
        with torch.inference_mode():
            for operation, given, inputs, output in self._steps:
                values[output] = operation(given, *(values[name] for name in inputs))
        answer: NDArray[np.float32] = values[self._output].numpy()
        return answer


def _step(node: onnx.NodeProto) -> tuple[Callable[..., object], Given, Sequence[str], str]:
    given = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    if node.op_type == "Constant":
        given = {"value": _value(given["value"])}
    if node.op_type not in OPERATIONS:
        raise ValueError(f"Add ONNX's {node.op_type} to OPERATIONS.")
    return OPERATIONS[node.op_type], given, list(node.input), node.output[0]


def _value(tensor: onnx.TensorProto) -> Tensor | list[int]:
    """Weights as a tensor; whole numbers, which say how to go about it, as Python's own."""
    array = numpy_helper.to_array(tensor)
    return array.ravel().tolist() if array.dtype.kind == "i" else torch.tensor(array)


def _convolution(given: Given, images: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    padding = _same_at_both_ends(given["pads"])
    return F.conv2d(images, weights, bias, given["strides"], padding, given["dilations"])


def _pool(given: Given, images: Tensor) -> Tensor:
    padding = _same_at_both_ends(given["pads"])
    return F.max_pool2d(images, given["kernel_shape"], given["strides"], padding)


def _same_at_both_ends(pads: list[int]) -> list[int]:
    half = len(pads) // 2
    if pads[:half] != pads[half:]:
        raise ValueError(f"Padding {pads} differs from end to end.")
    return pads[:half]


def _slice(
    _: Given,
    values: Tensor,
    starts: Sequence[int],
    ends: Sequence[int],
    axes: Sequence[int],
    steps: Sequence[int] | None = None,
) -> Tensor:
    for start, end, axis, step in zip(starts, ends, axes, steps or [1] * len(axes), strict=True):
        if step == 1:
            values = values[(slice(None),) * axis + (slice(start, end),)]
        elif (start, step) == (-1, -1):
            values = values.flip(axis)
        else:
            raise ValueError(f"Slice from {start} by {step}.")
    return values


OPERATIONS: Mapping[str, Callable[..., object]] = {
    "Add": lambda _, first, second: first + second,
    "Cast": lambda _, values: values.float(),
    "Clip": lambda _, values, low=None, high=None: values.clamp(low, high),
    "Concat": lambda given, *parts: torch.cat(parts, given["axis"]),
    "Constant": lambda given: given["value"],
    "Conv": _convolution,
    "Div": lambda _, first, second: first / second,
    "Gemm": lambda _, values, weights, bias: F.linear(values, weights, bias),
    "Identity": lambda _, values: values,
    "MaxPool": _pool,
    "Mul": lambda _, first, second: first * second,
    "Reciprocal": lambda _, values: values.reciprocal(),
    "ReduceLogSumExp": lambda given, values, axes: values.logsumexp(axes, bool(given["keepdims"])),
    "ReduceMax": lambda given, values, axes: values.amax(axes, bool(given["keepdims"])),
    "ReduceMean": lambda given, values, axes: values.mean(axes, bool(given["keepdims"])),
    "Relu": lambda _, values: values.relu(),
    "Slice": _slice,
    "Softmax": lambda given, values: values.softmax(given["axis"]),
    "Sqrt": lambda _, values: values.sqrt(),
    "Sub": lambda _, first, second: first - second,
    "Transpose": lambda given, values: values.permute(given["perm"]),
}
"""Those that `scones-model train` exports; the bench checks that all answers are the same."""
