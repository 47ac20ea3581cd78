"""The stack that template.yaml makes of its parameters, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from model.tests.resolver import Template

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "model" / "template.yaml").read_text(encoding="utf-8")
GIVEN = {
    "Stage": "dev",
    "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/vehicles/2",
    "ModelBucket": "artifacts",
    "ModelPrefix": "models/vehicles",
    "ImageRepositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/scones/model",
}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/one"
EVERYTHING = {
    "Stage": "s" * 16,
    "PreviousModelPackageArn": f"{GIVEN['ModelPackageArn'][:-1]}1",
    "ModelKeyArn": KEY,
    "CaptureKeyArn": KEY,
    "TrafficShift": "ALL_AT_ONCE",
    "MinInstances": "1",
}
ONLY_ANY_RESOURCE = {"cloudwatch:PutMetricData", "ecr:GetAuthorizationToken"}
"""AWS's Service Authorization Reference knows no resource for these."""


def stack(**parameters: str) -> Template:
    def attribute(resource: str, name: str) -> str:
        """Names as CloudFormation gives them; ARNs where a service asks for one."""
        if name == "Arn":
            return f"arn:aws:s3:::{resource.lower()}" if resource == "Captures" else ROLE
        return names.get(resource, resource.lower())

    names = {"Logs": f"/aws/sagemaker/Endpoints/scones-{(GIVEN | parameters)['Stage']}"}
    return Template(TEXT, GIVEN | parameters, attribute)


ROLE = "arn:aws:iam::123456789012:role/serve-the-model"
STACKS = pytest.mark.parametrize("made", [stack(), stack(**EVERYTHING)], ids=["default", "all"])


def alarms(made: Template) -> dict[str, Any]:
    return {
        name: made.properties(name)
        for name, one in made.resources().items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }


def statements(made: Template) -> dict[str, Any]:
    (policy,) = made.properties("Role")["Policies"]
    return {one["Sid"]: one for one in policy["PolicyDocument"]["Statement"]}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
