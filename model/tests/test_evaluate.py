from __future__ import annotations

import base64
import io
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scones_model import cli
from scones_model.data import drawn
from scones_model.data.folders import InvalidFolder
from scones_model.data.manifest import Origin, survey, write_manifest
from scones_model.evaluation.evaluate import evaluate
from scones_model.evaluation.measures import as_figures
from scones_model.serving.inference import Classifier
from scones_model.serving.metadata import ModelMetadata

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COLORS = ("red", "green", "blue")
CHANNELS = {color: channel for channel, color in enumerate(COLORS)}


class ColorTeller(Classifier):
    """Stands in for a model: answers with the shares that red, green and blue have of a picture."""

    def __init__(self, labels: Sequence[str] = COLORS, columns: Sequence[str] = ()) -> None:
        self.metadata = ModelMetadata(
            labels=tuple(labels), input_width=12, input_height=8, fit="letterbox",
            pad_color=(0, 0, 0), temperature=1.0, threshold=0.8, command="by hand", seed=3,
        )  # fmt: skip
        self.order = [CHANNELS[color] for color in columns or labels]
        self.most_at_once = 0

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.most_at_once = max(self.most_at_once, len(pixels))
        light = pixels.mean(axis=(1, 2), dtype=np.float64)[:, self.order] + 1e-3
        shares: NDArray[np.float32] = light / light.sum(axis=1, keepdims=True)
        return shares.astype(np.float32)


def paint(folder: Path, color: str, *others: int) -> None:
    """Add a picture of one colour for each of `others`, which is how light the others are."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(list(folder.iterdir()))
    for number, other in enumerate(others, start=count):
        pixels = np.full((24, 20, 3), other, dtype=np.uint8)
        pixels[..., CHANNELS[color]] = 180
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "colors.onnx"
    path.write_bytes(b"stands in for a model")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set whose confidences are 180 / (180 + 2 * other): 20 gives .82, 90 gives .5."""
    folder = tmp_path / "data"
    for color in COLORS:
        paint(folder / "test" / color, color, 0, 10, 20, 60)
        paint(folder / "calibration" / color, color, 10)
    paint(folder / "test" / "red", "green", 5, 40)
    paint(folder / "neither" / "test" / "grey", "red", 180, 180)
    paint(folder / "neither" / "test" / "rose", "red", 20, 20, 120)
    paint(folder / "neither" / "calibration" / "grey", "red", 0)
    return folder


def test_every_part_of_a_data_set_is_measured(model: Path, data: Path) -> None:
    found = evaluate(ColorTeller(), model, data)
    assert found.data == {"test": 14, "calibration": 3, "neither": 5}
    assert found.confusion == [[4, 2, 0], [0, 4, 0], [0, 0, 4]]
    assert found.test.images == 14
    assert found.test.accuracy == pytest.approx(12 / 14)
    assert found.test.coverage == pytest.approx(10 / 14)
    assert found.test.accepted_accuracy == 0.9
    assert found.calibration is not None
    assert (found.calibration.images, found.calibration.accuracy) == (3, 1)
    assert found.without_copies is None
    assert found.neither is not None
    assert (found.neither.images, found.neither.passed) == (5, 2)
    assert list(found.neither.by_class) == [("rose", 3, 2), ("grey", 2, 0)]
    own = next(one for one in found.operations if one.threshold == 0.8)
    assert (own.errors, own.neither_passed) == (1, 0.4)
    assert sum(one.images for one in found.reliability) == 14


def test_the_model_file_is_told_apart_by_its_content(model: Path, data: Path) -> None:
    about = evaluate(ColorTeller(), model, data).model
    assert (about.name, about.size_bytes, about.seed) == ("colors.onnx", 21, 3)
    assert (about.labels, about.input_size, about.threshold) == (COLORS, (12, 8), 0.8)
    assert about.sha256.startswith("239a269f468b")


def test_changed_pictures_are_answered_as_changed(model: Path, data: Path) -> None:
    changes = {(one.change, one.level): one.measures for one in
               evaluate(ColorTeller(), model, data).robustness}  # fmt: skip
    assert len({change for change, _ in changes}) == 10
    grey = changes["grey", "no colour"]
    # Without colour all three get a third; the first is named.
    assert (grey.images, grey.coverage) == (14, 0)
    assert grey.accuracy == pytest.approx(6 / 14)
    assert changes["rotation", "by 10°"].accuracy == pytest.approx(12 / 14)


