"""The decision itself: a pure function of a label, its confidence and the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scones_filter.events import Route

__all__ = ["Verdict", "decide"]


class Verdict(NamedTuple):
    """What to do with a prediction, why, and where to when it is accepted."""

    decision: Literal["accepted", "review"]
    reason: str
    route: Route | None


def decide(
    *, label: str, confidence: float, threshold: float, routes: Mapping[str, Route]
) -> Verdict:
    """Accept a prediction that is sure enough and has somewhere to go; else ask a person.

    A label without a route is a gap in the settings, yet the photo is good: a person can still
    act on it, where a fault would only lose it.
    """
    if confidence < threshold:
        reason = f"Confidence {confidence} in {label} is below the threshold {threshold}."
        return Verdict("review", reason, None)
    if label not in routes:
        known = ", ".join(sorted(routes))
        return Verdict("review", f"No route for label {label}: ROUTES has {known}.", None)
    reason = f"Confidence {confidence} in {label} reaches the threshold {threshold}."
    return Verdict("accepted", reason, routes[label])
