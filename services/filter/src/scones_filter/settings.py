"""The filter's settings, read from the environment once at start."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from scones_filter.errors import InvalidSettings
from scones_filter.events import Route

__all__ = ["Settings"]


class Settings(BaseModel):
    """Attributes are named after their environment variables.

    Attributes:
        confidence_threshold: The least confidence to accept, over 0 and at most 1.
        routes: Where each label's vehicles go; a JSON object in the environment.
    """

    model_config = ConfigDict(frozen=True)

    confidence_threshold: Annotated[float, Field(alias="CONFIDENCE_THRESHOLD", gt=0, le=1)]
    routes: Annotated[Json[Annotated[dict[str, Route], Field(min_length=1)]], Field(alias="ROUTES")]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InvalidSettings: Names each variable that is missing or wrong.
        """
        try:
            return cls.model_validate(dict(environment))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
            )
            msg = f"correct the function's environment: {faults}"
            raise InvalidSettings(msg) from None
