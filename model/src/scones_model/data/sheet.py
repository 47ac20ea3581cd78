"""Draw a contact sheet: some pictures of every class and split, and near copies side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from scones_model.data.images import fit_to
from scones_model.data.layout import NEITHER, SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scones_model.data.manifest import Copy, Manifest

__all__ = ["draw_sheet", "nearest_copies"]

_MOST_COPIES = 12
_CELL = 72
_GAP = 4
_STEP = _CELL + _GAP
_MARGIN = 16
_LINE = 26
"""Pixels for a line of text."""
_COLUMNS = {"train": 6, "calibration": 4, "test": 4}
_BETWEEN = 20
_MOST_CLASSES = 8
_LETTERS = 20
_LINES = 6
"""Lines of pictures to share among the classes, where these are few."""
_PAIRS = 6
"""Near copies side by side in a line."""
_GROUND, _INK, _FAINT = (236, 236, 240), (20, 20, 24), (110, 110, 118)


def draw_sheet(folder: Path, manifest: Manifest) -> Image.Image:
    """A palette picture of some hundred KB; the same data set gives the same one."""
    names = [*_spread(manifest.classes, _MOST_CLASSES), *_neither(manifest)]
    copies = nearest_copies(manifest)
    lines = max(_LINES // len(names), 1)
    block = lines * _STEP + _BETWEEN
    bottom = _MARGIN + _LINE + len(names) * block
    left = 2 * _MARGIN + max(round(_font(16).getlength(_short(name))) for name in names)
    width = left + sum(_COLUMNS.values()) * _STEP + len(_COLUMNS) * _BETWEEN
    sheet = Image.new("RGB", (width, bottom + _height_of_copies(copies)), _GROUND)
    for split, x in _starts(left):
        ImageDraw.Draw(sheet).text((x, _MARGIN), split, _FAINT, _font(14))
    for number, name in enumerate(names):
        top = _MARGIN + _LINE + number * block
        ImageDraw.Draw(sheet).text((_MARGIN, top + _GAP), _short(name), _INK, _font(16))
        for split, x in _starts(left):
            shown = _spread(_paths(manifest, split, name), _COLUMNS[split] * lines)
            _paste(sheet, folder, shown, (x, top), _COLUMNS[split])
    _draw_copies(sheet, folder, copies, bottom)
    # Pillow dithers with a palette that it is given, not with one that it makes.
    return sheet.quantize(palette=sheet.quantize(), dither=Image.Dither.FLOYDSTEINBERG)


def nearest_copies(manifest: Manifest) -> list[Copy]:
    """The nearest copies among the classes' own pictures, a dozen at most."""
    own = [copy for copy in manifest.copies if not copy.path.startswith(NEITHER)]
    return sorted(own, key=lambda copy: (-copy.correlation, copy.path))[:_MOST_COPIES]


def _neither(manifest: Manifest) -> list[str]:
    return [NEITHER] if any(each.split.startswith(NEITHER) for each in manifest.pictures) else []


def _paths(manifest: Manifest, split: str, name: str) -> list[str]:
    """The paths of a class's pictures, or of all that are of none."""
    if name == NEITHER:
        return [each.path for each in manifest.pictures if each.split == f"{NEITHER}/{split}"]
    return [each.path for each in manifest.pictures if each.split == split and each.label == name]


def _spread(items: Sequence[str], count: int) -> list[str]:
    """At most `count` of them, from all parts of the sequence."""
    count = min(count, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def _starts(left: int) -> Iterator[tuple[str, int]]:
    """Each split and where its block begins."""
    for split in SPLITS:
        yield split, left
        left += _COLUMNS[split] * _STEP + _BETWEEN


def _paste(
    sheet: Image.Image, folder: Path, paths: Sequence[str], corner: tuple[int, int], columns: int
) -> None:
    for number, path in enumerate(paths):
        line, column = divmod(number, columns)
        with Image.open(folder / path) as image:
            cell = fit_to(image.convert("RGB"), (_CELL, _CELL), "letterbox", _GROUND)
        sheet.paste(cell, (corner[0] + column * _STEP, corner[1] + line * _STEP))


def _height_of_copies(copies: Sequence[Copy]) -> int:
    if not copies:
        return 0
    return _MARGIN + _LINE + -(-len(copies) // _PAIRS) * (_STEP + _LINE)


def _draw_copies(sheet: Image.Image, folder: Path, copies: Sequence[Copy], top: int) -> None:
    if copies:
        head = "near copies across splits: test or calibration, what it copies, correlation"
        ImageDraw.Draw(sheet).text((_MARGIN, top), head, _FAINT, _font(14))
    for number, copy in enumerate(copies):
        line, column = divmod(number, _PAIRS)
        x = _MARGIN + column * (2 * _STEP + _BETWEEN)
        y = top + _LINE + line * (_STEP + _LINE)
        _paste(sheet, folder, [copy.path, copy.copy_of], (x, y), 2)
        words = f"{copy.path.split('/')[0]}, {copy.correlation:.2f}"
        ImageDraw.Draw(sheet).text((x, y + _CELL), words, _FAINT, _font(12))


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
