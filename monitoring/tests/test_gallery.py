from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from monitoring.tests.capturing import capture, line, png
from PIL import Image

from scones_monitoring.capture.store import Folder
from scones_monitoring.capture.summary import Least
from scones_monitoring.page.gallery import SIDE, NotShown, gallery, thumbnail

LABELS = ("bicycle", "motorcycle")


def decoded(uri: str) -> Image.Image:
    kind, _, content = uri.partition(";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(content)))
    assert kind == f"data:image/{(picture.format or '').lower()}"
    return picture


def test_a_small_picture_is_shown_pixel_by_pixel() -> None:
    picture = decoded(thumbnail(png((200, 30, 30), 32)))
    assert picture.size == (32, 32)
    assert picture.convert("RGB").getpixel((5, 5)) == (200, 30, 30)


def test_a_large_picture_is_made_small() -> None:
    uri = thumbnail(png(side=1500))
    assert max(decoded(uri).size) == SIDE
    assert len(uri) < 8000


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "CMYK", "I;16", "1"])
def test_every_mode_can_be_shown(mode: str) -> None:
    memory = io.BytesIO()
    kind = "JPEG" if mode == "CMYK" else "PNG"
    Image.new(mode, (16, 16)).save(memory, kind)
    assert decoded(thumbnail(memory.getvalue())).size == (16, 16)


@pytest.mark.parametrize("blob", [
    b"", b"<svg onload=alert(1)>", b"GIF89a<script>", png()[:40], b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
    b"%PDF-1.4", b"\x00\x00\x00\x18ftypavif",
])  # fmt: skip
def test_what_is_no_picture_is_not_shown(blob: bytes) -> None:
    with pytest.raises(NotShown, match="no picture"):
        thumbnail(blob)


def test_a_huge_picture_is_not_even_decoded() -> None:
    memory = io.BytesIO()
    Image.new("1", (6000, 6000)).save(memory, "PNG")
    with pytest.raises(NotShown, match="6000 x 6000 pixels"):
        thumbnail(memory.getvalue())


def test_pictures_are_found_by_file_and_offset(tmp_path: Path) -> None:
    first = line(capture(image=base64.b64encode(png((1, 2, 3))).decode()))
    second = line(capture(image=base64.b64encode(png((200, 100, 50))).decode()))
    (tmp_path / "a.jsonl").write_bytes(first + second)
    least = [("blue", Least(0.51, "a.jsonl", len(first), 1)), ("blue", Least(0.6, "a.jsonl", 0, 5))]
    shown = gallery(Folder(tmp_path), least, LABELS)
    assert decoded(shown[0].image or "").convert("RGB").getpixel((0, 0)) == (200, 100, 50)
    assert (shown[0].predicted, shown[0].variant, shown[0].offset) == (
        "motorcycle",
        "blue",
        len(first),
    )
    assert shown[1].predicted == "class 5"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (line(capture(image=None)), "was not captured"),
        (line(capture(image="%%%")), "was not captured"),
        (line(capture(image=base64.b64encode(b"text").decode())), "no picture"),
        (b"shortened", "was not captured"),
    ],
)
def test_a_missing_picture_says_why(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    (shown,) = gallery(Folder(tmp_path), [("v", Least(0.5, "a.jsonl", 0, 0))], LABELS)
    assert shown.image is None
    assert why in (shown.missing or "")


def test_a_capture_that_is_gone_says_so(tmp_path: Path) -> None:
    least = [("v", Least(0.5, "gone.jsonl", 0, 0))]
    assert "cannot be read" in (gallery(Folder(tmp_path), least, LABELS)[0].missing or "")
    assert "elsewhere" in (gallery(None, least, LABELS)[0].missing or "")


def test_an_input_of_another_encoding_is_not_taken_for_a_picture(tmp_path: Path) -> None:
    record = capture()
    record["captureData"]["endpointInput"] |= {"data": "1,2,3", "encoding": "CSV"}
    (tmp_path / "a.jsonl").write_bytes(line(record))
    (shown,) = gallery(Folder(tmp_path), [("v", Least(0.5, "a.jsonl", 0, 0))], LABELS)
    assert "base64" in (shown.missing or "")


def test_nothing_to_show_is_an_empty_gallery() -> None:
    assert gallery(Folder(Path()), [], LABELS) == ()
