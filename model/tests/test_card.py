from __future__ import annotations

import base64
import hashlib
import io
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scones_model.card.card import write_card
from scones_model.card.facts import chance_error, costliest
from scones_model.card.markdown import render_markdown
from scones_model.card.page import render_page
from scones_model.evaluation.figures import wilson
from scones_model.evaluation.result import (
    Bin,
    Change,
    Evaluation,
    Measures,
    Mistake,
    ModelFile,
    Neither,
    Operation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_BYTES = 150_000


def measures(accuracy: float = 0.9, coverage: float = 0.8, accepted: float = 0.95) -> Measures:
    low, high = wilson(round(1000 * accuracy), 1000)
    return Measures(1000, accuracy, low, high, 0.25, 0.031, coverage, accepted)


def picture(side: int = 8) -> str:
    packed = io.BytesIO()
    grain = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(grain).save(packed, "PNG")
    return base64.b64encode(packed.getvalue()).decode()


def evaluation(labels: Sequence[str] = ("cat", "dog"), **changes: Any) -> Evaluation:
    size = len(labels)
    confusion = [[9 if row == column else 1 for column in range(size)] for row in range(size)]
    mistake = Mistake("cat/7.png", labels[0], labels[1], 0.971, picture())
    made = Evaluation(
        model=ModelFile(
            "pets.onnx", "ab" * 32, 1_708_347, labels, (64, 48), 1.25, 0.87, "train --seed 5", 5
        ),
        data={"train": 8000, "test": 1000},
        test=measures(),
        calibration=measures(0.91),
        without_copies=replace(measures(0.89), images=990),
        operations=[
            Operation(one / 100, 1.5 - one / 100, 0.9, 0.85, 0.95, 3, 0.4)
            for one in range(50, 100, 5)
        ],
        reliability=[Bin(0.8, 0.9, 300, 0.85, 0.8), Bin(0.9, 1.0, 700, 0.96, 0.95)],
        confusion=confusion,
        robustness=[
            Change("blur", "a little", measures()),
            Change("dark", "to 1/4", measures(0.5, 0.9, 0.5)),
        ],
        neither=Neither(400, 30, [("cow", 100, 25), ("tree", 300, 5)]),
        mistakes=[mistake],
        latency_ms=0.734,
        threads=1,
    )
    return replace(made, **changes)


class Outline(HTMLParser):
    """The elements of a page with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data.replace("\N{NO-BREAK SPACE}", " ")

    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]


def words(made: Evaluation) -> str:
    return Outline(render_page(made)).words


def test_the_card_is_a_page_and_markdown(tmp_path: Path) -> None:
    write_card(evaluation(), tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {"card.html", "card.md"}
    assert (folder / "card.html").read_text("utf-8") == render_page(evaluation())


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    outline = Outline(render_page(evaluation()))
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(outline.tags())
    for _, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert str(attributes.get("src", "data:image/")).startswith("data:image/")
        assert not {"href", "xlink:href", "srcset", "action"} & attributes.keys()


def test_the_browser_is_told_to_allow_only_the_pages_own_style() -> None:
    page = render_page(evaluation())
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    policy = next(
        str(attributes["content"])
        for tag, attributes in Outline(page).elements
        if tag == "meta" and "http-equiv" in attributes
    )
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in style[1]
    assert "@import" not in style[1]


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1), st.text())
def test_foreign_text_is_never_markup(label: str, command: str) -> None:
    plain, made = evaluation(("cat", "dog")), evaluation((label, f"{label}2"))
    made = replace(made, model=replace(made.model, command=command, name=label))
    assert Outline(render_page(made)).tags() == Outline(render_page(plain)).tags()


@settings(max_examples=25, deadline=None)
@given(st.text(st.sampled_from("|`*_\n\\<>&#ab"), min_size=1))
def test_foreign_text_does_not_break_markdowns_tables(label: str) -> None:
    lines = render_markdown(evaluation((label, f"{label}2"))).split("\n")
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in lines if line.startswith("| ")]
    plain = render_markdown(evaluation()).split("\n")
    assert cells == [line.count("|") for line in plain if line.startswith("| ")]


@pytest.mark.parametrize("command", ["a ``` b", "````", "plain", "two\nlines"])
def test_a_command_stays_in_its_block(command: str) -> None:
    made = evaluation()
    text = render_markdown(replace(made, model=replace(made.model, command=command)))
    *_, opening, line, closing, last = text.split("\n")
    assert opening == closing
    assert set(opening) == {"`"}
    assert opening not in line
    assert not last


def test_the_first_screen_says_what_becomes_of_pictures() -> None:
    said = words(evaluation())
    assert "Tells cat from dog" in said
    # 80 % are answered, 95 % of those right.
    for figure in ("76.0 % answered right", "20.0 % left to people", "4.0 % answered wrong"):
        assert figure in said
    assert "92.5 % left to people7.5 % answered wrong" in said  # of others, 30 of 400
    assert "threshold of 0.87" in said


def test_a_threshold_that_answers_nothing_claims_no_accuracy() -> None:
    idle = evaluation(test=measures(0.9, 0.0, 1.0))
    for text in (words(idle), render_markdown(idle)):
        assert "answers none of the test pictures" in text
        assert "100 % of those right" not in text


def test_the_models_threshold_is_marked_though_no_operation_has_it() -> None:
    rows = [line for line in render_markdown(evaluation()).split("\n") if "**0.87**" in line]
    assert rows == [
        "| **0.87** | **80.0 %** | **95.0 %** | **93.3 to 96.3 %** | **40** | **7.5 %** |"
    ]
    page = render_page(evaluation())
    assert page.count("<tr class=marked><th scope=row>0.87<") == 1


def test_what_was_not_measured_is_left_out() -> None:
    bare = evaluation(
        calibration=None,
        without_copies=None,
        neither=None,
        operations=[],
        robustness=[],
        mistakes=[],
        reliability=[],
        data={},
    )
    for text in (words(bare), render_markdown(bare)):
        assert "Pictures of anything else were not tried" in text
        for gone in ("Near copies", "calibration", "Changed pictures", "Worst mistakes", "cow"):
            assert gone not in text


def test_limits_name_what_does_most_harm() -> None:
    said = words(evaluation())
    assert "Most often: cow (25 of 100) and tree (5 of 300)." in said
    assert "Answered wrong, over the threshold: dark to 1/4 (45.0 %); unchanged (4.0 %)." in said
    assert "Test pictures that nearly copy a training picture: 10." in said
    assert [one.change for one in costliest(evaluation())] == ["dark"]


def test_a_mistake_tells_whether_it_passed_the_threshold() -> None:
    unsure = Mistake("cat/8.png", "cat", "dog", 0.869, picture())
    text = render_markdown(evaluation(mistakes=[*evaluation().mistakes, unsure]))
    assert "| cat/7.png | cat | dog | 0.971 | answered wrong |" in text
    assert "| cat/8.png | cat | dog | 0.869 | left to people |" in text


def test_drawings_have_words_for_those_who_cannot_see_them() -> None:
    for tag, attributes in Outline(render_page(evaluation())).elements:
        if tag == "svg":
            drawn = attributes.get("role") == "img" and attributes["aria-label"]
            assert drawn or attributes.get("aria-hidden") == "true"
        if tag == "img":
            assert attributes["alt"] == "cat, answered dog: cat/7.png"


@pytest.mark.parametrize("classes", [2, 3, 20, 21, 150])
def test_any_number_of_classes_makes_a_small_page(classes: int) -> None:
    labels = [f"class {number}" for number in range(classes)]
    large = [Mistake("a.png", labels[0], labels[1], 0.99, picture(96))] * 24
    others = Neither(45000, 4500, [(f"other {number}", 90, 9) for number in range(500)])
    page = render_page(evaluation(labels, mistakes=large, neither=others))
    assert len(page.encode()) < MOST_BYTES
    assert all(label in page for label in labels)
    assert "class 0" in render_markdown(evaluation(labels))


def test_the_error_by_chance_is_that_of_an_honest_model() -> None:
    right, images = 0.9, 50
    exact = sum(
        math.comb(images, hits) * right**hits * (1 - right) ** (images - hits)
        * abs(hits / images - right)
        for hits in range(images + 1)
    )  # fmt: skip
    told = chance_error([Bin(0.9, 1.0, images, right, 1.0), Bin(0.5, 0.6, 0, math.nan, math.nan)])
    assert told == pytest.approx(exact, rel=0.05)
