"""Times as people type them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime, timedelta

import pytest

from scones_operations.accounting.times import duration, moment


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0s", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(days=1)),
        ("30d", timedelta(days=30)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    assert duration(text) == meant
    assert abs(datetime.now(UTC) - meant - moment(text)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-25", datetime(2026, 11, 25, tzinfo=UTC)),
        ("2026-11-25T10:00", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("2026-11-25T10:00:00+02:00", datetime(2026, 11, 25, 8, tzinfo=UTC)),
        ("2026-11-25T10:00:00Z", datetime(2026, 11, 25, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_in_utc_where_it_does_not_say_otherwise(text: str, meant: datetime) -> None:
    assert moment(text) == meant


@pytest.mark.parametrize("text", ["", "x", "30", "d", "-1d", "1.5h", "1000000d", "2026-13-01"])
def test_what_is_no_time_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="15m"):
        duration(text)
    with pytest.raises(ArgumentTypeError, match="2026-11-25"):
        moment(text)
