"""What tells one upload from every other: its bucket, its key and its version."""

from __future__ import annotations

import hashlib
from typing import Any

__all__ = ["inference_id", "inference_id_of"]


def inference_id(bucket: str, key: str, version_id: str | None, etag: str) -> str:
    """The id under which every record of an upload is found: 64 hex digits.

    The workflow and the serializer compute the same (`contracts/upload/identity.json`). An object
    that was stored without versioning has no version, or the version `null`; its ETag tells it.
    """
    return _combine(bucket, key, etag if version_id in {None, "null"} else str(version_id))


def inference_id_of(event: Any) -> str:  # noqa: ANN401 - whatever once started the workflow
    """The id of the upload that an S3 event names; empty for what is none, or names no version."""
    try:
        bucket, thing = event["detail"]["bucket"]["name"], event["detail"]["object"]
        version = thing.get("version-id")
        if not isinstance(version, str) or version == "null":
            version = thing["etag"]
        named = (bucket, thing["key"], version)
        return _combine(*named) if all(isinstance(part, str) for part in named) else ""
    except (AttributeError, LookupError, TypeError, UnicodeEncodeError):
        return ""  # the last for half of a surrogate pair, which JSON can spell and S3 cannot store


def _combine(*parts: str) -> str:
    return _digest("".join(map(_digest, parts)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
