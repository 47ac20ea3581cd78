"""Faults of the classifier. The workflow retries and reports by these class names."""

from __future__ import annotations

__all__ = [
    "EndpointAccessDenied",
    "EndpointNotFound",
    "EndpointRejectedRequest",
    "EndpointThrottled",
    "EndpointUnavailable",
    "InvalidSerializedImage",
    "InvalidSettings",
    "MalformedAnswer",
    "ModelFailed",
    "ModelRejectedImage",
]


class InvalidSettings(Exception):
    """The function's environment is wrong; correct the template's parameters."""


class InvalidSerializedImage(Exception):
    """The input is not a serialized-image message; correct the sender."""


class EndpointThrottled(Exception):
    """The endpoint has no room at the moment; the same request can succeed later."""


class EndpointUnavailable(Exception):
    """The endpoint could not be reached or failed; the same request can succeed later."""


class ModelFailed(Exception):
    """The model's container failed on its side; the same request can succeed later."""


class ModelRejectedImage(Exception):
    """The model's container refuses this image; it will again, so look at the image."""


class EndpointNotFound(Exception):
    """No endpoint of that name; deploy it, or correct ENDPOINT_NAME."""


class EndpointAccessDenied(Exception):
    """The function's role may not invoke the endpoint; correct its policy."""


class EndpointRejectedRequest(Exception):
    """SageMaker refuses the request itself; it will again, so read its message."""


class MalformedAnswer(Exception):
    """The answer is not one probability per label; compare LABELS with the model."""
