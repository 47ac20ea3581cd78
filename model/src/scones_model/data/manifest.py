"""What a data set holds, and which of its pictures make its figures look better than they are.

`manifest.json` has the source, the classes, every picture with the SHA-256 of its pixels, near
copies on both sides of a division, and identical pictures under different labels. The same
pictures give the same bytes.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from scones_model.data.copies import look_at, near_copies
from scones_model.data.layout import NEITHER, PLACES, stored
from scones_model.data.progress import tracked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "Copy", "InvalidManifest", "LeftOut", "Manifest", "Origin", "Picture",
    "copied_test_pictures", "read_manifest", "survey", "write_manifest",
]  # fmt: skip

_NAME = "manifest.json"
_ROWS = 256
"""Pictures compared with all others at a time."""


class InvalidManifest(ValueError):
    """`manifest.json` is none that this version of `scones-model dataset` wrote."""


@dataclass(frozen=True)
class Picture:
    """One written picture.

    `path` is relative to the data set; `split` is one of layout.PLACES; `sha256` is of the RGB
    pixels alone; `width` and `height` are pixels.
    """

    path: str
    split: str
    label: str
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Copy:
    """A test or calibration picture that nearly repeats one that training sees before it."""

    path: str
    copy_of: str
    correlation: float


@dataclass(frozen=True)
class LeftOut:
    """A file of the source that is no picture, relative to it, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Origin:
    """Where a data set comes from.

    `source` names that without anything of the machine it was made on; `shares` are those that were
    held out of train, the source not having done it.
    """

    source: Mapping[str, str]
    shares: Mapping[str, float]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """All that is known of a data set; `contradictions` are identical pictures, labelled apart."""

    origin: Origin
    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]
    copies: tuple[Copy, ...]
    contradictions: tuple[tuple[str, ...], ...]


def copied_test_pictures(folder: Path) -> set[str]:
    """Paths, as `test/bicycle/x.png`, of test pictures that nearly copy one trained on.

    That is one of train, calibration or their like in `neither`. Test pictures of `neither` are not
    among them. Empty when the data set has no manifest; raises InvalidManifest.
    """
    if not (folder / _NAME).exists():
        return set()
    copies = read_manifest(folder).copies
    return {copy.path for copy in copies if copy.path.startswith("test/")}


def read_manifest(folder: Path) -> Manifest:
    """Read what `write_manifest` wrote; raises InvalidManifest."""
    path = folder / _NAME
    try:
        return _from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidManifest(
            f"{path} is no manifest of this version ({error}); write the data set anew."
        ) from error


def _from_json(content: Any) -> Manifest:  # noqa: ANN401 - any JSON
    origin = content["origin"]
    left_out = tuple(LeftOut(**entry) for entry in origin["left_out"])
    return Manifest(
        origin=Origin(origin["source"], origin["shares"], left_out),
        classes=tuple(content["classes"]),
        pictures=tuple(Picture(**entry) for entry in content["pictures"]),
        copies=tuple(Copy(**entry) for entry in content["copies"]),
        contradictions=tuple(tuple(paths) for paths in content["contradictions"]),
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into the data set, a picture on a line."""
    fields = [f"{json.dumps(name)}: {_lines(value)}" for name, value in asdict(manifest).items()]
    text = "{\n" + ",\n".join(fields) + "\n}\n"
    (folder / _NAME).write_text(text, encoding="utf-8")


def _lines(value: object) -> str:
    if not isinstance(value, tuple):
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in value) + "\n]"


def survey(folder: Path, origin: Origin) -> Manifest:
    """Look at every picture of a written data set, and compare those of different splits."""
    files = [(place, path) for place in PLACES for path in stored(folder, place)]
    sizes: list[tuple[int, int]] = []

    def opened() -> Iterator[Image.Image]:
        for _, path in tracked(files, "looking at the pictures", len(files)):
            with Image.open(path) as image:
                sizes.append(image.size)
                yield image

    looks = look_at(opened())
    pictures = tuple(
        Picture(path.relative_to(folder).as_posix(), place, path.parent.name, digest.hex(), *size)
        for (place, path), digest, size in zip(files, looks.digests, sizes, strict=True)
    )
    return Manifest(
        origin=origin,
        classes=tuple(sorted({each.label for each in pictures if each.split == "train"})),
        pictures=pictures,
        copies=tuple(_copies(pictures, looks.prints)),
        contradictions=tuple(_contradictions(pictures)),
    )


def _copies(pictures: Sequence[Picture], prints: NDArray[np.float32]) -> Iterator[Copy]:
    """Test pictures like those of train or calibration, then calibration like train."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, picture in enumerate(pictures):
        rows[picture.split.removeprefix(f"{NEITHER}/")].append(row)
    train, calibration, test = (
        np.array(rows[split], dtype=int) for split in ("train", "calibration", "test")
    )
    for later, earlier in ((test, np.concatenate([train, calibration])), (calibration, train)):
        for left, right, correlation in _compared(prints[later], prints[earlier]):
            yield Copy(
                pictures[later[left]].path, pictures[earlier[right]].path, round(correlation, 3)
            )


def _compared(
    left: NDArray[np.float32], right: NDArray[np.float32]
) -> Iterator[tuple[int, int, float]]:
    starts = range(0, len(left), _ROWS)
    for start in tracked(starts, "looking for near copies", len(starts)):
        for row, column, correlation in near_copies(left[start : start + _ROWS], right):
            yield start + row, column, correlation


def _contradictions(pictures: Sequence[Picture]) -> Iterator[tuple[str, ...]]:
    """Paths of identical pictures whose labels differ."""

    def key(picture: Picture) -> tuple[str, int, int]:
        return picture.sha256, picture.width, picture.height

    for _, same in itertools.groupby(sorted(pictures, key=key), key):
        alike = list(same)
        if len({picture.label for picture in alike}) > 1:
            yield tuple(picture.path for picture in alike)
