"""Whether dead letters say what is needed to redrive them: contracts/dead-letter, checked by hand.

The letter's input must name the upload, in full; then a redrive can run it, and the ledger can tell
whether it may.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["LetterAudit", "inference_id"]

TEXTS = ("reason", "cause")


def inference_id(bucket: str, key: str, version: str) -> str:
    """The identity of an upload, as the workflow reckons it (contracts/upload/identity.json)."""
    parts = (hashlib.sha256(part.encode()).hexdigest() for part in (bucket, key, version))
    return hashlib.sha256("".join(parts).encode()).hexdigest()


class LetterAudit:
    """Check the letters of one phase.

    Args:
        bucket: The only one that uploads go to.
        states: The workflow's states that can give up.
        errors: Names that a letter's error may have; of `SQS` also `SQS.` with anything after it.
    """

    def __init__(self, bucket: str, states: Collection[str], errors: Sequence[str]) -> None:
        self._bucket = bucket
        self._states = states
        self._errors = errors
        self.by_error: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.retries: dict[str, tuple[str, int]] = {}

    def take(self, letter: Mapping[str, Any]) -> None:
        """Check one letter; `wrong` gets a sentence for all that is amiss with it."""
        amiss = list(self._amiss(letter))
        if amiss:
            self.wrong.append(f"{', '.join(amiss)}: {letter}")
            return
        self.by_error[letter["error"]["name"]] += 1
        self.retries[letter["execution"]] = (letter["failed_state"], letter["retries"])

    def miscounted(self, retries_of: Mapping[str, Sequence[Mapping[str, int]]]) -> list[str]:
        """Letters that count other retries than the journal, which has them by execution."""
        wrong = []
        for execution, (state, said) in self.retries.items():
            journal = [retries.get(state, 0) for retries in retries_of.get(execution, [])]
            if said not in journal:
                wrong.append(f"{execution}: {said} retries of {state} in the letter, not {journal}")
        return wrong

    def _amiss(self, letter: Mapping[str, Any]) -> Iterator[str]:
        try:
            uploaded = letter["input"]["detail"]
            bucket, key = uploaded["bucket"]["name"], uploaded["object"]["key"]
            identity = inference_id(bucket, key, uploaded["object"]["version-id"])
            if bucket != self._bucket:
                yield "another bucket"
            if letter["inference_id"] != identity:
                yield "another upload's inference_id"
            yield from self._amiss_in_fault(letter)
        except (LookupError, TypeError) as error:
            yield f"without {error!r}"

    def _amiss_in_fault(self, letter: Mapping[str, Any]) -> Iterator[str]:
        error = letter["error"]
        if not self._is_expected(error["name"]):
            yield f"the error {error['name']} is none of {', '.join(self._errors) or 'no error'}"
        if not all(isinstance(error[text], str) and error[text] for text in TEXTS):
            yield "no reason or cause"
        if letter["failed_state"] not in self._states:
            yield "no state of the workflow"
        if not (isinstance(letter["execution"], str) and isinstance(letter["run"], str)):
            yield "no execution or run"
        if not isinstance(letter["retries"], int):
            yield "no count of retries"

    def _is_expected(self, name: str) -> bool:
        return any(name == error or name.startswith(f"{error}.") for error in self._errors)
