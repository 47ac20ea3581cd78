"""What the filter takes and gives (contracts/prediction, contracts/decision)."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scones_filter.errors import InvalidPrediction

__all__ = ["Decision", "Prediction", "Route", "Source"]

Probability = Annotated[float, Field(ge=0, le=1)]


class Message(BaseModel):
    """A frozen message; unknown fields are ignored, so that additions never break a reader."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Source(Message):
    """The S3 object a photo came from."""

    bucket: str
    key: str
    version_id: str | None
    etag: str


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
    label: str
    confidence: Probability
    probabilities: dict[str, Probability]
    endpoint: str
    variant: str

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
            InvalidPrediction: Names every wrong or missing field.
        """
        try:
            return cls.model_validate(event)
        except ValidationError as error:
            faults = (
                f"{'.'.join(map(str, fault['loc'])) or 'message'}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            )
            msg = f"not a prediction v1 message: {'; '.join(faults)}"
            raise InvalidPrediction(msg) from None


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
