"""Divide pictures between training, calibration and test: by content, never by name or order."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from scones_model.data.copies import fingerprints, groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

__all__ = ["choose"]


def choose(images: Sequence[Image.Image], share: float) -> list[int]:
    """Indices of about `share` of the RGB pictures of one class, the rest being left.

    Near copies stay together. The same pictures are always divided the same way, whatever their
    files, names and order are: what counts is the SHA-256 of their pixels. Of two pictures or
    more, either side gets one at least, unless all are copies of one another.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups(fingerprints(images))):
        members[group].append(index)
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    ordered = sorted(members.values(), key=lambda group: min(digests[index] for index in group))
    wanted = min(max(round(len(images) * share), 1), len(images) - 1)
    chosen: list[int] = []
    for group in ordered:
        if len(chosen) + len(group) <= wanted:
            chosen += group
    return sorted(chosen)
