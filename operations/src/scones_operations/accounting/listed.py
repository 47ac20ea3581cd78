"""Which uploads a listing had, in eight bytes each, so that a million fit."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Listed"]

_DIGITS = 16
"""Of an inference_id: among a million the odds that any two have these in common are 1 to 10^7."""


class Listed:
    """A set of inference_ids; first all are added, then it is asked."""

    def __init__(self) -> None:
        self._ids = array("Q")

    def add(self, inference_id: str) -> None:
        """Note an upload that there is."""
        self._ids.append(int(inference_id[:_DIGITS], 16))

    def count_others(self, inference_ids: Iterable[str]) -> int:
        """How many of these are of no upload that was added."""
        known = array("Q", sorted(self._ids))

        def is_known(number: int) -> bool:
            place = bisect_left(known, number)
            return place < len(known) and known[place] == number

        return sum(not is_known(int(one[:_DIGITS], 16)) for one in inference_ids)
