"""Places in S3: `s3://<bucket>/<prefix>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scones_model.aws.account import CannotBeDone

__all__ = ["NoPlace", "Place", "place"]

_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>.*))?")


class NoPlace(CannotBeDone):
    """The text names no place in S3."""


@dataclass(frozen=True)
class Place:
    """A bucket and a key or prefix in it, without slashes around it; it may be empty."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """Its URI."""
        return f"s3://{self.bucket}/{self.key}"

    def __truediv__(self, below: str) -> Place:
        """The place of that name below this one."""
        return Place(self.bucket, f"{self.key}/{below}".lstrip("/"))

    @property
    def above(self) -> Place:
        """The place that this one lies in."""
        return Place(self.bucket, self.key.rpartition("/")[0])


def place(uri: str) -> Place:
    """The place that a URI names; raises NoPlace."""
    match = _PLACE.fullmatch(uri)
    if match is None:
        raise NoPlace(f"{uri!r} is no place in S3; it looks like s3://<bucket>/<prefix>.")
    return Place(match["bucket"], (match["key"] or "").strip("/"))
