"""Days of traffic, planned: which picture a model sees when, and how it looks.

Hours differ a little from one another, as healthy ones do: in their mix of classes and their light.
From some hour on a planted change comes on top. All is drawn from fixed seeds.
"""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from PIL import ImageOps

from scones_local.alterations import ALTERATIONS, lit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from PIL import Image

__all__ = [
    "HOUR",
    "LEAST_HOURS",
    "MIX",
    "LabelledPicture",
    "Sighting",
    "Timeline",
    "changes_of",
    "plan",
    "seen",
]

MIX = "mix"
"""The change that alters no picture, but how often there are pictures of the first class."""
GROWN = 3.0
"""How much more often than all others together those are then."""
ALTERED = 0.5
"""Share of the pictures that an alteration concerns."""
MIX_SPREAD, LIGHT_SPREAD = 0.03, 0.02
"""Standard deviations between healthy hours."""
EXPOSURE_SPREAD = 0.05
"""Standard deviation of the light between pictures of one hour."""
LEAST_PART = 4
"""Hours: what is compared, clean or changed, needs two windows, as an alarm takes two in a row."""
LEAST_HOURS = 3 * LEAST_PART
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class LabelledPicture:
    """A picture that a model may see, in RGB at the model's input size, and its class if known."""

    image: Image.Image
    label: str | None


@dataclass(frozen=True)
class Timeline:
    """A clean baseline, more clean hours to compare with it, then changed hours.

    Attributes:
        first: Begin of the baseline, a whole hour.
        compared: Its end.
        changed: From here on the change is there.
        end: Begin of the hour after the last.
    """

    first: datetime
    compared: datetime
    changed: datetime
    end: datetime

    @classmethod
    def until(cls, now: datetime, hours: int) -> Timeline:
        """The last `hours` whole hours before now: four sixths are the baseline."""
        end = now.replace(minute=0, second=0, microsecond=0)
        late = max(LEAST_PART, hours // 6) * HOUR
        return cls(end - hours * HOUR, end - 2 * late, end - late, end)


@dataclass(frozen=True)
class Sighting:
    """One picture on its way to the model.

    Attributes:
        when: Its time.
        picture: What it is a picture of.
        mirrored: Whether left is right.
        light: Factor of its brightness.
        alteration: Key of `ALTERATIONS`, or None.
        inference_id: 64 characters, no other sighting's.
    """

    when: datetime
    picture: LabelledPicture
    mirrored: bool
    light: float
    alteration: str | None
    inference_id: str


def changes_of(pictures: Sequence[LabelledPicture]) -> list[str]:
    """The changes that can be planted: the mix only if the pictures are of known classes."""
    classes = {picture.label for picture in pictures} - {None}
    return [*([MIX] if len(classes) > 1 else []), *ALTERATIONS]


def plan(
    pictures: Sequence[LabelledPicture], times: Timeline, changes: Sequence[str], an_hour: int
) -> Iterator[Sighting]:
    """Plan the traffic in the order of time; several changes take turns."""
    by_class: defaultdict[str, list[LabelledPicture]] = defaultdict(list)
    for picture in pictures:
        by_class[picture.label or ""].append(picture)
    # Those of no known class come last: a changed mix is one of more pictures of the first class.
    classes = [by_class[label] for label in sorted(by_class, key=lambda name: (not name, name))]
    hours, changed = (times.end - times.first) // HOUR, (times.end - times.changed) // HOUR
    for number in range(hours):
        turn = (number - (hours - changed)) * len(changes) // changed
        change = changes[turn] if turn >= 0 else None
        chance = Random(number)  # noqa: S311 - variety, not secrecy
        yield from _hour(classes, times.first + number * HOUR, change, an_hour, chance)


def _hour(
    classes: Sequence[Sequence[LabelledPicture]],
    begin: datetime,
    change: str | None,
    an_hour: int,
    chance: Random,
) -> Iterator[Sighting]:
    weights = [max(0.0, 1 / len(classes) + chance.gauss(0, MIX_SPREAD)) for _ in classes]
    if change == MIX:
        weights[0] = GROWN * sum(weights[1:])
    light = chance.gauss(1, LIGHT_SPREAD)
    for number in range(an_hour):
        of_class = chance.choices(classes, weights)[0]
        altered = change in ALTERATIONS and chance.random() < ALTERED
        yield Sighting(
            when=begin + number * HOUR / an_hour,
            picture=chance.choice(of_class),
            mirrored=chance.random() < 0.5,  # noqa: PLR2004 - a fair coin
            light=light * chance.gauss(1, EXPOSURE_SPREAD),
            alteration=change if altered else None,
            inference_id=hashlib.sha256(f"{begin} {number}".encode()).hexdigest(),
        )


def seen(sighting: Sighting) -> bytes:
    """The sighting's picture as a PNG file."""
    image = sighting.picture.image
    image = ImageOps.mirror(image) if sighting.mirrored else image
    image = lit(image, sighting.light)
    if sighting.alteration:
        chance = Random(sighting.inference_id)  # noqa: S311 - variety, not secrecy
        image = ALTERATIONS[sighting.alteration].apply(image, chance)
    memory = io.BytesIO()
    image.save(memory, "PNG", compress_level=1)
    return memory.getvalue()
