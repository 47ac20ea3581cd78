"""Keeps this folder's schemas and golden payloads true to the services' own code.

`python contracts/<service>.py --check` runs in that service's environment. It generates the
service's schemas from its models, and has its real handler process every golden payload it
consumes: what comes out must be the golden payload of the same name that it emits. `--write`
writes both, unless that would break those who rely on the committed schema.
"""

from __future__ import annotations

import argparse
import io
import json
import operator
import os
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
from compatibility import breaking_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

__all__ = ["Contract", "LambdaContext", "golden", "run"]

HERE = Path(__file__).parent

os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"  # the handlers' logs would hide the faults


@dataclass(frozen=True)
class LambdaContext:
    """What Powertools reads of Lambda's context."""

    function_name: str = "contract"
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:contract"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Contract:
    """One service between two messages.

    Attributes:
        consumes: The message it reads.
        emits: The message it sends, and the model of it.
        process: The service itself: a payload's name and a consumed payload to an emitted one.
        reads: The model of the consumed message, if no other service here emits it.
        same: Whether two emitted payloads are alike; equality, if not given.
    """

    consumes: str
    emits: tuple[str, type[BaseModel]]
    process: Callable[[str, dict[str, Any]], dict[str, Any]]
    reads: type[BaseModel] | None = None
    same: Callable[[dict[str, Any], dict[str, Any]], bool] = operator.eq


def run(contract: Contract) -> None:
    """Check or write, as the command line says; exits with 1 and a line for each fault."""
    parser = argparse.ArgumentParser(description="Schemas and golden payloads of one service.")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="fail on any difference")
    mode.add_argument("--write", action="store_true", help="write what the code gives")
    write = parser.parse_args().write
    faults = [
        *_schema_faults(contract, write=write),
        *_golden_faults(contract, write=write),
        *_invalid_payloads(),
    ]
    if faults:
        sys.exit("\n".join(faults))
    print(f"{contract.consumes} -> {contract.emits[0]}: schemas and golden payloads agree")


def golden(message: str) -> dict[str, dict[str, Any]]:
    """The golden payloads of a message by file name, without suffix."""
    return {path.stem: _read(path) for path in sorted((HERE / message / "golden").glob("*.json"))}


def _schema_faults(contract: Contract, *, write: bool) -> Iterator[str]:
    emitted, model = contract.emits
    yield from _one_schema(
        emitted, model.model_json_schema(mode="serialization"), sent_by_others=False, write=write
    )
    if contract.reads:
        yield from _one_schema(
            contract.consumes,
            contract.reads.model_json_schema(mode="validation"),
            sent_by_others=True,
            write=write,
        )


def _one_schema(
    message: str, model_schema: dict[str, Any], *, sent_by_others: bool, write: bool
) -> Iterator[str]:
    path = HERE / message / "v1.schema.json"
    identity = f"{message}/v1.schema.json"
    generated = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identity,
        **model_schema,
    }
    committed = _read(path) if path.exists() else generated
    breaking = breaking_changes(committed, generated, sent_by_others=sent_by_others)
    yield from (f"{identity}: breaks v1, publish v2 beside it: {change}" for change in breaking)
    if write and not breaking:
        _write(path, generated)
    elif not path.exists() or committed != generated:
        yield f"{identity}: differs from the service's model; run again with --write"


def _golden_faults(contract: Contract, *, write: bool) -> Iterator[str]:
    message = contract.emits[0]
    consumed, committed = golden(contract.consumes), golden(message)
    for name in committed.keys() - consumed.keys():
        yield f"{message}/golden/{name}.json: no {contract.consumes} of that name; delete it"
    for name, payload in consumed.items():
        try:
            with redirect_stdout(io.StringIO()):  # the handler's metrics
                emitted = contract.process(name, payload)
        except Exception as refusal:  # noqa: BLE001 - whatever it is, the payload was refused
            fault = f"{type(refusal).__name__}: {refusal}"
            yield f"{contract.consumes}/golden/{name}.json: refused: {fault}"
            continue
        if name in committed and contract.same(committed[name], emitted):
            continue
        if write:
            _write(HERE / message / "golden" / f"{name}.json", emitted)
        else:
            yield f"{message}/golden/{name}.json: the service emits another; run with --write"


def _invalid_payloads() -> Iterator[str]:
    """Every golden payload against its schema, also where no service of ours emits it."""
    for path in sorted(HERE.glob("*/v1.schema.json")):
        validator = jsonschema.Draft202012Validator(_read(path))
        for name, payload in golden(path.parent.name).items():
            for fault in validator.iter_errors(payload):
                yield f"{path.parent.name}/golden/{name}.json: {fault.json_path}: {fault.message}"


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path.relative_to(HERE)}")
