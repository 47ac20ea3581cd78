"""Write a data set's card: what it holds, where it comes from, what to beware of."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import TYPE_CHECKING

from scones_model.data.copies import NEAR
from scones_model.data.layout import NEITHER, PLACES, SPLITS
from scones_model.data.sheet import draw_sheet, nearest_copies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from scones_model.data.manifest import Manifest, Picture

__all__ = ["card", "write_card"]

_SHEET = "contact-sheet.png"
_CIFAR100 = """\
CIFAR-100 (Alex Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009,
<https://www.cs.toronto.edu/~kriz/cifar.html>): 32 x 32 photos from the web, from the collection
80 Million Tiny Images, which its makers withdrew in 2020. It is published without a licence; its
author asks to be cited. The photos' own rights are with whoever took them."""


def write_card(folder: Path, manifest: Manifest) -> None:
    """Write `card.md` and `contact-sheet.png` into the data set."""
    draw_sheet(folder, manifest).save(folder / _SHEET, optimize=True)
    (folder / "card.md").write_text(card(manifest), encoding="utf-8")


def card(manifest: Manifest) -> str:
    """The card as Markdown; the same manifest gives the same text."""
    parts = [
        "# Data card",
        f"![Some pictures of every class and split]({_SHEET})",
        *_source(manifest),
        "## Pictures",
        *_counts(manifest),
        *_sizes(manifest.pictures),
        "## Beware",
        *_beware(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _source(manifest: Manifest) -> Iterator[str]:
    origin = manifest.origin
    if "archive" in origin.source:
        yield f"Source: {_CIFAR100}"
        yield f"SHA-256 of the archive: `{origin.source['sha256']}`"
    else:
        yield f"Source: the folder `{origin.source['folder']}`."
        if "neither_folder" in origin.source:
            yield f"Pictures of no class: the folder `{origin.source['neither_folder']}`."
    yield _held_out(origin.shares)


def _held_out(shares: Mapping[str, float]) -> str:
    """What was divided here."""
    said = {
        "test": "{} of each class for the test",
        "calibration": "{} of each class's training pictures for calibration",
        NEITHER: "{} of each other class for calibration, and as many to train with",
    }
    parts = [
        words.format(f"{shares[name] * 100:g} %") for name, words in said.items() if name in shares
    ]
    if not parts:
        return "The source was divided before."
    return (
        f"Chosen by content: {'; '.join(parts)}. Near copies of a class stay together, unless "
        "nearly all are. Any other division is the source's own."
    )


def _counts(manifest: Manifest) -> Iterator[str]:
    of_label = Counter((each.split, each.label) for each in manifest.pictures)
    of_place = Counter(each.split for each in manifest.pictures)
    rows = [[label, *(of_label[split, label] for split in SPLITS)] for label in manifest.classes]
    others = len({each.label for each in manifest.pictures if each.split.startswith(NEITHER)})
    if others:
        of_none = [of_place[f"{NEITHER}/{split}"] for split in SPLITS]
        rows.append([f"none of them (kinds: {others})", *of_none])
    yield _table(["shows", *SPLITS], rows)
    trained = [of_label["train", label] for label in manifest.classes]
    yield (
        f"The largest class has {max(trained) / min(trained):.2f} times the training pictures of "
        "the smallest."
    )


def _sizes(pictures: Sequence[Picture]) -> Iterator[str]:
    sizes = sorted((each.width * each.height, each.width, each.height) for each in pictures)
    ends = sizes[0], statistics.median_low(sizes), sizes[-1]
    words = [f"{width} x {height}" for _, width, height in ends]
    yield _table(["smallest (pixels)", "median", "largest"], [words])


def _beware(manifest: Manifest) -> Iterator[str]:
    yield from _near_copies(manifest)
    if manifest.contradictions:
        yield "Identical pictures with different labels:"
        yield "\n".join(f"- {_code(paths)}" for paths in manifest.contradictions)
    else:
        yield "No picture is there under two labels."
    if left_out := manifest.origin.left_out:
        yield f"Files left out because they are no pictures ({len(left_out)}):"
        yield "\n".join(f"- `{each.file}`: {each.reason}" for each in left_out)


def _near_copies(manifest: Manifest) -> Iterator[str]:
    later = {copy.path for copy in manifest.copies}
    if not later:
        yield f"No two pictures of different splits correlate at {NEAR:g} or more."
        return
    count = Counter(path.rsplit("/", 2)[0] for path in later)
    yield (
        f"Pictures that correlate at {NEAR:g} or more with one of a split before theirs "
        "(mirrored ones too), which makes figures look better than they are:"
    )
    sizes = Counter(each.split for each in manifest.pictures)
    counts = [[place, count[place], sizes[place]] for place in PLACES if count[place]]
    yield _table(["split", "near copies", "of"], counts)
    if any(place.startswith(NEITHER) for place in count):
        yield (
            "Of pictures of none of the classes, many that come near are no copies but smooth, as "
            "skies and fruits are."
        )
    if listed := nearest_copies(manifest):
        yield "The nearest; all are in `manifest.json`:"
        rows = [[_code([each.path]), _code([each.copy_of]), each.correlation] for each in listed]
        yield _table(["picture", "copies", "correlation"], rows)


def _code(paths: Sequence[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
