"""Read the published CIFAR-100 archive (Krizhevsky 2009), or a repack of it, without trusting it.

An archive is known by its content - classes, counts, shapes - so a repack with other checksums is
as good. Its pickles are read by an unpickler that can build arrays and plain values, nothing else.
"""

from __future__ import annotations

import gzip
import io
import pickle
import re
import tarfile
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeGuard, TypeVar, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

T = TypeVar("T")

__all__ = ["PUBLISHED", "InvalidArchive", "Layout", "Pictures", "class_labels", "read_archive"]

_SIDE = 32
_FOLDER = "cifar-100-python"
_MAX_MEMBER = 200_000_000
"""Bytes; the largest published member, `train`, has 155 million."""
_FILE_NAME = re.compile(rb"[A-Za-z0-9_.+'()&!-]+\.png")

Split: TypeAlias = str
"""`train` or `test`."""


class InvalidArchive(ValueError):
    """The file is not CIFAR-100's Python archive, or not a whole one."""


@dataclass(frozen=True)
class Layout:
    """How many classes an archive has, and how many pictures of each class a split."""

    classes: int
    each: Mapping[Split, int]


PUBLISHED = Layout(classes=100, each={"train": 500, "test": 100})


@dataclass(frozen=True)
class Pictures:
    """One split's pictures of one class: RGB pixels [n, 32, 32, 3] and their file names."""

    split: Split
    label: str
    pixels: NDArray[np.uint8]
    names: tuple[str, ...]


def class_labels(path: Path, layout: Layout = PUBLISHED) -> tuple[str, ...]:
    """Names of all classes, in the archive's own order; raises InvalidArchive."""
    return tuple(_class_names(_read(path, {"meta"}, whole=False)["meta"], layout))


def read_archive(
    path: Path, labels: Sequence[str], splits: Sequence[Split], layout: Layout = PUBLISHED
) -> Iterator[Pictures]:
    """The pictures of `labels` in `splits`, class by class; raises InvalidArchive.

    Reads no further than the splits asked for; asked for all, it checks gzip's checksum too.
    """
    found = _read(path, {"meta", *splits}, whole=set(splits) == set(layout.each))
    numbers = _class_numbers(found["meta"], labels, layout)
    for split in splits:
        yield from _pictures(split, found[split], numbers, layout)


def _read(path: Path, wanted: set[str], *, whole: bool) -> dict[str, dict[bytes, object]]:
    try:
        return _loaded(path, wanted, whole=whole)
    except OSError as error:
        raise InvalidArchive(f"{path} cannot be read as a whole archive: {error}.") from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InvalidArchive(
            f"{path} is no CIFAR-100 archive or is cut short ({error}); download it again."
        ) from error


def _loaded(path: Path, wanted: set[str], *, whole: bool) -> dict[str, dict[bytes, object]]:
    """The contents of the members asked for, by their names."""
    found: dict[str, dict[bytes, object]] = {}
    with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for member in archive:
            name = member.name.removeprefix("./").removeprefix(f"{_FOLDER}/")
            if name in wanted:
                found[name] = _load(archive, member)
            if found.keys() >= wanted:
                break
        while whole and stream.read(1 << 20):
            pass  # gzip compares its checksum at the very end, behind the last member
    missing = sorted(wanted - found.keys())
    if missing:
        raise InvalidArchive(f"{path} holds no {_FOLDER}/{' and no '.join(missing)}.")
    return found


def _class_numbers(
    meta: Mapping[bytes, object], labels: Sequence[str], layout: Layout
) -> dict[str, int]:
    """The archive's own number for each label."""
    known = {name: number for number, name in enumerate(_class_names(meta, layout))}
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise InvalidArchive(
            f"CIFAR-100 has no class {', '.join(unknown)}; it has {', '.join(known)}."
        )
    return {label: known[label] for label in labels}


