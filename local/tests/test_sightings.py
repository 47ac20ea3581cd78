from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops, ImageStat

from scones_local.alterations import ALTERATIONS
from scones_local.sightings import (
    MIX,
    LabelledPicture,
    Sighting,
    Timeline,
    changes_of,
    plan,
    seen,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 25, 0, 41, 7, 5, tzinfo=UTC)
TIMES = Timeline.until(NOW, 36)
SIZE = (32, 24)
NOISE = Image.frombytes("RGB", SIZE, Random(0).randbytes(3 * SIZE[0] * SIZE[1]))
GREY = Image.new("RGB", SIZE, (130, 130, 130))
LABELS = ["bicycle"] * 3 + ["motorcycle"] * 9
PICTURES = [LabelledPicture(NOISE, label) for label in LABELS]
UNLABELLED = [LabelledPicture(NOISE, None)]


def planned(
    changes: Sequence[str], an_hour: int = 200, pictures: Sequence[LabelledPicture] = PICTURES
) -> list[Sighting]:
    return list(plan(pictures, TIMES, changes, an_hour))


def changed(sightings: Sequence[Sighting]) -> list[Sighting]:
    return [one for one in sightings if one.when >= TIMES.changed]


def shown(image: Image.Image = NOISE, alteration: str | None = None, **how: float) -> Image.Image:
    sighting = Sighting(
        when=NOW, picture=LabelledPicture(image, None), mirrored=bool(how.get("mirrored")),
        light=how.get("light", 1.0), alteration=alteration, inference_id="5f" * 32,
    )  # fmt: skip
    png = Image.open(io.BytesIO(seen(sighting)))
    assert png.format == "PNG"
    return png


def test_the_last_whole_hours_are_a_baseline_a_clean_sixth_and_a_changed_one() -> None:
    begins = TIMES.first, TIMES.compared, TIMES.changed, TIMES.end
    assert [f"{begin:%d %H:%M:%S.%f}" for begin in begins] == [
        "23 12:00:00.000000", "24 12:00:00.000000", "24 18:00:00.000000", "25 00:00:00.000000",
    ]  # fmt: skip


def test_few_hours_still_leave_four_clean_and_four_changed_ones() -> None:
    times = Timeline.until(NOW, 12)
    parts = times.compared - times.first, times.changed - times.compared, times.end - times.changed
    assert parts == (timedelta(hours=4),) * 3


def test_every_hour_has_its_predictions_in_order_each_with_an_id_of_its_own() -> None:
    sightings = planned(["blur"], 7)
    whens = [one.when for one in sightings]
    assert whens == sorted(whens)
    assert whens[0] == TIMES.first
    assert set(Counter(f"{when:%d %H}" for when in whens).values()) == {7}
    ids = {one.inference_id for one in sightings}
    assert len(ids) == len(sightings) == 36 * 7
    assert {len(name) for name in ids} == {64}


def test_a_story_is_the_same_at_whatever_hour_it_is_told() -> None:
    later = Timeline.until(NOW + timedelta(hours=5), 36)
    retold = plan(PICTURES, later, ["blur"], 10)
    drawn = [(id(one.picture), one.mirrored, one.light, one.alteration) for one in retold]
    assert drawn == [
        (id(one.picture), one.mirrored, one.light, one.alteration) for one in planned(["blur"], 10)
    ]


def test_classes_are_as_frequent_as_one_another_and_hours_differ_a_little() -> None:
    clean = [one for one in planned(["blur"], 1000) if one.when < TIMES.changed]
    hours = Counter(f"{one.when:%d %H}" for one in clean if one.picture.label == "bicycle")
    shares = [count / 1000 for count in hours.values()]
    assert len(shares) == 30
    assert abs(sum(shares) / 30 - 0.5) < 0.02
    assert 0.07 < max(shares) - min(shares) < 0.2


@pytest.mark.parametrize("change", ALTERATIONS)
def test_an_alteration_concerns_half_of_the_changed_hours_pictures_and_no_other(
    change: str,
) -> None:
    sightings = planned([change])
    altered = [one for one in sightings if one.alteration]
    assert {one.alteration for one in altered} == {change}
    assert min(one.when for one in altered) >= TIMES.changed
    assert 0.45 < len(altered) / len(changed(sightings)) < 0.55


def test_a_changed_mix_is_three_pictures_in_four_of_the_first_class() -> None:
    loose = [*UNLABELLED, *PICTURES]
    sightings = changed(planned([MIX], pictures=loose))
    share = sum(one.picture.label == "bicycle" for one in sightings) / len(sightings)
    assert 0.7 < share < 0.8
    assert not any(one.alteration for one in sightings)


def test_several_changes_take_turns() -> None:
    order = [one.alteration for one in planned(["night", "blur", "camera"]) if one.alteration]
    assert list(dict.fromkeys(order)) == ["night", "blur", "camera"]
    assert order == sorted(order, key=["night", "blur", "camera"].index)


def test_the_mix_can_change_only_among_known_classes() -> None:
    assert MIX in changes_of(PICTURES)
    assert changes_of(UNLABELLED) == list(ALTERATIONS)
    assert MIX not in changes_of([*UNLABELLED, PICTURES[0]])


def test_a_picture_that_nothing_happened_to_is_sent_as_it_is() -> None:
    assert shown().tobytes() == NOISE.tobytes()


def test_light_and_side_differ_from_sighting_to_sighting() -> None:
    mirrored = shown(mirrored=1)
    assert mirrored.getpixel((0, 5)) == NOISE.getpixel((31, 5))
    assert shown(GREY, light=0.9).getpixel((0, 0)) == (117, 117, 117)


@pytest.mark.parametrize("change", ALTERATIONS)
def test_an_altered_picture_keeps_its_size_and_is_the_same_each_time(change: str) -> None:
    altered = shown(alteration=change)
    assert altered.size == SIZE
    assert ImageChops.difference(altered, NOISE).getbbox() is not None
    assert altered.tobytes() == shown(alteration=change).tobytes()


def test_night_is_dark_and_grainy() -> None:
    night = ImageStat.Stat(shown(GREY, "night"))
    assert all(45 < mean < 59 for mean in night.mean)
    assert all(5 < deviation < 15 for deviation in night.stddev)


def test_a_blurred_picture_has_less_contrast_at_its_edges() -> None:
    blurred, sharp = ImageStat.Stat(shown(alteration="blur")), ImageStat.Stat(NOISE)
    assert all(now < before / 3 for now, before in zip(blurred.stddev, sharp.stddev, strict=True))


def test_the_other_camera_sees_more_red_than_blue() -> None:
    red, green, blue = ImageStat.Stat(shown(GREY, "camera")).mean
    assert red > green + 15 > blue + 30


def test_a_single_pixel_survives_every_alteration() -> None:
    dot = Image.new("RGB", (1, 1))
    assert {shown(dot, change).size for change in ALTERATIONS} == {(1, 1)}
