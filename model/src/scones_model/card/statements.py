"""What an evaluation means, in sentences: what the model is for, and what it is not for.

Plain text, which each rendering escapes in its own way; labels and names of changes are foreign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scones_model.card.facts import (
    chance_error,
    chosen,
    costliest,
    kinds,
    mean_confidence,
    outcomes,
    passed_share,
)
from scones_model.card.phrases import (
    count,
    counted,
    listed,
    milliseconds,
    percent,
    points,
    printable,
    reach,
    threshold,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scones_model.evaluation.result import Change, Evaluation

__all__ = ["factors", "headline", "honesty", "limits", "purpose", "told", "uses"]

Statement = tuple[str, str]
_MOST_NAMED = 4
_MOST_LISTED = 20


def purpose(evaluation: Evaluation) -> str:
    """What it answers, as in `Tells which of 2 classes a picture shows: cat and dog.`."""
    labels = [printable(label) for label in evaluation.model.labels]
    named = listed(labels, _MOST_LISTED)
    return f"Tells which of {count(len(labels))} classes a picture shows: {named}."


def headline(evaluation: Evaluation) -> str:
    """The one sentence to remember."""
    test, at = evaluation.test, threshold(evaluation.model.threshold)
    if not test.coverage:
        return f"At its threshold of {at} it answers none of the test pictures: people answer all."
    return (
        f"At its threshold of {at} it answers {percent(test.coverage)} of the pictures, "
        f"{percent(test.accepted_accuracy)} of those right, and leaves "
        f"{percent(outcomes(test).people)} to people."
    )


def honesty(evaluation: Evaluation) -> str:
    """Whether its confidence can be believed."""
    mean, chance = mean_confidence(evaluation.reliability), chance_error(evaluation.reliability)
    if mean is None or chance is None:
        return "Its confidence was not compared with how often it is right."
    return (
        f"It is {percent(mean)} sure on average and right {percent(evaluation.test.accuracy)} of "
        f"the time. By confidence the two differ by {points(evaluation.test.ece)} on average; on "
        f"{counted(evaluation.test.images, 'picture')}, chance alone makes about {points(chance)}."
    )


def uses(evaluation: Evaluation) -> Iterator[Statement]:
    """What it may be used for, and how: each a topic and a sentence on it."""
    yield "Purpose", purpose(evaluation)
    yield "Threshold", _division(evaluation)
    yield "Confidence", honesty(evaluation)
    threads = counted(evaluation.threads, "thread")
    yield "Time", f"One picture takes {milliseconds(evaluation.latency_ms)} with {threads}."


def _division(evaluation: Evaluation) -> str:
    """Who answers what."""
    point = chosen(evaluation)
    said = (
        f"Let it answer by itself from a confidence of {threshold(point.threshold)}, and hand the "
        f"rest to a person. Of the test pictures it answers {percent(point.coverage)}"
    )
    if not point.coverage:
        return f"{said}."
    interval = reach(point.accuracy_low, point.accuracy_high)
    return f"{said}, and {percent(point.accuracy)} of those right (95 % interval {interval})."


def limits(evaluation: Evaluation) -> Iterator[Statement]:
    """What it must not be used for, or not without care: each a topic and a sentence on it."""
    width, height = evaluation.model.input_size
    size = f"It sees a picture at {width} x {height} pixels"
    images = counted(evaluation.test.images, "test picture")
    elsewhere = "Another camera, place or season needs a labelled sample of its own."
    yield "Anything else", _others(evaluation)
    yield "Small detail", f"{size}. What cannot be told apart at that size, it cannot tell apart."
    yield from factors(evaluation)
    yield from _copies(evaluation)
    yield "Elsewhere", f"The figures are of {images} and hold for such pictures. {elsewhere}"


def factors(evaluation: Evaluation) -> Iterator[Statement]:
    """What makes it worse: changes of the pictures, and the class that is hardest for it."""
    yield from _harmful(evaluation)
    yield from _weakest(evaluation)


def told(statements: Iterable[Statement]) -> str:
    """Statements as one text."""
    return " ".join(f"{topic}: {sentence}" for topic, sentence in statements)


def _others(evaluation: Evaluation) -> str:
    known = f"It knows {count(len(evaluation.model.labels))} classes, and names one for any picture"
    neither, share = evaluation.neither, passed_share(evaluation.neither)
    if neither is None or share is None:
        return f"{known}. Pictures of anything else were not tried."
    passing = [
        f"{printable(name)} ({count(passed)} of {count(images)})"
        for name, images, passed in neither.by_class
        if passed
    ]
    most = f" Most often: {listed(passing, _MOST_NAMED)}." if passing else ""
    return (
        f"{known}. Of {counted(neither.images, 'picture')} of anything else, {percent(share)} "
        f"reach the threshold and are answered.{most}"
    )


def _harmful(evaluation: Evaluation) -> Iterator[Statement]:
    changes, topic = costliest(evaluation), "Changed pictures"
    if changes:
        named = listed([_harm(one) for one in changes], _MOST_NAMED)
        usual = percent(outcomes(evaluation.test).wrong)
        yield topic, f"Answered wrong, over the threshold: {named}; unchanged ({usual})."
    elif evaluation.robustness:
        yield topic, "None that was tried has clearly more answers wrong over the threshold."


def _harm(one: Change) -> str:
    named = " ".join(filter(None, (printable(one.change), printable(one.level))))
    return f"{named} ({percent(outcomes(one.measures).wrong)})"


def _weakest(evaluation: Evaluation) -> Iterator[Statement]:
    """The class that is recognised least often, where one is."""
    known = sorted(kinds(evaluation), key=lambda one: one.recognised)
    worst = known[0]
    if worst.recognised < known[-1].recognised:
        share = f"{percent(worst.recognised)} of {counted(worst.images, 'picture')}"
        yield "Weakest class", f"{printable(worst.label)} is recognised least often: {share}."


def _copies(evaluation: Evaluation) -> Iterator[Statement]:
    without = evaluation.without_copies
    if without is not None:
        copies = count(evaluation.test.images - without.images)
        rest = f"{percent(without.accuracy)} instead of {percent(evaluation.test.accuracy)}"
        told = f"Test pictures that nearly copy a training picture: {copies}. Without them it is"
        yield "Near copies", f"{told} right on {rest}."
