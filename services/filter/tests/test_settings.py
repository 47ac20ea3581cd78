from __future__ import annotations

import pytest

from scones_filter.errors import InvalidSettings
from scones_filter.events import Route
from scones_filter.settings import Settings

GOOD = {
    "CONFIDENCE_THRESHOLD": "0.9",
    "ROUTES": '{"bicycle": {"orders": "nearby", "loading_bay": "A"}}',
}


def test_settings_are_read_from_text() -> None:
    settings = Settings.from_environment(GOOD | {"PATH": "/usr/bin"})
    assert settings.confidence_threshold == 0.9
    assert settings.routes == {"bicycle": Route(orders="nearby", loading_bay="A")}


def test_only_certainty_can_be_asked_for() -> None:
    settings = Settings.from_environment(GOOD | {"CONFIDENCE_THRESHOLD": "1"})
    assert settings.confidence_threshold == 1


@pytest.mark.parametrize("missing", GOOD)
def test_missing_variable_is_named(missing: str) -> None:
    environment = {name: value for name, value in GOOD.items() if name != missing}
    with pytest.raises(InvalidSettings, match=f"environment: {missing}: Field required$"):
        Settings.from_environment(environment)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("CONFIDENCE_THRESHOLD", "", "CONFIDENCE_THRESHOLD: Input should be a valid number"),
        ("CONFIDENCE_THRESHOLD", "90%", "CONFIDENCE_THRESHOLD: Input should be a valid number"),
        ("CONFIDENCE_THRESHOLD", "0", "CONFIDENCE_THRESHOLD: Input should be greater than 0"),
        ("CONFIDENCE_THRESHOLD", "90", "CONFIDENCE_THRESHOLD: Input should be less than or equal"),
        ("CONFIDENCE_THRESHOLD", "nan", "CONFIDENCE_THRESHOLD: Input should be"),
        ("ROUTES", "", "ROUTES: Invalid JSON"),
        ("ROUTES", "bicycle=A", "ROUTES: Invalid JSON"),
        ("ROUTES", "[]", "ROUTES: Input should be a valid dictionary"),
        ("ROUTES", "{}", "ROUTES: Dictionary should have at least 1 item"),
        ("ROUTES", '{"bicycle": "A"}', "ROUTES.bicycle: Input should be a valid dictionary"),
        (
            "ROUTES",
            '{"bicycle": {"orders": "nearby"}}',
            "ROUTES.bicycle.loading_bay: Field required",
        ),
        (
            "ROUTES",
            '{"bicycle": {"orders": "", "loading_bay": "A"}}',
            "ROUTES.bicycle.orders: String should have at least 1 character",
        ),
        (
            "ROUTES",
            '{"bicycle": {"orders": "nearby", "loading_bay": 1}}',
            "ROUTES.bicycle.loading_bay: Input should be a valid string",
        ),
    ],
)
def test_wrong_variable_is_named(name: str, value: str, fault: str) -> None:
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_environment(GOOD | {name: value})
    assert fault in str(raised.value)
