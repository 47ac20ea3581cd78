"""Everything that can be wrong with an upload, by name.

The class names are workflow API: the state machine's `Retry` and `Catch` match on them. Messages
say what to do next and, where S3 refused it, name the object; they never hold image data.
"""

from __future__ import annotations

__all__ = [
    "DecodingInterrupted",
    "InvalidSettings",
    "InvalidUpload",
    "NotAnImage",
    "ObjectAccessDenied",
    "ObjectNotFound",
    "ObjectTooLarge",
    "SerializerError",
    "StorageUnavailable",
    "TooManyPixels",
    "TruncatedImage",
    "UnsupportedFormat",
]


class SerializerError(Exception):
    """A fault of one upload; only its subclasses are raised."""


class InvalidUpload(SerializerError):
    """The event names no object that could be read: a field is missing or malformed."""


class ObjectNotFound(SerializerError):
    """The bucket, the object or this version of it does not exist (any more)."""


class ObjectAccessDenied(SerializerError):
    """The function's role may not read the object, or not decrypt it."""


class ObjectTooLarge(SerializerError):
    """The object has more bytes than `MAX_OBJECT_BYTES`."""


class StorageUnavailable(SerializerError):
    """S3 throttles, fails or does not answer: worth another try."""


class DecodingInterrupted(SerializerError):
    """Something other than the picture ended its decoding: worth another try."""


class NotAnImage(SerializerError):
    """The bytes are empty, text or nothing that is recognised as an image."""


class UnsupportedFormat(SerializerError):
    """The bytes are an image (or a document) of a kind that is not read here."""


class TruncatedImage(SerializerError):
    """The bytes begin as a supported image but are cut off or damaged."""


class TooManyPixels(SerializerError):
    """The picture has more pixels than `MAX_PIXELS`, or takes too much memory or time to decode."""


class InvalidSettings(Exception):
    """An environment variable of the function cannot be used; it fails at start, not per upload."""
