from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from scones_operations.building.archive import bytes_below, pack, sha256_of

NAMES = st.from_regex(r"[a-z_]{1,8}(/[a-z_-]{1,8}){0,2}\.py", fullmatch=True)
TREES = st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=8)


def write(folder: Path, tree: list[tuple[str, bytes]], mode: int) -> None:
    for name, content in tree:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        os.utime(path, (mode, mode))


@settings(max_examples=30)  # each writes a dozen files
@given(tree=TREES)
def test_a_zip_depends_on_names_and_contents_alone(tree: dict[str, bytes]) -> None:
    files = list(tree.items())
    with TemporaryDirectory() as one, TemporaryDirectory(prefix="somewhere else") as other:
        write(Path(one, "in"), files, 0o600)
        write(Path(other, "in"), files[::-1], 0o755)
        zips = [Path(folder, "out.zip") for folder in (one, other)]
        for path in zips:
            pack(path.parent / "in", path)
        assert sha256_of(zips[0]) == sha256_of(zips[1])
        with zipfile.ZipFile(zips[0]) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == tree
        assert bytes_below(Path(one, "in")) == sum(map(len, tree.values()))


def test_lambdas_user_may_read_what_is_unpacked_and_the_oldest_date_is_on_it(
    tmp_path: Path,
) -> None:
    write(tmp_path / "in", [("b.py", b"2"), ("a/c.py", b"1")], 0o600)
    pack(tmp_path / "in", tmp_path / "out/new.zip")
    with zipfile.ZipFile(tmp_path / "out/new.zip") as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == ["a/c.py", "b.py"]
    for entry in entries:
        assert stat.filemode(entry.external_attr >> 16) == "-rw-r--r--"
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_a_zip_appears_whole_in_place_of_an_older_one(tmp_path: Path) -> None:
    write(tmp_path / "in", [("a.py", b"1")], 0o600)
    (tmp_path / "out.zip").write_bytes(b"older")
    pack(tmp_path / "in", tmp_path / "out.zip")
    assert zipfile.is_zipfile(tmp_path / "out.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.zip"]