def test_mistakes_come_most_confident_first_with_their_pictures(model: Path, data: Path) -> None:
    found = evaluate(ColorTeller(), model, data).mistakes
    assert [(one.path, one.truth, one.answer) for one in found] == [
        ("test/red/4.png", "red", "green"),
        ("test/red/5.png", "red", "green"),
    ]
    assert found[0].confidence > found[1].confidence
    with Image.open(io.BytesIO(base64.b64decode(found[0].picture))) as picture:
        assert (picture.format, picture.size) == ("PNG", (20, 24))


def test_of_many_mistakes_the_surest_are_shown_and_large_ones_shrunk(
    model: Path, tmp_path: Path
) -> None:
    paint(tmp_path / "plain" / "red", "blue", *range(20, 50))
    Image.new("RGB", (400, 200), "blue").save(tmp_path / "plain" / "red" / "large.png")
    found = evaluate(ColorTeller(), model, tmp_path / "plain").mistakes
    assert [one.path for one in found[:2]] == ["red/large.png", "red/0.png"]
    assert len(found) == 12
    with Image.open(io.BytesIO(base64.b64decode(found[0].picture))) as picture:
        assert picture.size == (96, 48)


# --- what a folder may lack, and what it may not have --------------------------------------------


def test_class_without_test_pictures_is_no_obstacle(model: Path, data: Path) -> None:
    for path in (data / "test" / "blue").iterdir():
        path.unlink()
    (data / "test" / "blue").rmdir()
    found = evaluate(ColorTeller(), model, data)
    assert found.confusion == [[4, 2, 0], [0, 4, 0], [0, 0, 0]]
    assert found.test.images == 10


def test_plain_folder_is_the_test_set_alone(model: Path, data: Path) -> None:
    found = evaluate(ColorTeller(), model, data / "test")
    assert found.data == {"test": 14}
    assert (found.calibration, found.without_copies, found.neither) == (None, None, None)
    assert {one.neither_passed for one in found.operations} == {None}
    assert found.test == evaluate(ColorTeller(), model, data).test


