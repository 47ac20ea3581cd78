"""Divide pictures between training, calibration and test: by content, never by name or order."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from scones_model.data.copies import Looks, groups, look_at

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from PIL import Image

__all__ = [
    "CALIBRATION_SHARE", "NEITHER_SHARE", "TEST_SHARE", "TooAlike", "choose", "choose_looks",
    "choose_some",
]  # fmt: skip

CALIBRATION_SHARE = 0.15
"""Of each class's training pictures."""
NEITHER_SHARE = 0.04
"""Of the training pictures of each class that is none of those to tell apart."""
TEST_SHARE = 0.2
"""Of each class's pictures, where nobody divided them before."""


class TooAlike(ValueError):
    """All pictures are the same one: there is nothing to divide."""


def choose(images: Sequence[Image.Image], share: float) -> list[int]:
    """Indices of about `share` of the RGB pictures of one class, the rest being left.

    Near copies stay together. The same pictures are always divided the same way, whatever their
    files, names and order are: what counts is the SHA-256 of their pixels. A group of copies that
    is larger than the share is never chosen, even if that leaves nothing to choose.
    """
    return choose_looks(look_at(images), share)


def choose_looks(looks: Looks, share: float) -> list[int]:
    """As `choose`, for pictures that were looked at before."""
    return _fitting(_near_groups(looks), share)


def choose_some(looks: Looks, share: float) -> list[int]:
    """As `choose_looks`, but never none and never all of them, whatever is alike.

    Where the groups that fit make up less than half of the share, the smallest group is taken
    instead, if that is of a better size. Where near copies are so many that this does not help
    either, as of a camera that never moves, only identical pictures stay together. Raises TooAlike.
    """
    near, same = _near_groups(looks), _same_groups(looks)
    if len(same) < 2:  # noqa: PLR2004 - a part and the rest
        raise TooAlike(f"There are no two different pictures among {len(looks)}.")
    low, high = _wanted(len(looks), share) / 2, len(looks) / 2
    fair = [_fitting(near, share), min(near, key=len), _fitting(same, share), min(same, key=len)]
    return next((rows for rows in fair if low <= len(rows) <= max(high, 2 * low)), fair[-1])


def _wanted(count: int, share: float) -> int:
    return min(max(round(count * share), 1), count - 1)


def _fitting(ordered: Sequence[list[int]], share: float) -> list[int]:
    """The first groups that make up no more than the share."""
    wanted = _wanted(sum(map(len, ordered)), share)
    chosen: list[int] = []
    for group in ordered:
        if len(chosen) + len(group) <= wanted:
            chosen += group
    return sorted(chosen)


def _near_groups(looks: Looks) -> list[list[int]]:
    return _ordered(looks, groups(looks.prints))


def _same_groups(looks: Looks) -> list[list[int]]:
    return _ordered(looks, looks.digests)


def _ordered(looks: Looks, keys: Iterable[Hashable]) -> list[list[int]]:
    """Rows of pictures with the same key, in an order that the pixels alone give."""
    members: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        members[key].append(row)
    return sorted(members.values(), key=lambda group: min(looks.digests[row] for row in group))
