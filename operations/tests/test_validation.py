"""`scones-ops validate` shows what its checks find, and asks other tools the right things."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from scones_operations.account import CannotBeDone, Failed
from scones_operations.validation import (
    checks,
    definitions,
    linting,
    policies,
    rules,
    running,
    statements,
    stored,
    translation,
    trust,
    validate,
)
from scones_operations.validation.checks import Check
from scones_operations.validation.definitions import Machine
from scones_operations.validation.linting import differences_from_schema, lint_templates
from scones_operations.validation.stages import faults_of_stage
from scones_operations.validation.templates import Template, find_templates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[2]
LINTER = """#!{python}
import pathlib, sys
given = sys.argv[sys.argv.index("--") + 1:]
for path in given:
    print(f"{{path}}:1: {{pathlib.Path(path).read_text()}}")
sys.exit({status})
"""


def reported(*made: Check) -> tuple[int, str]:
    written = StringIO()
    found = validate._report(made, Console(file=written, width=40))
    return found, written.getvalue()


def lacks_something() -> Sequence[str]:
    raise CannotBeDone("install it.")


def test_each_finding_is_shown_whole_below_the_name_of_its_check() -> None:
    faults = [f"{'a long line' * 9}, [bold] as it is\nand another", "second..."]
    found, shown = reported(Check("clean", list), Check("faulty", lambda: faults))
    assert found == 2
    clean, faulty, *rest = shown.splitlines()
    assert (clean.split(",")[0], faulty.split(",")[0]) == ("✓ clean", "✗ faulty")
    whole = [line for fault in faults for line in fault.splitlines()]
    assert rest == [f"    {line}" for line in whole]


def test_what_could_not_be_checked_is_no_tick() -> None:
    assert reported(Check("sam", lacks_something)) == (0, "- sam: not checked. install it.\n")


@pytest.mark.parametrize(("faults", "status"), [([], 0), (["one"], 1)])
def test_a_finding_makes_the_command_fail(
    faults: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(validate, "require_programs", lambda: None)
    monkeypatch.setattr(validate, "find_checks", lambda *_: [Check("any", lambda: faults)])
    assert validate.main([]) == status


def test_an_environment_without_the_tools_is_told_apart_from_a_clean_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert validate.main([]) == 2
    assert "run `make validate`" in capsys.readouterr().err


def test_no_rule_is_forgotten() -> None:
    written = {getattr(module, name) for module in (policies, trust, stored, running)
               for name in module.__all__}  # fmt: skip
    of_machines = set(definitions.__all__) - {"Machine", "find_machines", "shown"}
    tables = (rules.RULES, rules.TEXT_RULES, rules.MACHINE_RULES)
    used = {rule for table in tables for rule in table.values()}
    machine_rules = {getattr(definitions, name) for name in of_machines}
    assert used == written | machine_rules | {statements.unexplained_stars}
    assert set(rules.POLICY_RULES) < set(rules.RULES)


def test_our_stages_files_and_definitions_pass() -> None:
    templates = find_templates(ROOT)
    assert list(checks._stages(ROOT, templates)) == []
    assert list(checks._secrets(ROOT)) == []


def test_a_stage_sets_what_a_template_has_and_takes() -> None:
    parameters: dict[str, Any] = {
        "Days": {"Type": "Number", "AllowedValues": [1, 7]},
        "Size": {"Type": "Number", "MinValue": 1},
        "Bucket": {"Type": "String", "AllowedPattern": "[a-z]+"},
    }
    template = Template(Path("x/template.yaml"), "", {"Parameters": parameters})
    assert list(faults_of_stage({"Days": 7, "Size": 3, "Bucket": "b"}, [template])) == []
    wrong = {"Days": 2, "Bucket": "B", "Dais": 7, "Size": 0}
    faults = list(faults_of_stage(wrong, [template]))
    assert {fault.rsplit(" ", 1)[-1] for fault in faults} == wrong.keys()
    assert len(faults) == len(wrong)


def test_what_github_would_not_read_is_found_and_on_is_a_word() -> None:
    schema = {
        "type": "object",
        "required": ["on"],
        "properties": {
            "on": {"type": "string"},
            "jobs": {"oneOf": [{"type": "object"}, {"type": "string"}]},
        },
    }
    assert list(differences_from_schema("on: push\njobs: {}", schema)) == []
    (fault,) = differences_from_schema("on: push\njobs: []", schema)
    assert fault == "$.jobs: [] is not of type 'object' or [] is not of type 'string'"


@pytest.fixture
def linter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have a program that shows what it is given, and exits so, in place of all others."""

    def stand_in(status: int) -> None:
        program = tmp_path / "program"
        program.write_text(LINTER.format(python=sys.executable, status=status))
        program.chmod(0o755)
        monkeypatch.setattr(linting, "program", lambda _: str(program))

    return stand_in


def test_cfn_lint_is_shown_what_sam_hides_and_its_findings_name_the_place(
    tmp_path: Path, linter: Callable[[int], None]
) -> None:
    linter(4)
    (tmp_path / "t.yaml").write_text("written")
    states = {"StartAt": "A"}
    machines = [
        Machine("o/t.yaml Flow", "EXPRESS", states, frozenset()),
        Machine("t.yaml Inline", "STANDARD", states, None),
    ]
    template = Template(Path("t.yaml"), "written", {})
    found = lint_templates(tmp_path, [template], {"t.yaml": {"Resources": {}}}, machines)
    told = dict(line.split(":1: ") for line in found)
    assert told.pop("t.yaml") == "written"
    assert json.loads(told.pop("t.yaml as SAM translates it.json")) == {"Resources": {}}
    shown = json.loads(told.pop("o/t.yaml Flow.json"))["Resources"]["Machine"]["Properties"]
    assert (shown["StateMachineType"], shown["Definition"]) == ("EXPRESS", states)
    assert not told


def test_what_a_content_linter_prints_is_no_finding(
    tmp_path: Path, linter: Callable[[int], None]
) -> None:
    linter(0)
    (tmp_path / "t.yaml").write_text("written")
    assert lint_templates(tmp_path, [Template(Path("t.yaml"), "", {})], {}, []) == []


def test_what_sam_refuses_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Failed("Build Failed")

    monkeypatch.setattr(linting, "program", lambda name: name)
    monkeypatch.setattr(checks, "check_with_sam", refuse)
    assert list(checks._sam(ROOT, "filter")) == ["Build Failed"]


def test_sam_is_shown_the_template_as_it_is_sent_and_ours_stays() -> None:
    body = {"Resources": {"F": {"Properties": {"CodeUri": "src/", "Timeout": 3}}, "G": {}}}
    sent = translation._as_uploaded(body)
    assert sent["Resources"]["F"]["Properties"]["CodeUri"].keys() == {"Bucket", "Key"}
    assert body["Resources"]["F"]["Properties"] == {"CodeUri": "src/", "Timeout": 3}
