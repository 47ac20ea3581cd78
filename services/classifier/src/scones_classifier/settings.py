"""The classifier's settings, read from the environment once at start."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from scones_classifier.errors import InvalidSettings

__all__ = ["Settings"]


def _split(text: object) -> object:
    return tuple(part.strip() for part in text.split(",")) if isinstance(text, str) else text


def _distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(labels)) < len(labels):
        msg = f"names a label twice: {', '.join(labels)}"
        raise ValueError(msg)
    return labels


class Settings(BaseModel):
    """Attributes are named after their environment variables.

    Attributes:
        endpoint_name: The SageMaker endpoint to invoke.
        labels: The model's classes in class order, at least two, all different.
    """

    model_config = ConfigDict(frozen=True)

    endpoint_name: Annotated[
        str, Field(alias="ENDPOINT_NAME", pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")
    ]
    labels: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        BeforeValidator(_split),
        AfterValidator(_distinct),
        Field(alias="LABELS", min_length=2),
    ]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InvalidSettings: Names each variable that is missing or wrong.
        """
        try:
            return cls.model_validate(dict(environment))
        except ValidationError as error:
            faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
            msg = f"correct the function's environment: {faults}"
            raise InvalidSettings(msg) from None
