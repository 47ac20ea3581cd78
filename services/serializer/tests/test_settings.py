from __future__ import annotations

import pytest
from pydantic import ValidationError

from scones_serializer.errors import InvalidSettings
from scones_serializer.settings import Settings


def test_defaults_are_the_cifar_input() -> None:
    settings = Settings.from_environment({"PATH": "/usr/bin"})
    assert (settings.image_width, settings.image_height) == (32, 32)
    assert (settings.image_fit, settings.image_pad_color) == ("letterbox", (129, 124, 112))
    assert (settings.max_object_bytes, settings.max_pixels) == (33_554_432, 50_000_000)


def test_environment_overrides_every_default() -> None:
    settings = Settings.from_environment(
        {
            "IMAGE_WIDTH": "64",
            "IMAGE_HEIGHT": "48",
            "IMAGE_FIT": "crop",
            "IMAGE_PAD_COLOR": "0, 128,255",
            "MAX_OBJECT_BYTES": "1000",
            "MAX_PIXELS": "2000",
        }
    )
    assert settings.model_dump() == {
        "image_width": 64,
        "image_height": 48,
        "image_fit": "crop",
        "image_pad_color": (0, 128, 255),
        "max_object_bytes": 1000,
        "max_pixels": 2000,
    }


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IMAGE_WIDTH", "0"),
        ("IMAGE_WIDTH", "wide"),
        ("IMAGE_HEIGHT", "-32"),
        ("IMAGE_HEIGHT", "32.5"),
        ("IMAGE_FIT", "stretch"),
        ("IMAGE_PAD_COLOR", "white"),
        ("IMAGE_PAD_COLOR", "1,2"),
        ("IMAGE_PAD_COLOR", "1,2,256"),
        ("MAX_OBJECT_BYTES", ""),
        ("MAX_PIXELS", "0"),
    ],
)
def test_unusable_value_is_refused_by_its_variable(variable: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=f"^{variable}={value!r}: "):
        Settings.from_environment({variable: value})


def test_all_unusable_values_are_named_at_once() -> None:
    with pytest.raises(InvalidSettings, match=r"IMAGE_FIT=.*MAX_PIXELS="):
        Settings.from_environment({"IMAGE_FIT": "stretch", "MAX_PIXELS": "many"})


def test_224_square_fits_the_workflow_and_227_square_is_refused() -> None:
    Settings.from_environment({"IMAGE_WIDTH": "224", "IMAGE_HEIGHT": "224"})
    with pytest.raises(InvalidSettings, match=r"IMAGE_WIDTH x IMAGE_HEIGHT = 227 x 227 .* smaller"):
        Settings.from_environment({"IMAGE_WIDTH": "227", "IMAGE_HEIGHT": "227"})


def test_settings_stay_as_they_were_at_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings.from_environment({}).image_width = 64
