from __future__ import annotations

import pytest

from scones_classifier.errors import InvalidSettings
from scones_classifier.settings import Settings

GOOD = {"ENDPOINT_NAME": "scones-test", "LABELS": "bicycle, motorcycle"}


def test_labels_keep_their_class_order() -> None:
    settings = Settings.from_environment(GOOD | {"PATH": "/usr/bin"})
    assert settings.labels == ("bicycle", "motorcycle")
    assert settings.endpoint_name == "scones-test"


@pytest.mark.parametrize("missing", GOOD)
def test_missing_variable_is_named(missing: str) -> None:
    environment = {name: value for name, value in GOOD.items() if name != missing}
    with pytest.raises(InvalidSettings, match=f"environment: {missing}: Field required$"):
        Settings.from_environment(environment)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("ENDPOINT_NAME", "", "ENDPOINT_NAME: String should match pattern"),
        ("ENDPOINT_NAME", "-scones", "ENDPOINT_NAME: String should match pattern"),
        ("ENDPOINT_NAME", "arn:aws:sagemaker", "ENDPOINT_NAME: String should match pattern"),
        ("LABELS", "", "LABELS: String should have at least 1 character"),
        ("LABELS", "bicycle", "LABELS: Value should have at least 2 items"),
        ("LABELS", "bicycle,,motorcycle", "LABELS: String should have at least 1 character"),
        ("LABELS", "bicycle,motorcycle,bicycle", "LABELS: Value error, names a label twice"),
    ],
)
def test_wrong_variable_is_named(name: str, value: str, fault: str) -> None:
    with pytest.raises(InvalidSettings) as raised:
        Settings.from_environment(GOOD | {name: value})
    assert fault in str(raised.value)
