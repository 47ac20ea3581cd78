"""What a model tells the services reaches them by the endpoint's stack, and follows the model."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model.tests.endpoint_stack import ROOT, TEXT
from model.tests.fake_account import REGION
from model.tests.resolver import Template
from model.tests.tiny_model import write_tiny_model
from model.tests.world import GROUP, World, fake_world, package_arn
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends

from scones_model.aws import approve, rollback
from scones_model.aws.facts import CannotBePassed, kept, parameters
from scones_model.serving.metadata import ModelMetadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ODD = ModelMetadata(
    labels=("cargo bike (long)", "e-scooter & co.", '"other" [100%] ~'),
    input_width=48,
    input_height=64,
    fit="crop",
    pad_color=(0, 7, 255),
    temperature=1.0,
    threshold=0.8125,
    command="train",
    seed=0,
)
TOLD = {
    "Labels": 'cargo bike (long),e-scooter & co.,"other" [100%] ~',
    "ImageWidth": "48",
    "ImageHeight": "64",
    "ImageFit": "crop",
    "ImagePadColor": "0,7,255",
    "ConfidenceThreshold": "0.8125",
}
SHIPPED = {
    "Labels": "bicycle,motorcycle",
    "ImageWidth": "32",
    "ImageHeight": "32",
    "ImageFit": "letterbox",
    "ImagePadColor": "129,124,112",
}
"""Its threshold changes with its training."""
TAKERS = (
    "services/serializer", "services/classifier", "services/filter", "monitoring", "observability",
)  # fmt: skip


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shipped_model: Path) -> Iterator[World]:
    with fake_world(monkeypatch, tmp_path, shipped_model) as made:
        yield made


def register_odd(world: World, **changes: Any) -> int:
    path = write_tiny_model(world.folder / "odd.onnx", dataclasses.replace(ODD, **changes))
    path.with_suffix(".predictions.csv").write_text("truth,a,b,c\na,0.8,0.1,0.1\n")
    return world.register_file(path)


def approved(version: int) -> None:
    assert approve.main([f"{GROUP}:{version}", "--override", "a test"]) == 0


def told(world: World) -> dict[str, str]:
    """The stack's outputs that are for the services."""
    return {name: value for name, value in world.outputs().items() if name in TOLD}


def takers() -> Iterator[tuple[str, Any]]:
    """Parameters of those names, as the other templates declare them."""
    for folder in TAKERS:
        text = (ROOT / folder / "template.yaml").read_text(encoding="utf-8")
        for name, declared in Template(text, {}).whole["Parameters"].items():
            if name in TOLD:
                yield name, declared


def takes(declared: dict[str, Any], value: str) -> bool:
    """Whether CloudFormation lets the value pass."""
    if declared["Type"] == "Number":
        return bool(declared["MinValue"] <= float(value) <= declared.get("MaxValue", 4096))
    fits = re.fullmatch(declared.get("AllowedPattern", ".*"), value)
    return bool(fits) and value in declared.get("AllowedValues", [value])


# --- the road ------------------------------------------------------------------------------------


def test_what_the_file_says_is_what_the_stack_tells(world: World) -> None:
    assert register_odd(world) == 0
    approved(1)
    assert world.deploy() == 0
    assert told(world) == TOLD


