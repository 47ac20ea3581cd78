"""Versions of a model in SageMaker's registry: a model package group and the packages in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scones_model.aws.account import CannotBeDone, client, unless_missing
from scones_model.aws.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sagemaker.type_defs import (
        DescribeModelPackageOutputTypeDef,
        ModelPackageSummaryTypeDef,
    )

__all__ = [
    "APPROVED",
    "REJECTED",
    "NoSuchPackage",
    "NotApproved",
    "Package",
    "approved_to_deploy",
    "arns",
    "find",
    "judge",
    "newest_approved",
    "read",
    "short",
]

APPROVED = "Approved"
REJECTED = "Rejected"
_REASON_LENGTH = 1024


class NoSuchPackage(CannotBeDone):
    """There is no such version in the registry."""


class NotApproved(CannotBeDone):
    """The version may not be deployed."""


@dataclass(frozen=True)
class Package:
    """A registered version: `facts` are those that `register` gave it, `reason` its approval's."""

    arn: str
    group: str
    version: int
    approval: str
    reason: str
    image: str
    model_url: str
    facts: Mapping[str, str]

    def __str__(self) -> str:
        """As `find` takes it."""
        return f"{self.group}:{self.version}"

    @property
    def sha256(self) -> str:
        """Of the ONNX file; empty for a package that another program registered."""
        return self.facts.get("sha256", "")


def short(arn: str) -> str:
    """`group:version` of a version's ARN."""
    return ":".join(arn.split("/")[1:])


def read(arn: str) -> Package:
    """The package with this ARN; raises NoSuchPackage."""
    told = unless_missing(lambda: client("sagemaker").describe_model_package(ModelPackageName=arn))
    if told is None:
        raise NoSuchPackage(f"The registry of this account and region has no {arn}.")
    return _package(told)


def find(target: str) -> Package:
    """The package that a person names: its ARN, `group:version`, or `group` for the newest one."""
    if target.startswith("arn:"):
        return read(target)
    group, _, version = target.partition(":")
    found = _summaries(group)
    if version:
        found = {number: arn for number, arn in found.items() if str(number) == version}
    if not found:
        what = f"version {version}" if version else "version at all"
        raise NoSuchPackage(
            f"Model package group {group!r} has no {what}: see `aws sagemaker list-model-packages "
            f"--model-package-group-name {group}`, or register one."
        )
    return read(found[max(found)])


def newest_approved(group: str, *, besides: str = "", below: int | None = None) -> Package | None:
    """The approved version with the highest number, but for ARN `besides`, and below `below`."""
    found = {
        number: arn
        for number, arn in _summaries(group, APPROVED).items()
        if arn != besides and (below is None or number < below)
    }
    return read(found[max(found)]) if found else None


def approved_to_deploy(group: str, version: int | None) -> Package:
    """The version of that number, or the newest approved one; raises NotApproved, NoSuchPackage."""
    if version is None:
        package = newest_approved(group)
        if package is None:
            raise NotApproved(
                f"No version of {group} is approved: `scones-model approve {group} --gate ...`."
            )
        return package
    package = find(f"{group}:{version}")
    if package.approval != APPROVED:
        why = f" ({package.reason})" if package.reason else ""
        raise NotApproved(
            f"{package} is {package.approval}{why} and only an approved version is deployed: "
            f"`scones-model approve {package} --gate ...`."
        )
    return package


def judge(package: Package, approval: str, reason: str) -> Request:
    """The request that approves or rejects, for a reason that is kept with the package."""
    return Request(
        "sagemaker",
        "UpdateModelPackage",
        {
            "ModelPackageArn": package.arn,
            "ModelApprovalStatus": approval,
            "ApprovalDescription": _on_one_line(reason),
        },
    )


def _on_one_line(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _REASON_LENGTH else line[: _REASON_LENGTH - 3] + "..."


def arns(group: str) -> list[str]:
    """Of every version, the newest first."""
    found = _summaries(group)
    return [found[number] for number in sorted(found, reverse=True)]


def _summaries(group: str, approval: str | None = None) -> dict[int, str]:
    """ARNs by version."""
    pages = client("sagemaker").get_paginator("list_model_packages")
    of_approval = {"ModelApprovalStatus": approval} if approval else {}
    asked = pages.paginate(ModelPackageGroupName=group, **of_approval)  # type: ignore[arg-type]
    listed: list[ModelPackageSummaryTypeDef] = (
        unless_missing(lambda: [one for page in asked for one in page["ModelPackageSummaryList"]])
        or []
    )
    return {one["ModelPackageVersion"]: one["ModelPackageArn"] for one in listed}


def _package(told: DescribeModelPackageOutputTypeDef) -> Package:
    container = told["InferenceSpecification"]["Containers"][0]
    return Package(
        arn=told["ModelPackageArn"],
        group=told.get("ModelPackageGroupName", ""),
        version=told.get("ModelPackageVersion", 0),
        approval=told.get("ModelApprovalStatus", ""),
        reason=told.get("ApprovalDescription", ""),
        image=container["Image"],
        model_url=container.get("ModelDataUrl", ""),
        facts=told.get("CustomerMetadataProperties", {}),
    )
