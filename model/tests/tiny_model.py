"""A model file of three classes that ONNX Runtime runs, written without the package onnx.

Its answer is the softmax, or another `last` operation, of a picture's mean red, green and blue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from scones_model.serving.metadata import ModelMetadata

UINT8, FLOAT = 2, 1
"""TensorProto.DataType."""


def write_tiny_model(path: Path, about: ModelMetadata, last: str = "Softmax") -> Path:
    """The file says `about` of itself; field numbers are those of onnx.proto."""
    nodes = [
        _node("Cast", "pixels", "numbers", _attribute("to", FLOAT)),
        _node(
            "ReduceMean", "numbers", "means", _attribute("axes", 1, 2), _attribute("keepdims", 0)
        ),
        _node(last, "means", "probabilities", _attribute("axis", 1)),
    ]
    takes = _value(11, "pixels", UINT8, about.input_height, about.input_width, 3)
    gives = _value(12, "probabilities", FLOAT, 3)
    graph = b"".join([*nodes, _field(2, b"tiny"), takes, gives])
    properties = [
        _field(14, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in about.to_properties().items()
    ]
    opset = _field(8, _field(2, 13))
    path.write_bytes(b"".join([_field(1, 8), opset, _field(7, graph), *properties]))
    return path


def _node(kind: str, takes: str, gives: str, *attributes: bytes) -> bytes:
    names = _field(1, takes.encode()) + _field(2, gives.encode()) + _field(4, kind.encode())
    return _field(1, names + b"".join(attributes))


def _attribute(name: str, *values: int) -> bytes:
    """An INT, or INTS."""
    several = name == "axes"
    numbers = b"".join(_field(8 if several else 3, value) for value in values)
    return _field(5, _field(1, name.encode()) + numbers + _field(20, 7 if several else 2))


def _value(number: int, name: str, kind: int, *sides: int) -> bytes:
    """An input or output; the first axis is as long as there are pictures."""
    sizes = [_field(1, _field(2, b"n")), *(_field(1, _field(1, side)) for side in sides)]
    tensor = _field(1, kind) + _field(2, b"".join(sizes))
    return _field(number, _field(1, name.encode()) + _field(2, _field(1, tensor)))


def _field(number: int, value: int | bytes) -> bytes:
    """Protocol Buffers' encoding of a field."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