def test_a_rollback_brings_back_what_the_version_before_says(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.register(1) == 0
    assert register_odd(world) == 0
    for version in (1, 2):
        approved(version)
        assert world.deploy("--version", str(version)) == 0
    assert told(world) == TOLD
    capsys.readouterr()
    assert rollback.main([]) == 0
    assert f"The services do not know yet: {', '.join(TOLD)}." in capsys.readouterr().out
    shipped = told(world)
    assert float(shipped.pop("ConfidenceThreshold")) > 0
    assert shipped == SHIPPED


def test_a_model_that_says_the_same_is_no_news(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.deploy_the_first_of_two()
    capsys.readouterr()
    assert world.deploy() == 0
    assert "do not know yet" not in capsys.readouterr().out


def test_an_alarm_brings_it_back_too(world: World) -> None:
    assert register_odd(world) == 0
    assert world.register(2) == 0
    approved(1)
    assert world.deploy() == 0
    approved(2)
    world.endpoints.symptoms[package_arn(2)] = "Invocation5XXErrors"
    assert world.deploy() == 1
    assert told(world) == TOLD


@pytest.mark.parametrize(
    ("facts", "lacking"),
    [
        ("labels_base64_", {"Labels"}),  # as scones-model 2.0 registered
        ("", set(TOLD)),  # as another program does
    ],
)
def test_what_a_package_does_not_say_is_no_output_and_nothing_left_of_another(
    world: World, facts: str, lacking: set[str]
) -> None:
    for version in (1, 2):
        assert register_odd(world) == 0
        approved(version)
    forget(facts, version=1)
    assert world.deploy("--version", "2") == 0
    assert told(world) == TOLD
    assert world.deploy("--version", "1") == 0
    assert told(world).keys() == TOLD.keys() - lacking


def forget(facts: str, version: int) -> None:
    """What the registry keeps of a version by names that begin so."""
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    properties = backend.model_packages[package_arn(version)].customer_metadata_properties
    for name in [name for name in properties if name.startswith(facts)]:
        del properties[name]


def test_a_stack_of_an_older_template_goes_back_without_them(world: World) -> None:
    older = template_without_them(world)
    for number in (1, 2):
        world.register(number)
        approved(number)
        assert world.deploy("--version", str(number), "--template", older) == 0
    assert rollback.main([]) == 0
    assert world.serves() == package_arn(1)
    assert told(world) == {}


def template_without_them(world: World) -> str:
    """As it was before."""
    names = "|".join(TOLD)
    text = re.sub(rf"^  (?:{names}):\n(?:    .*\n)+", "", TEXT, flags=re.MULTILINE)
    text = re.sub(rf"^  Has(?:{names}): .*\n", "", text, flags=re.MULTILINE)
    path = world.folder / "older.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_they_are_the_packages_and_set_by_nobody_else(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.register(1)
    approved(1)
    assert world.deploy("--set", "ConfidenceThreshold=0.5") == 2
    assert "--set ConfidenceThreshold is not possible" in capsys.readouterr().err


def test_outputs_that_alone_change_are_deployed(world: World) -> None:
    world.register(1)
    approved(1)
    assert world.deploy("--template", template_without_them(world)) == 0
    assert told(world) == {}
    assert world.deploy() == 0
    assert told(world).keys() == TOLD.keys()


# --- between the registry and the services -------------------------------------------------------


@given(
    labels=st.lists(
        st.text(
            st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","),
            min_size=1, max_size=300,
        ),
        min_size=2, max_size=12, unique=True,
    )
)  # fmt: skip
def test_labels_come_out_of_the_registry_as_they_went_in(labels: list[str]) -> None:
    facts = kept(dataclasses.replace(ODD, labels=tuple(labels)))
    assert all(re.fullmatch(r"[\w .:/=+@-]{1,256}", value) for value in facts.values())
    assert parameters(facts)["Labels"].split(",") == labels


@pytest.mark.parametrize("label", ["a, b", " a", "a ", "Lastenräder", "a\nb", "\x00", "自転車"])
def test_a_label_that_the_classifier_cannot_be_told_is_refused_at_once(
    world: World, capsys: pytest.CaptureFixture[str], label: str
) -> None:
    assert register_odd(world, labels=("one", label, "three")) == 2
    assert f"cannot be told the label {label!r}" in capsys.readouterr().err
    assert not world.account.calls


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": tuple(f"{number:01000}" for number in range(5))}, "5004 characters together"),
        ({"threshold": 0.005}, "0.005 is less than 0.01"),
    ],
)
def test_what_a_parameter_does_not_take_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CannotBePassed, match=said):
        kept(dataclasses.replace(ODD, **changes))


@pytest.mark.parametrize("told", [TOLD, SHIPPED], ids=["odd", "shipped"])
def test_the_others_take_what_the_endpoints_stack_tells(told: dict[str, str]) -> None:
    assert {name for name, _ in takers()} == TOLD.keys()
    assert all(takes(declared, told.get(name, "0.9")) for name, declared in takers())


OWN = Template(TEXT, {}).whole["Parameters"]
THRESHOLDS = [one for one in takers() if one[0] == "ConfidenceThreshold"]


@given(threshold=st.floats(0.01, 1))
def test_any_threshold_that_registers_can_be_deployed(threshold: float) -> None:
    told = parameters(kept(dataclasses.replace(ODD, threshold=threshold)))["ConfidenceThreshold"]
    assert takes(OWN["ConfidenceThreshold"], told)
    assert all(takes(declared, told) for name, declared in THRESHOLDS)


def test_the_template_has_no_value_of_its_own() -> None:
    """Or a service would get that instead of its own template's."""
    assert {OWN[name]["Default"] for name in TOLD} == {""}
