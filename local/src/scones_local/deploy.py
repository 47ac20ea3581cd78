"""Create the project's stacks on an engine as `sam deploy` does: package, translate, create."""

from __future__ import annotations

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import WaiterError

from scones_local.aws import create_bucket
from scones_local.template import read_template, translate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import boto3

__all__ = ["SERVICES", "DeploymentFailed", "deploy"]

SERVICES = ("serializer", "classifier", "filter")
ARTIFACTS = "scones-artifacts"
"""Bucket for code and definitions, as SAM keeps one."""


class DeploymentFailed(RuntimeError):
    """A stack did not come up; the message names the stack and CloudFormation's reason."""


def deploy(root: Path, session: boto3.Session, parameters: Mapping[str, str]) -> dict[str, str]:
    """Create every stack of the repository at `root`.

    Args:
        root: The repository.
        session: Credentials, region and, by environment, the engine to deploy to.
        parameters: Values for each template that declares the parameter; `Stage` among them.

    Returns:
        The orchestration stack's outputs.

    Raises:
        DeploymentFailed: A stack did not come up.
    """
    create_bucket(session, ARTIFACTS)
    with ThreadPoolExecutor() as pool:
        created = pool.map(
            lambda name: _create(name, root / "services" / name, session, parameters), SERVICES
        )
        arns = {
            f"{name.capitalize()}FunctionArn": outputs["FunctionArn"]
            for name, outputs in zip(SERVICES, created, strict=True)
        }
    return _create("orchestration", root / "orchestration", session, {**parameters, **arns})


def _create(
    name: str, folder: Path, session: boto3.Session, parameters: Mapping[str, str]
) -> dict[str, str]:
    template = _package(name, folder, session)
    given = {key: parameters[key] for key in template["Parameters"] if key in parameters}
    stack = f"scones-{parameters['Stage']}-{name}"
    client = session.client("cloudformation")
    client.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(translate(template, given)),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    try:
        client.get_waiter("stack_create_complete").wait(
            StackName=stack,
            WaiterConfig={"Delay": 0.1, "MaxAttempts": 300},  # type: ignore[typeddict-item]
        )
    except WaiterError as error:
        raise DeploymentFailed(f"{stack}: {_reasons(client, stack)}") from error
    outputs = client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def _reasons(client: Any, stack: str) -> str:  # noqa: ANN401 - boto3's client types are generated
    events = client.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
    return "; ".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in failed
    )


def _package(name: str, folder: Path, session: boto3.Session) -> dict[str, Any]:
    """Upload what the template names by local path; name the uploads instead."""
    template = read_template(folder / "template.yaml")
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for field in ("CodeUri", "DefinitionUri"):
            if field in properties:
                path = folder / properties[field]
                body = _zipped(path) if path.is_dir() else path.read_bytes()
                key = f"{name}/{path.name}"
                session.client("s3").put_object(Bucket=ARTIFACTS, Key=key, Body=body)
                properties[field] = {"Bucket": ARTIFACTS, "Key": key}
    return template


def _zipped(folder: Path) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.write(path, path.relative_to(folder))
    return memory.getvalue()
