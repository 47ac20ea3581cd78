"""What other tools say of templates and workflows: cfn-lint, zizmor, GitHub's schema."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from scones_operations.account import CannotBeDone
from scones_operations.building.sam import REGION
from scones_operations.validation.definitions import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema.exceptions import ValidationError

    from scones_operations.validation.definitions import Machine
    from scones_operations.validation.templates import Template

__all__ = [
    "differences_from_schema",
    "lint_templates",
    "lint_workflows",
    "program",
    "read_workflow_schema",
    "require_programs",
]


def program(name: str) -> str:
    """A program of the environment that this Python belongs to.

    Raises:
        CannotBeDone: It has none of that name.
    """
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise CannotBeDone(f"There is no {name} beside {sys.executable}: run `make validate`.")
    return str(path)


def require_programs() -> None:
    """See that the environment is the one for validation.

    Raises:
        CannotBeDone: It is not.
    """
    for name in ("cfn-lint", "sam", "zizmor"):
        program(name)


def lint_templates(
    root: Path,
    templates: Iterable[Template],
    translated: Mapping[str, Any],
    machines: Iterable[Machine],
) -> list[str]:
    """Everything that cfn-lint finds.

    Args:
        root: The repository.
        templates: As they are written.
        translated: What SAM makes of those that are SAM's, by their paths.
        machines: State machines; it sees those that are written in a template already.
    """
    hidden = {f"{path} as SAM translates it": body for path, body in translated.items()}
    hidden |= {one.where: shown(one) for one in machines if one.filled_in is not None}
    with TemporaryDirectory() as name:
        for place, body in hidden.items():
            path = Path(name, f"{place}.json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(body), encoding="utf-8")
        # One call for all: it takes seconds to start.
        given = [*(str(one.path) for one in templates), *(f"{name}/{one}.json" for one in hidden)]
        command = (program("cfn-lint"), "--format=parseable", f"--regions={REGION}", "--", *given)
        return [line.removeprefix(f"{name}/") for line in _lines(command, root)]


def lint_workflows(root: Path) -> list[str]:
    """Everything that zizmor finds wrong with the workflows' security; it asks nobody online."""
    command = (program("zizmor"), "--offline", "--quiet", "--no-progress", ".github/workflows")
    return _lines(command, root)


def _lines(command: tuple[str, ...], root: Path) -> list[str]:
    """What a program says of what it found, by line; nothing if it is content."""
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    said = done.stdout.strip() or done.stderr.strip() or f"{command[0]} exits {done.returncode}"
    return said.splitlines() if done.returncode else []


def read_workflow_schema() -> dict[str, Any]:
    """The schema of GitHub's workflows that check-jsonschema carries.

    Beside SAM's older click it can neither be run nor be imported (from 0.38 on).
    """
    package = distribution("check-jsonschema").locate_file("check_jsonschema")
    vendored = Path(str(package)) / "builtin_schemas" / "vendor" / "github-workflows.json"
    schema: dict[str, Any] = json.loads(vendored.read_text(encoding="utf-8"))
    return schema


def differences_from_schema(text: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """Where a workflow is not what GitHub reads."""
    # Only the environments of tests and of `make validate` have it.
    import jsonschema  # noqa: PLC0415

    # YAML 1.1 reads the key `on` as a truth value.
    workflow = {("on" if key is True else key): one for key, one in yaml.safe_load(text).items()}
    errors = jsonschema.Draft7Validator(schema).iter_errors(workflow)
    if error := jsonschema.exceptions.best_match(
        errors
    ):  # the others are mostly what follows from it
        # Where several forms are allowed it says what each of them lacks.
        yield f"{error.json_path}: {' or '.join(one.message for one in _reasons(error))}"


def _reasons(error: ValidationError) -> Iterator[ValidationError]:
    for one in error.context or ():
        yield from _reasons(one)
    if not error.context:
        yield error
