"""The function's settings: environment variables, checked once when the handler is imported."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from scones_serializer.errors import InvalidSettings
from scones_serializer.png import largest_base64_png

__all__ = ["MAX_IMAGE_DATA_BYTES", "Settings"]

MAX_IMAGE_DATA_BYTES = 204_800
"""Base64 characters a picture may need at most: Step Functions carries 262,144 bytes of state.

Enough for 224 x 224, the input of most image classifiers.
"""

Channel = Annotated[int, Field(ge=0, le=255)]


def _split_on_commas(text: object) -> object:
    return tuple(text.split(",")) if isinstance(text, str) else text


class Settings(BaseModel):
    """What the model wants to see and what an upload may cost; field = environment variable."""

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True)

    image_width: PositiveInt = Field(default=32, alias="IMAGE_WIDTH")
    image_height: PositiveInt = Field(default=32, alias="IMAGE_HEIGHT")
    image_fit: Literal["letterbox", "crop"] = Field(default="letterbox", alias="IMAGE_FIT")
    # The mean colour of CIFAR-100's training images: bars in it carry the least information.
    image_pad_color: Annotated[
        tuple[Channel, Channel, Channel], BeforeValidator(_split_on_commas)
    ] = Field(default=(129, 124, 112), alias="IMAGE_PAD_COLOR")
    max_object_bytes: PositiveInt = Field(default=33_554_432, alias="MAX_OBJECT_BYTES")
    max_pixels: PositiveInt = Field(default=50_000_000, alias="MAX_PIXELS")

    @model_validator(mode="after")
    def _answer_fits_the_workflow(self) -> Self:
        size = largest_base64_png(self.image_width, self.image_height)
        if size > MAX_IMAGE_DATA_BYTES:
            raise ValueError(
                f"IMAGE_WIDTH x IMAGE_HEIGHT = {self.image_width} x {self.image_height} can need "
                f"{size:,} bytes of base64, more than the {MAX_IMAGE_DATA_BYTES:,} that a workflow "
                "state carries safely; choose a smaller input"
            )
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Build the settings from environment variables.

        Raises:
            InvalidSettings: names each variable that cannot be used, its value and the reason.
        """
        try:
            return cls.model_validate(dict(environment))
        except ValidationError as error:
            raise InvalidSettings(_sentences(error, environment)) from None


def _sentences(error: ValidationError, environment: Mapping[str, str]) -> str:
    return "; ".join(
        f"{name}={environment.get(name, '')!r}: {fault['msg']}" if name else fault["msg"]
        for fault in error.errors(include_url=False, include_input=False)
        for name in [str(fault["loc"][0]) if fault["loc"] else ""]
    )
