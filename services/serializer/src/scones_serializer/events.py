"""The messages at the serializer's two ends: the upload that starts it, the picture it returns."""

import hashlib
from typing import Annotated, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    NonNegativeInt,
    PositiveInt,
    RootModel,
    Tag,
    ValidationError,
)

from scones_serializer.errors import InvalidUpload

__all__ = [
    "ConsoleInput",
    "ObjectCreated",
    "ObjectReference",
    "SerializedImage",
    "Source",
    "Upload",
]

_MAX_NAME_BYTES = 1024  # of UTF-8: S3's own limit for keys and for version ids
_MAX_SIZE = 2**63 - 1  # what S3's own field for it can say


def _short_enough(name: str) -> str:
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise ValueError(f"S3 has at most {_MAX_NAME_BYTES} bytes of UTF-8 here")
    return name


def _small_enough(size: int) -> int:
    if size > _MAX_SIZE:
        raise ValueError("no object has so many bytes")
    return size


BucketName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,255}$")]
ObjectKey = Annotated[str, Field(min_length=1), AfterValidator(_short_enough)]
VersionId = Annotated[str, Field(min_length=1), AfterValidator(_short_enough)]
ObjectSize = Annotated[NonNegativeInt, AfterValidator(_small_enough)]


class ObjectReference(NamedTuple):
    """The object an upload names; `size` in bytes and `version_id` where the sender knew them."""

    bucket: str
    key: str
    version_id: str | None = None
    size: int | None = None


class _Incoming(BaseModel):
    """Unknown fields are ignored, so that what a sender adds never breaks us."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Bucket(_Incoming):
    name: BucketName


class _Object(_Incoming):
    key: ObjectKey
    size: ObjectSize | None = None
    version_id: VersionId | None = Field(default=None, alias="version-id")


class _Detail(_Incoming):
    bucket: _Bucket
    object: _Object


class ObjectCreated(_Incoming):
    """EventBridge's S3 event `Object Created`. Its key is as stored, not URL-encoded."""

    detail: _Detail

    def reference(self) -> ObjectReference:
        """Return the very version that was created."""
        created = self.detail.object
        return ObjectReference(
            self.detail.bucket.name, created.key, created.version_id, created.size
        )


class ConsoleInput(_Incoming):
    """The course's input, typed into the console. `image_data` is its placeholder, never read."""

    image_data: str = Field(default="", repr=False)
    s3_bucket: BucketName
    s3_key: ObjectKey

    def reference(self) -> ObjectReference:
        """Return the object's newest version."""
        return ObjectReference(self.s3_bucket, self.s3_key)


def _shape(message: object) -> str | None:
    if not isinstance(message, dict):
        return None
    return "event" if "detail" in message else "console"


_AnyShape = Annotated[
    Annotated[ObjectCreated, Tag("event")] | Annotated[ConsoleInput, Tag("console")],
    Discriminator(
        _shape,
        custom_error_type="upload_shape",
        custom_error_message="neither an S3 event `Object Created` nor a console input",
    ),
]


class Upload(RootModel[_AnyShape]):
    """What starts the workflow, in either shape."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def parse(cls, message: object) -> ObjectReference:
        """Return the object that an event or a console input names.

        Raises:
            InvalidUpload: lists what is wrong field by field, without the fields' contents.
        """
        try:
            return cls.model_validate(message).root.reference()
        except ValidationError as error:
            raise InvalidUpload(
                f"no object can be read from this input: {_faults(error)}; send an S3 event "
                '`Object Created` or {"image_data": "", "s3_bucket": "...", "s3_key": "..."}'
            ) from None


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    # A location starts with the tag of the shape, which no sender has ever seen.
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'][1:])) or 'input'}: {fault['msg']}" for fault in faults
    )


class _Outgoing(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Outgoing):
    """The stored object that was read, as S3 named it in its answer."""

    bucket: str
    key: str
    version_id: str | None
    etag: str

    def inference_id(self) -> str:
        """Return the id under which every later record of this picture is found: 64 hex digits.

        It is the SHA-256 of three SHA-256 in hex: of bucket, of key, of version or else etag. The
        workflow knows it before a byte is read (contracts/upload/identity.json): JSONata can hash
        and join text, and digests of equal length need no separator, which a key might hold.
        """
        parts = (self.bucket, self.key, self.version_id or self.etag)
        return _digest("".join(map(_digest, parts)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class SerializedImage(_Outgoing):
    """The picture as the classifier takes it: base64 of a PNG of exactly width x height pixels."""

    inference_id: str = Field(pattern=r"^[0-9a-f]{64}$")
    source: Source
    image_data: str = Field(repr=False)
    content_type: Literal["image/png"] = "image/png"
    width: PositiveInt
    height: PositiveInt
