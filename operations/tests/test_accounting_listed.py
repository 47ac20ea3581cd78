"""Ids that a listing had, in little memory."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from scones_operations.accounting.listed import Listed

IDS = st.lists(st.integers(0, 40).map(lambda n: hashlib.sha256(bytes([n])).hexdigest()))


@given(IDS, IDS)
def test_others_are_those_that_were_not_added(added: list[str], asked: list[str]) -> None:
    listed = Listed()
    for one in added:
        listed.add(one)
    assert listed.count_others(asked) == sum(one not in added for one in asked)
