"""Put a data set into S3, as the channels that training jobs read.

    <place>/{train,calibration,test,neither}/...    the pictures
    <place>/{train_lst/train,validation_lst/validation}.lst
    <place>/manifest.json, card.md, contact-sheet.png

The lists are for the built-in image classification, whose channel `validation` is our calibration.

Objects that are there with the same content stay as they are, so an upload that was cut short goes
on where it ended. Prints the channels' URIs as JSON. `--dry-run` prints every request instead, and
needs neither credentials nor a network.

Exit status: 0 done, 1 AWS refused it or cannot be reached, 2 bad input.
"""

# ruff: noqa: T201 - a command line
# ruff: noqa: PLC0415 - boto3 is in the extra `ops` alone

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone, run
from scones_model.aws.place import place
from scones_model.data.layout import NEITHER, PLACES, SPLITS, stored
from scones_model.data.progress import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef

    from scones_model.aws.place import Place

__all__ = ["AccessRefused", "NoBucket", "NoDataSet", "OtherObjects", "main"]

WORKERS = 32
"""Objects put at a time: S3 takes tens of milliseconds for one, this machine almost none."""

_CHANNELS = (*SPLITS, NEITHER, "train_lst", "validation_lst")
_BESIDE = {
    "train_lst/train.lst": "train.lst",
    "validation_lst/validation.lst": "calibration.lst",
    "card.md": "card.md",
    "contact-sheet.png": "contact-sheet.png",
    "manifest.json": "manifest.json",
}
"""What there is but pictures, by its name in S3."""
_TYPES = {
    ".png": "image/png",
    ".lst": "text/tab-separated-values",
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
}


class NoDataSet(CannotBeDone):
    """The folder is none that `scones-model dataset` wrote whole."""


class NoBucket(CannotBeDone):
    """There is no such bucket."""


class AccessRefused(CannotBeDone):
    """The credentials at hand may not list or write there."""


class OtherObjects(CannotBeDone):
    """A channel holds objects that are not of this data set; a job would read them too."""


def main(argv: Sequence[str] | None = None) -> int:
    """Upload a data set; the exit status is the module's."""
    options = _parser().parse_args(argv)
    return run(lambda: _upload(options))


def _upload(options: argparse.Namespace) -> int:
    target, files = place(options.place), _files(options.data)
    if options.dry_run:
        _show(options.data, target, files)
        return 0
    with _explained(target):
        s3 = _client()
        there = _there(s3, target)
        _refuse_others(target, there.keys() - files.keys())
        missing = {name: path for name, path in files.items() if there.get(name) != _md5(path)}
        _put(s3, target, missing)
    print(f"{len(missing)} objects put, {len(files) - len(missing)} were there", file=sys.stderr)
    print(json.dumps(_channels(target, files), indent=2))
    return 0


# --- what goes where -----------------------------------------------------------------------------


def _files(data: Path) -> dict[str, Path]:
    """Every file to upload by its name below the place; the manifest is the last."""
    files = {path.relative_to(data).as_posix(): path for at in PLACES for path in stored(data, at)}
    files |= {name: data / path for name, path in _BESIDE.items()}
    if absent := [path.name for path in files.values() if not path.is_file()]:
        raise NoDataSet(
            f"{data} has no {', '.join(absent)}: write a data set with `scones-model dataset`."
        )
    return files


def _channels(target: Place, files: Iterable[str]) -> dict[str, str]:
    """URIs, with their slash: s3://.../train would take in s3://.../train_lst/ too."""
    present = {name.split("/")[0] for name in files}
    return {channel: f"{target / channel}/" for channel in _CHANNELS if channel in present}


def _request(target: Place, name: str, path: Path, body: bytes | str) -> PutObjectRequestTypeDef:
    return {
        "Bucket": target.bucket,
        "Key": (target / name).key,
        "ContentType": _TYPES[path.suffix],
        # S3's own key: an object's ETag is then its MD5, by which a rerun knows it again.
        "ServerSideEncryption": "AES256",
        "Body": body,
    }


def _show(data: Path, target: Place, files: Mapping[str, Path]) -> None:
    """Print the requests as JSON; for a body, the file that it is read from."""
    shown = [
        {
            "service": "s3",
            "operation": "PutObject",
            "parameters": _request(target, name, path, path.relative_to(data).as_posix()),
        }
        for name, path in files.items()
    ]
    print(json.dumps(shown, indent=2))


# --- S3 ------------------------------------------------------------------------------------------


def _client() -> S3Client:
    import boto3
    from botocore.config import Config

    many = Config(
        max_pool_connections=WORKERS, retries={"mode": "standard", "total_max_attempts": 5}
    )
    return boto3.client("s3", config=many)


def _there(s3: S3Client, target: Place) -> dict[str, str]:
    """ETags of what is in the channels and right in the place, by its name below that."""
    root = (target / "").key
    found = {}
    for prefix, delimiter in ((root, "/"), *((f"{root}{channel}/", "") for channel in _CHANNELS)):
        pages = s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=target.bucket, Prefix=prefix, Delimiter=delimiter):
            for entry in page.get("Contents", ()):
                found[entry["Key"].removeprefix(root)] = entry["ETag"].strip('"')
    return found


def _refuse_others(target: Place, names: Iterable[str]) -> None:
    others = sorted(name for name in names if "/" in name)
    if others:
        raise OtherObjects(
            f"{len(others)} objects in the channels of {target} are not of this data set, such as "
            f"{others[0]}: a job would read them too. Remove them, or name another place."
        )


def _put(s3: S3Client, target: Place, files: Mapping[str, Path]) -> None:
    """Put files, many at a time; the manifest comes last, so that where it is all is."""

    def put(name: str) -> None:
        path = files[name]
        s3.put_object(**_request(target, name, path, path.read_bytes()))

    first = [name for name in files if name != "manifest.json"]
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in tracked(pool.map(put, first), "putting objects", len(first)):
            pass
    for name in files.keys() - first:
        put(name)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@contextmanager
def _explained(target: Place) -> Iterator[None]:
    """S3's commonest refusals as sentences that say what to do."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            raise NoBucket(
                f"There is no bucket {target.bucket}: make it (aws s3 mb s3://{target.bucket}), "
                "or name one that you have."
            ) from error
        if code in {"AccessDenied", "403"}:
            raise AccessRefused(
                f"{error.operation_name} in {target} was refused: your credentials need "
                f"s3:ListBucket on the bucket and s3:PutObject on what is in it."
            ) from error
        raise


# --- command line --------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scones-model upload",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="the folder that `scones-model dataset` wrote")
    parser.add_argument("place", help="where to, s3://<bucket>/<prefix>")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the requests instead of sending them"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
