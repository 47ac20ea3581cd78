"""What the classifier takes and gives (contracts/serialized-image, contracts/prediction)."""

from base64 import b64decode
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from scones_classifier.errors import InvalidSerializedImage

__all__ = ["Prediction", "SerializedImage", "Source"]


def _sendable(text: str) -> str:
    """Refuse halves of surrogate pairs: JSON can spell them, and Lambda's runtime dies of them."""
    text.encode()
    return text


Text = Annotated[str, AfterValidator(_sendable)]
InferenceId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0, le=1)]


def _decode(encoded: object) -> bytes:
    """Base64 text as bytes; unlike pydantic's own Base64Bytes it refuses stray characters."""
    if not isinstance(encoded, str):
        msg = "must be base64 text"
        raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueError, not TypeError
    try:
        return b64decode(encoded, validate=True)
    except ValueError:
        msg = "is not valid base64"
        raise ValueError(msg) from None


class Message(BaseModel):
    """A frozen message; unknown fields are ignored, so that additions never break a reader."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True
    )


class Source(Message):
    """The S3 object a photo came from."""

    bucket: Text
    key: Text
    version_id: Text | None
    etag: Text


class SerializedImage(Message):
    """What the classifier reads of a serialized-image v1 message.

    Attributes:
        inference_id: 64 hexadecimal digits naming the S3 object's version.
        source: The S3 object.
        image_data: The encoded image, already decoded from base64.
        content_type: Its media type, sent to the endpoint as it is.
    """

    inference_id: InferenceId
    source: Source
    image_data: Annotated[bytes, BeforeValidator(_decode), Field(min_length=1, repr=False)]
    content_type: Annotated[str, Field(pattern=r"^image/[a-z0-9.+-]+$")]

    @classmethod
    def from_event(cls, event: object) -> Self:
        """Read a Lambda event.

        Raises:
            InvalidSerializedImage: Names every wrong or missing field, never the image.
        """
        try:
            return cls.model_validate(event)
        except ValidationError as error:
            faults = (
                f"{'.'.join(map(str, fault['loc'])) or 'message'}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            )
            msg = f"not a serialized-image v1 message: {'; '.join(faults)}"
            # pydantic's error is not chained: it may quote the image.
            raise InvalidSerializedImage(msg) from None


class Prediction(Message):
    """A prediction v1 message: the image is dropped here.

    Attributes:
        inference_id: As received.
        source: As received.
        label: The most probable label.
        confidence: Its probability.
        probabilities: One for each label, in the model's class order.
        endpoint: The SageMaker endpoint that answered.
        variant: The production variant that answered.
    """

    inference_id: InferenceId
    source: Source
    label: str
    confidence: Probability
    probabilities: dict[str, Probability]
    endpoint: str
    variant: str
