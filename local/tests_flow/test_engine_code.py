"""The engine's conformance: what was deployed is what runs, and what an alias names.

Beside `test_engine.py`, and for the same reason.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from local.tests_flow.bare_engine import CONCURRENCY, REGION, ROLE, zipped

if TYPE_CHECKING:
    from pathlib import Path

    from local.tests_flow.bare_engine import Engine

SAYS = """
def handler(event, context):
    arn = context.invoked_function_arn
    return {"says": "WORD", "version": context.function_version, "arn": arn}
"""
"""A handler that says which code it is and what it was called by."""
ARN = f"arn:aws:lambda:{REGION}:000000000000:function"


def saying(word: str) -> dict[str, str]:
    return {"scones_probe.py": SAYS.replace("WORD", word)}


def invoke(engine: Engine, name: str) -> Any:
    return json.load(engine.client("lambda").invoke(FunctionName=name)["Payload"])


def publish(engine: Engine, name: str, word: str) -> str:
    """Deploy another code and publish it; returns the version."""
    functions = engine.client("lambda")
    functions.update_function_code(FunctionName=name, ZipFile=zipped(saying(word)))
    version: str = functions.publish_version(FunctionName=name)["Version"]
    return version


def two_versions(engine: Engine, name: str) -> None:
    """A function whose versions 1 and 2 are different code, and whose alias names the first."""
    functions = engine.client("lambda")
    engine.deploy(name, saying("one"))
    functions.publish_version(FunctionName=name)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert publish(engine, name, "two") == "2"


def test_an_alias_runs_the_code_of_its_version_forth_and_back(engine: Engine) -> None:
    functions = engine.client("lambda")
    two_versions(engine, "forth")
    asked = ["forth:live", "forth:1", "forth:2", "forth"]
    assert [invoke(engine, name)["says"] for name in asked] == ["one", "one", "two", "two"]

    functions.update_alias(FunctionName="forth", Name="live", FunctionVersion="2")
    assert [invoke(engine, name)["says"] for name in asked] == ["two", "one", "two", "two"]

    functions.update_alias(FunctionName="forth", Name="live", FunctionVersion="1")
    assert invoke(engine, "forth:live")["says"] == "one"


def test_a_handler_is_told_its_version_and_what_the_caller_named(engine: Engine) -> None:
    two_versions(engine, "named")
    told = {name: invoke(engine, name) for name in ("named:live", "named:2", "named")}
    assert [one["version"] for one in told.values()] == ["1", "2", "$LATEST"]
    assert [one["arn"] for one in told.values()] == [f"{ARN}:{name}" for name in told]


def test_a_workflow_that_names_an_alias_calls_the_alias(engine: Engine) -> None:
    two_versions(engine, "called")
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": f"{ARN}:called:live"},
        "Output": "{% $states.result.Payload %}",
        "End": True,
    }
    told = engine.run({"Call": state}, {})
    assert told == {"says": "one", "version": "1", "arn": f"{ARN}:called:live"}


def test_processes_of_a_version_end_when_its_alias_leaves_it_and_warm_ones_go_along(
    engine: Engine,
) -> None:
    functions = engine.client("lambda")
    two_versions(engine, "moved")
    functions.put_provisioned_concurrency_config(
        FunctionName="moved", Qualifier="live", ProvisionedConcurrentExecutions=CONCURRENCY
    )
    before = engine.processes("moved")
    functions.update_alias(FunctionName="moved", Name="live", FunctionVersion="2")
    after = engine.processes("moved")
    assert (len(before), len(after), before & after) == (CONCURRENCY, CONCURRENCY, set())
    assert invoke(engine, "moved:live")["says"] == "two"


def test_processes_of_a_function_end_with_it(engine: Engine) -> None:
    two_versions(engine, "deleted")
    for name in ("deleted:live", "deleted"):
        invoke(engine, name)
    assert len(engine.processes("deleted")) == 2
    engine.client("lambda").delete_function(FunctionName="deleted")
    assert engine.processes("deleted") == set()


def test_modules_of_the_zip_come_before_all_others(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "dependency.py").write_text("PLACE = 'PYTHONPATH'")
    (tmp_path / "other.py").write_text("PLACE = 'PYTHONPATH'")
    handler = """
import os, pathlib, dependency, other
def handler(event, context):
    here = str(pathlib.Path(__file__).parent)
    root = os.environ["LAMBDA_TASK_ROOT"]
    return {"here": here == root == os.getcwd(), "places": [dependency.PLACE, other.PLACE]}
"""
    files = {"scones_probe.py": handler, "dependency.py": "PLACE = 'zip'"}
    variables = {"Variables": {"PYTHONPATH": str(tmp_path)}}
    engine.deploy("ordered", files, Environment=variables)
    assert invoke(engine, "ordered") == {"here": True, "places": ["zip", "PYTHONPATH"]}


def test_a_zip_that_brings_dependencies_finds_no_others(engine: Engine) -> None:
    handler = """
import pydantic
def handler(event, context):
    return "imported"
"""
    engine.deploy("supplied", {"scones_probe.py": handler})
    engine.deploy("bringing", {"scones_probe.py": handler, "dependency/__init__.py": ""})
    assert invoke(engine, "supplied") == "imported"
    told = invoke(engine, "bringing")
    assert told["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'pydantic'" in told["errorMessage"]


def test_a_handler_that_nothing_can_run_is_named_with_what_to_do(engine: Engine) -> None:
    engine.deploy("absent", {"absent.py": ""}, Handler="absent.handler")
    told = invoke(engine, "absent")
    assert told["errorType"] == "Runtime.InvalidEntrypoint"
    assert "No environment holds absent: add it to noxfile.py" in told["errorMessage"]


def test_a_stack_is_created_of_a_sam_template_and_its_parameters_change_what_runs(
    engine: Engine,
) -> None:
    s3, cloudformation = engine.client("s3"), engine.client("cloudformation")
    s3.create_bucket(Bucket="sam", CreateBucketConfiguration={"LocationConstraint": REGION})
    for word in ("one", "two"):
        s3.put_object(Bucket="sam", Key=word, Body=zipped(saying(word)))
    function = {
        "FunctionName": "sam",
        "Runtime": "python3.13",
        "Handler": "scones_probe.handler",
        "CodeUri": {"Bucket": "sam", "Key": {"Ref": "Word"}},
        "Role": ROLE,
    }
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Word": {"Type": "String"}},
        "Resources": {"Function": {"Type": "AWS::Serverless::Function", "Properties": function}},
        "Outputs": {"Name": {"Value": {"Ref": "Function"}}},
    }
    asked = {
        "StackName": "sam",
        "TemplateBody": json.dumps(template),
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    for word, change in (
        ("one", cloudformation.create_stack),
        ("two", cloudformation.update_stack),
    ):
        change(**asked, Parameters=[{"ParameterKey": "Word", "ParameterValue": word}])
        stack = settled(cloudformation, "sam")
        assert stack
        assert stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
        assert stack["Outputs"][0]["OutputValue"] == "sam"
        assert invoke(engine, "sam")["says"] == word
    cloudformation.delete_stack(StackName="sam")
    assert settled(cloudformation, "sam") is None
    assert engine.processes("sam") == set()


def settled(cloudformation: Any, name: str) -> dict[str, Any] | None:
    """The stack once nothing is under way; None when it is gone."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except cloudformation.exceptions.ClientError:
            return None
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        time.sleep(0.05)
    raise AssertionError(f"something is still being done to {name}")