def test_near_copies_are_counted_apart(model: Path, data: Path) -> None:
    for part in ("calibration", "neither"):
        shutil.rmtree(data / part)
    # Light above and dark below, as plain colours are all alike; a little red.
    pattern = np.zeros((24, 20, 3), dtype=np.uint8)
    pattern[:12] = (255, 230, 230)
    for path in (data / "train" / "red" / "earlier.png", data / "test" / "red" / "later.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pattern).save(path)
    write_manifest(data, survey(data, Origin(source={}, shares={})))

    found = evaluate(ColorTeller(), model, data)
    assert found.data["near copies"] == 1
    assert found.without_copies is not None
    assert (found.without_copies.images, found.test.images) == (14, 15)
    assert found.without_copies.accuracy == pytest.approx(12 / 14)
    assert found.test.accuracy == pytest.approx(13 / 15)


def test_manifest_of_another_version_ends_with_2_and_a_sentence(
    shipped_model: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in (data / "test").iterdir():
        part.rename(part.with_name({"red": "bicycle", "green": "motorcycle"}.get(part.name, ".b")))
    (data / "manifest.json").write_text("{}")
    assert cli.main(["evaluate", str(shipped_model), str(data)]) == 2
    assert "manifest.json is no manifest of this version" in capsys.readouterr().err


def test_training_pictures_are_not_read(model: Path, data: Path) -> None:
    (data / "train" / "red").mkdir(parents=True)
    (data / "train" / "red" / "broken.png").write_text("no picture")
    assert evaluate(ColorTeller(), model, data).data["test"] == 14


@pytest.mark.parametrize("part", ["test", "calibration", "neither/test"])
def test_file_that_is_no_picture_is_named(part: str, model: Path, data: Path) -> None:
    label = "grey" if part.startswith("neither") else "green"
    (data / part / label / "broken.png").write_text("no picture")
    with pytest.raises(InvalidFolder, match=rf"{part}/{label}/broken\.png"):
        evaluate(ColorTeller(), model, data)


@pytest.mark.parametrize("part", ["test", "calibration"])
def test_unknown_class_is_refused_with_the_known_ones(part: str, model: Path, data: Path) -> None:
    paint(data / part / "violet", "red", 0)
    with pytest.raises(InvalidFolder, match=r"violet, .*it knows red, green, blue"):
        evaluate(ColorTeller(), model, data)


def test_folder_without_pictures_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty" / "red").mkdir(parents=True)
    with pytest.raises(InvalidFolder, match=r"no pictures in .*empty; it needs subfolders red"):
        evaluate(ColorTeller(), model, tmp_path / "empty")
    with pytest.raises(InvalidFolder, match="no folder"):
        evaluate(ColorTeller(), model, tmp_path / "absent")


# --- models --------------------------------------------------------------------------------------


def test_classes_go_by_name_whatever_the_models_order_is(model: Path, data: Path) -> None:
    found = evaluate(ColorTeller(("green", "blue", "red")), model, data)
    assert found.confusion == [[4, 0, 0], [0, 4, 0], [2, 0, 4]]
    assert found.test == evaluate(ColorTeller(), model, data).test


def test_labels_in_the_wrong_order_show_as_a_hopeless_model(model: Path, data: Path) -> None:
    swapped = ColorTeller(COLORS, columns=("green", "blue", "red"))
    found = evaluate(swapped, model, data)
    # Right are the two alone that lie in the wrong folder.
    assert found.test.accuracy == pytest.approx(2 / 14)
    assert found.test.nll > 2
    assert len(found.mistakes) == 12


def test_perfect_model_has_no_mistakes(model: Path, tmp_path: Path) -> None:
    for color in COLORS:
        paint(tmp_path / "pure" / color, color, 0)
    found = evaluate(ColorTeller(), model, tmp_path / "pure")
    assert (found.test.accuracy, found.test.accuracy_high, found.test.coverage) == (1, 1, 1)
    assert found.test.nll == pytest.approx(0, abs=1e-4)
    assert found.mistakes == []


def test_pictures_are_answered_a_batch_at_a_time(model: Path, tmp_path: Path) -> None:
    paint(tmp_path / "many" / "red", "red", *([0] * 75))
    paint(tmp_path / "many" / "blue", "blue", *([0] * 75))
    teller, told = ColorTeller(), list[tuple[int, int]]()
    found = evaluate(teller, model, tmp_path / "many", lambda *counts: told.append(counts))
    assert (found.test.images, found.test.accuracy) == (150, 1)
    assert teller.most_at_once == 100
    assert {sum(count for count, _ in told)} == {every for _, every in told}


def test_figures_for_the_model_file_are_rounded_numbers(model: Path, data: Path) -> None:
    told = as_figures(evaluate(ColorTeller(), model, data).test, "test")
    assert told["test_images"] == 14
    assert told["test_accuracy"] == 0.8571
    assert set(told) >= {"test_nll", "test_ece", "test_coverage", "test_accepted_accuracy"}


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def drawings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    drawn.main(["--out", str(tmp_path / "drawn"), "--count", "20", "--size", "64"])
    capsys.readouterr()
    return tmp_path / "drawn"


def test_every_picture_of_a_folder_counts(
    shipped_model: Path, drawings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", str(shipped_model), str(drawings), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    confusion = np.array(told["confusion"])
    assert told["test"]["images"] == 20
    assert confusion.sum(axis=1).tolist() == [10, 10]
    assert told["test"]["accuracy"] == pytest.approx(confusion.trace() / 20)
    assert told["latency_ms"] > 0


def test_tables_are_plain_where_there_is_no_terminal(
    shipped_model: Path, drawings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", str(shipped_model), str(drawings)]) == 0
    printed = capsys.readouterr()
    for title in ("Figures", "Thresholds", "Changed pictures", "Reliability"):
        assert f"\n{title}" in printed.out
    assert "\x1b" not in printed.out + printed.err
    assert max(len(line.rstrip()) for line in printed.out.splitlines()) <= 80


def test_out_gets_the_evaluation_and_the_card(
    shipped_model: Path, drawings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "evaluation"
    command = ["evaluate", str(shipped_model), str(drawings), "--json", "--out", str(out)]
    assert cli.main(command) == 0
    assert json.loads((out / "evaluation.json").read_text()) == json.loads(capsys.readouterr().out)
    assert {path.name for path in out.iterdir()} >= {"evaluation.json", "card.md", "card.html"}


def test_other_labels_end_with_2_and_a_sentence(
    shipped_model: Path, drawings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drawings / "bicycle").rename(drawings / "scooter")
    assert cli.main(["evaluate", str(shipped_model), str(drawings)]) == 2
    assert "scooter, which are no classes of this model" in capsys.readouterr().err