def _class_names(meta: Mapping[bytes, object], layout: Layout) -> list[str]:
    names = meta.get(b"fine_label_names")
    if not _is_list_of(names, bytes, layout.classes):
        raise InvalidArchive(f"The archive does not name {layout.classes} classes.")
    return [name.decode("ascii", "replace") for name in names]


def _pictures(
    split: Split, content: Mapping[bytes, object], numbers: Mapping[str, int], layout: Layout
) -> Iterator[Pictures]:
    data, classes, names = _checked(split, content, layout)
    for label, number in numbers.items():
        rows = np.flatnonzero(classes == number).tolist()
        # Stored as all red, then all green, then all blue values.
        pixels = data[rows].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
        of_class = tuple(names[row].decode("ascii") for row in rows)
        if len(set(of_class)) != len(of_class):
            raise InvalidArchive(f"{split}: filenames of {label} repeat.")
        yield Pictures(split, label, pixels, of_class)


def _checked(
    split: Split, content: Mapping[bytes, object], layout: Layout
) -> tuple[NDArray[np.uint8], NDArray[np.int64], Sequence[bytes]]:
    """A split's pixels, class numbers and file names, once they are what CIFAR-100 has."""
    count = layout.classes * layout.each[split]
    data, classes = content.get(b"data"), content.get(b"fine_labels")
    names = content.get(b"filenames")
    if not _is_pixels(data, count):
        raise InvalidArchive(f"{split}: data must be uint8 of shape {(count, 3 * _SIDE**2)}.")
    if not _is_list_of(classes, int, count):
        raise InvalidArchive(f"{split}: fine_labels must be {count} class numbers.")
    if not _is_list_of(names, bytes, count):
        raise InvalidArchive(f"{split}: filenames must be {count} names.")
    if not all(map(_FILE_NAME.fullmatch, names)):
        raise InvalidArchive(f"{split}: filenames must be plain .png names.")
    each = layout.each[split]
    if Counter(classes) != dict.fromkeys(range(layout.classes), each):
        raise InvalidArchive(
            f"{split}: each of the {layout.classes} classes must have {each} pictures."
        )
    return data, np.array(classes), names


def _is_pixels(data: object, count: int) -> TypeGuard[NDArray[np.uint8]]:
    return (
        isinstance(data, np.ndarray)
        and data.dtype == np.uint8
        and data.shape == (count, 3 * _SIDE**2)
    )


def _is_list_of(values: object, kind: type[T], count: int) -> TypeGuard[list[T]]:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(value, kind) for value in values)
    )


# --- pickles -------------------------------------------------------------------------------------

# What numpy itself names when it pickles an array: its public face for a private function.
_RECONSTRUCT = cast("Callable[..., Any]", np.empty(0).__reduce__()[0])
_ARRAY_BUILDERS: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    # Where numpy keeps the function that rebuilds an array depends on the numpy that pickled it.
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}


class _ArrayUnpickler(pickle.Unpickler):
    """Builds arrays and plain values; every other class or function is refused."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        try:
            return _ARRAY_BUILDERS[module, name]
        except KeyError:
            raise InvalidArchive(
                f"The archive's pickle asks for {module}.{name}, which CIFAR-100 does not; "
                "it was not loaded. Do not trust this file."
            ) from None


def _load(archive: tarfile.TarFile, member: tarfile.TarInfo) -> dict[bytes, object]:
    stream: IO[bytes] | None = archive.extractfile(member)
    if stream is None or member.size > _MAX_MEMBER:
        raise InvalidArchive(f"{member.name} is no file of CIFAR-100's size.")
    # Read whole: the unpickler's own small reads are slow on a compressed stream.
    content = io.BytesIO(stream.read())
    try:
        loaded = _ArrayUnpickler(content, encoding="bytes").load()
    except InvalidArchive:
        raise
    # A damaged pickle can make the unpickler raise nearly anything.
    except Exception as error:
        raise InvalidArchive(f"{member.name} is a damaged pickle: {error}.") from error
    if not isinstance(loaded, dict):
        raise InvalidArchive(f"{member.name} must hold a dictionary.")
    return loaded
