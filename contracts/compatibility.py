"""Whether a message's schema may replace the committed one under the same version.

A version may only gain: new fields, and for messages that others send only optional ones. A field
that is gone, or means something else (its type, pattern, bounds, values), is a new version,
published beside the old one. Words for people (title, description) may change freely.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["breaking_changes"]

_FOR_PEOPLE = {"$schema", "$id", "$defs", "title", "description"}


def breaking_changes(
    committed: dict[str, Any], generated: dict[str, Any], *, sent_by_others: bool
) -> list[str]:
    """List what `generated` takes away from those who rely on `committed`.

    Args:
        committed: The JSON Schema in use.
        generated: The one to replace it.
        sent_by_others: We only read this message: demanding a new field breaks its senders. If
            we send it, no longer promising a field breaks its readers.

    Returns:
        One line per change, with the path of the field; empty when the change is safe.
    """
    old = _inlined(committed, committed.get("$defs", {}))
    new = _inlined(generated, generated.get("$defs", {}))
    return list(_changes(old, new, "message", sent_by_others=sent_by_others))


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """The schema with each $ref replaced by what it names: a definition's name means nothing."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        named = definitions[schema["$ref"].removeprefix("#/$defs/")]
        return _inlined(named | {k: v for k, v in schema.items() if k != "$ref"}, definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def _changes(old: Any, new: Any, path: str, *, sent_by_others: bool) -> Iterator[str]:  # noqa: ANN401
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _fields(old, new, path, sent_by_others=sent_by_others)
        for keyword in sorted((old.keys() | new.keys()) - _FOR_PEOPLE - {"properties", "required"}):
            yield from _changes(
                old.get(keyword),
                new.get(keyword),
                f"{path}/{keyword}",
                sent_by_others=sent_by_others,
            )
    elif isinstance(old, list) and isinstance(new, list):
        for index, (one, other) in enumerate(zip_longest(old, new)):
            yield from _changes(one, other, f"{path}/{index}", sent_by_others=sent_by_others)
    elif old != new:
        yield f"{path} was {old!r} and is {new!r}"


def _fields(
    old: dict[str, Any], new: dict[str, Any], path: str, *, sent_by_others: bool
) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name not in after:
            yield f"{path}.{name} is gone"
        else:
            yield from _changes(
                schema, after[name], f"{path}.{name}", sent_by_others=sent_by_others
            )
    promised, demanded = set(old.get("required", [])), set(new.get("required", []))
    if sent_by_others:
        yield from (f"{path}.{name} is now demanded" for name in sorted(demanded - promised))
    else:
        lapsed = (promised - demanded) & after.keys()
        yield from (f"{path}.{name} is no longer promised" for name in sorted(lapsed))
