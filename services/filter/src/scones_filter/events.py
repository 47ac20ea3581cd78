"""What the filter takes and gives (contracts/prediction, contracts/decision)."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from scones_filter.errors import InvalidPrediction

__all__ = ["Decision", "Prediction", "Route", "Source"]

_NAMED_FAULTS = 10
_SHOWN = 80  # characters of a label that a fault names


def _sendable(text: str) -> str:
    """Refuse halves of surrogate pairs: JSON can spell them, and Lambda's runtime dies of them."""
    text.encode()
    return text


Text = Annotated[str, AfterValidator(_sendable)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Message(BaseModel):
    """A frozen message; unknown fields are ignored, so that additions never break a reader."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Source(Message):
    """The S3 object a photo came from."""

    bucket: Text
    key: Text
    version_id: Text | None
    etag: Text


class Prediction(Message):
    """A prediction v1 message.

    Attributes:
        inference_id: 64 hexadecimal digits naming the S3 object's version.
        source: The S3 object.
        label: The most probable label.
        confidence: Its probability.
        probabilities: One for each label.
        endpoint: The SageMaker endpoint that answered.
        variant: The production variant that answered.
    """

    inference_id: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    source: Source
    label: Text
    confidence: Probability
    probabilities: dict[Text, Probability]
    endpoint: Text
    variant: Text

    @model_validator(mode="after")
    def _confidence_is_the_labels_probability(self) -> Self:
        if self.probabilities.get(self.label) != self.confidence:
            msg = "confidence is not the probability of label"
            raise ValueError(msg)
        return self

    @classmethod
    def from_event(cls, event: object) -> Self:
        """Read a Lambda event.

        Raises:
            InvalidPrediction: Names the wrong and missing fields.
        """
        try:
            return cls.model_validate(event)
        except ValidationError as error:
            raise InvalidPrediction(f"not a prediction v1 message: {_faults(error)}") from None


def _faults(error: ValidationError) -> str:
    """The first of what is wrong: a message can have any number of labels, of any length."""
    faults = error.errors(include_input=False, include_url=False)
    named = [
        f"{'.'.join(map(str, fault['loc']))[:_SHOWN] or 'message'}: {fault['msg'][:_SHOWN]}"
        for fault in faults[:_NAMED_FAULTS]
    ]
    more = len(faults) - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named)


class Route(Message):
    """Where an accepted vehicle goes.

    Attributes:
        orders: The orders it takes, such as nearby or far.
        loading_bay: The bay it loads at.
    """

    orders: Annotated[str, Field(min_length=1)]
    loading_bay: Annotated[str, Field(min_length=1)]


class Decision(Prediction):
    """A decision v1 message: the prediction, and what to do about it.

    Attributes:
        decision: accepted (act on it) or review (a person looks at it).
        reason: One sentence for that person.
        threshold: The least confidence that was accepted at the time.
        route: Where the vehicle goes; only when accepted.
    """

    decision: Literal["accepted", "review"]
    reason: str
    threshold: Probability
    route: Route | None
