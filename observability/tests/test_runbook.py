"""docs/operations.md against the alarms, commands and errors that there are."""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from observability.tests.reading import ROOT, TEMPLATE, of_type

from scones_operations.cli import COMMANDS
from scones_operations.stacks.template import read_template

RUNBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
FOLDERS = ("services/*", "model", "monitoring", "observability", "operations", "orchestration")
TEMPLATES = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.yaml"))
_, SECTIONS_TEXT = RUNBOOK.split("\n## Alarms\n")
SECTIONS = dict(
    zip(*[iter(re.split(r"(?m)^### (.+)$", SECTIONS_TEXT.split("\n## ")[0])[1:])] * 2, strict=True)
)


def commands() -> str:
    """What the runbook has people type, a command a line, those within commands too."""
    blocks = [*re.findall(r"(?s)```\n(.*?)```", RUNBOOK), *re.findall(r"`([^`\n]+)`", RUNBOOK)]
    text = "\n".join(blocks).replace("\\\n", " ")
    inner = re.compile(r"\$\(\(([^()]*)\)\)|\$\(([^()]*)\)")
    while match := inner.search(text):
        text = f"{text[: match.start()]}X{text[match.end() :]}\n{match[1] or match[2]}"
    return text


COMMAND_LINES = commands()
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def alarms() -> dict[str, str]:
    """Each alarm of each template, and its description."""
    default = TEMPLATE["Parameters"]["RunbookUrl"]["Default"]
    return {
        f"{path.relative_to(ROOT)}:{name}": told.replace("${RunbookUrl}", default)
        for path in TEMPLATES
        for name, resource in read_template(path)["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
        for told in [description(resource["Properties"]["AlarmDescription"])]
    }


def description(value: Any) -> str:
    text = value["Fn::Sub"] if isinstance(value, dict) else value
    assert isinstance(text, str)
    return text


ALARMS = alarms()


@pytest.mark.parametrize("told", ALARMS.values(), ids=ALARMS)
def test_an_alarm_says_in_a_sentence_what_it_means_and_names_its_section(told: str) -> None:
    match = re.fullmatch(r"(?s)[A-Z].{20,}\S\s+docs/operations\.md#([a-z0-9-]+)", told)
    assert match, told
    assert match[1] in SECTIONS


def test_no_section_is_about_an_alarm_that_does_not_exist() -> None:
    assert set(SECTIONS) == {told.rpartition("#")[2] for told in ALARMS.values()}


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_a_section_says_what_it_means_who_is_affected_and_what_to_do(section: str) -> None:
    for word in ("means", "affected", "look", "mend", "redrive"):
        assert f"**{word}" in section.lower(), word


def test_every_link_to_a_section_leads_somewhere() -> None:
    body = of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    headings = re.findall(r"(?m)^##+ (.+)$", RUNBOOK)
    linked = set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK))
    assert linked <= {heading.lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\$\{RunbookUrl\}#([\w-]+)", body)) <= set(SECTIONS)


def test_the_saved_queries_are_all_described() -> None:
    queries = of_type("AWS::Logs::QueryDefinition").values()
    saved = {query["Name"]["Fn::Sub"].split("/")[1] for query in queries}
    table = RUNBOOK.split("### Saved queries")[1].split("###")[0]
    assert set(re.findall(r"(?m)^\| ([a-z' ]+) \|", table)) - {"query"} == saved


def test_every_error_of_a_service_has_its_line() -> None:
    names: set[str] = set()
    for path in ROOT.glob("services/*/src/*/errors.py"):
        classes = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef)]
        parents = {base.id for one in classes for base in one.bases if isinstance(base, ast.Name)}
        names |= {one.name for one in classes} - parents
    table = re.findall(r"(?m)^\| (`.+?) \|", SECTIONS["dead-letter"])
    assert names <= set(re.findall(r"`(\w+)`", " ".join(table)))


def test_every_make_command_and_its_variables_exist() -> None:
    used = re.findall(r"\bmake ([a-z-]+)([^\n]*)", COMMAND_LINES)
    assert used
    for target, rest in used:
        (rule,) = re.findall(rf"(?m)^{target}:.*\n(?:\t.*\n)+", MAKEFILE)
        for variable in re.findall(r"\b([A-Z]+)=", rest):
            assert re.search(rf"\b{variable}\b", rule), f"make {target} {variable}="


@cache
def usage(word: str) -> str:
    room, _ = COMMANDS[word]
    module = importlib.import_module(f"scones_operations.{room}.{word}")
    text: str = module._parser().format_help()
    return text


def test_every_option_that_goes_to_scones_ops_exists() -> None:
    used = re.findall(r"\bmake ([a-z-]+)([^\n]*)", COMMAND_LINES)
    passed = [(word, option) for word, rest in used for option in re.findall(r"--[a-z-]+", rest)]
    assert passed
    for word, option in passed:
        assert re.search(rf"{option}\b", usage(word)), f"scones-ops {word} {option}"


def test_every_command_of_the_model_and_of_monitoring_exists() -> None:
    cli = ast.parse((ROOT / "model" / "src" / "scones_model" / "cli.py").read_text())
    tables = [node.value for node in cli.body if isinstance(node, ast.Assign)]
    words = next(ast.literal_eval(table) for table in tables if isinstance(table, ast.Dict))
    source = "".join(path.read_text() for path in ROOT.glob("model/src/scones_model/aws/*.py"))
    used = re.findall(r"\bscones-model (\w+)([^\n]*)", COMMAND_LINES)
    assert used
    for word, rest in used:
        assert word in words
        assert all(f'"{option}"' in source for option in re.findall(r"--[a-z-]+", rest))
    monitoring = (ROOT / "monitoring/src/scones_monitoring/cli.py").read_text()
    for word in re.findall(r"\bscones-monitor ([a-z-]+)", COMMAND_LINES):
        assert f'"{word}"' in monitoring


def test_every_aws_command_and_its_options_are_those_of_aws() -> None:
    """As far as the CLI follows the API: `logs tail` and `s3` are its own."""
    session = botocore.session.get_session()
    own = {("logs", "tail"): {"--since", "--filter-pattern"}, ("s3", "cp"): set()}
    every = {"--query", "--output"}
    used = re.findall(r"\baws ([a-z0-9-]+) ([a-z0-9-]+)([^\n]*)", COMMAND_LINES)
    assert len(used) > len(SECTIONS)
    for service, word, rest in used:
        options = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
        if (service, word) in own:
            assert options <= own[service, word]
            continue
        model = session.get_service_model(service)
        names = {xform_name(name, "-"): name for name in model.operation_names}
        shape = model.operation_model(names[word]).input_shape
        known = {f"--{xform_name(name, '-')}" for name in (shape.members if shape else ())}
        assert options <= known | every, (service, word)
