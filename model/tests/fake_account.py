"""An AWS account in this process: moto, and fakes of what moto lacks in front of it.

A fake sees a call after botocore has checked its parameters, and its answer is checked against the
service's model too, so neither can be of a shape that AWS would not take or give. Time passes only
while the program under test sleeps.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.loaders import create_loader
from botocore.validate import ParamValidator
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends

if TYPE_CHECKING:
    from collections.abc import Callable

REGION = "eu-west-1"

_LOADER = create_loader()
"""Of the services' models, which are large: read once for all accounts."""


class Refusal(Exception):
    """An error that the service answers with."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Account:
    """Hooks into boto3's default session, inside moto's `mock_aws`.

    `calls` are all that were made, with their parameters, reads too.
    """

    def __init__(self) -> None:
        botocore_session = botocore.session.get_session()
        botocore_session.register_component("data_loader", _LOADER)
        boto3.setup_default_session(botocore_session=botocore_session, region_name=REGION)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.ticking: list[Callable[[], None]] = []
        self._handlers: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {}
        self._rings: list[dict[str, Any]] = []
        events = boto3.DEFAULT_SESSION.events  # type: ignore[union-attr]
        events.register("before-parameter-build", self._note)
        events.register("before-call", self._answer)
        self.handle("cloudwatch.SetAlarmState", self._remember_state)
        self.handle("cloudwatch.DescribeAlarmHistory", self._history)
        self.handle("sagemaker.UpdateModelPackage", _update_package)
        self.handle("sagemaker.DeleteModelPackage", _delete_package)
        self.handle("sagemaker.DeleteModelPackageGroup", _delete_group)

    def handle(self, call: str, handler: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        """Have calls of `service.Operation` answered; by moto, where the answer is None."""
        self._handlers[call] = handler

    def sleep(self, _: float) -> None:
        """Stands for time.sleep."""
        for tick in list(self.ticking):
            tick()

    def named(self, operation: str) -> list[dict[str, Any]]:
        """Parameters of all calls of an operation, the first one first."""
        return [asked for name, asked in self.calls if name == operation]

    def _note(self, params: dict[str, Any], model: Any, context: Any, **_: Any) -> None:
        context["asked"] = dict(params)

    def _answer(self, model: Any, context: Any, **_: Any) -> Any:
        asked = context["asked"]
        self.calls.append((model.name, asked))
        call = f"{model.service_model.service_name}.{model.name}"
        if call not in self._handlers:
            return None
        try:
            told = self._handlers[call](asked)
        except Refusal as refusal:
            error = {"Code": refusal.code, "Message": str(refusal)}
            return AWSResponse("", 400, {}, None), {"Error": error}  # type: ignore[arg-type]
        if told is None:
            return None
        if model.output_shape is not None:
            report = ParamValidator().validate(told, model.output_shape)
            assert not report.has_errors(), f"{call}: {report.generate_report()}"
        answered = {"ResponseMetadata": {"HTTPStatusCode": 200}, **told}
        return AWSResponse("", 200, {}, None), answered  # type: ignore[arg-type]

    # --- alarms: moto keeps no history ----------------------------------------------------------

    def _remember_state(self, asked: dict[str, Any]) -> None:
        new = {"stateValue": asked["StateValue"], "stateReason": asked["StateReason"]}
        self._rings.append(
            {
                "AlarmName": asked["AlarmName"],
                "Timestamp": datetime.now(UTC),
                "HistoryItemType": "StateUpdate",
                "HistorySummary": f"Alarm updated to {asked['StateValue']}",
                "HistoryData": json.dumps({"version": "1.0", "newState": new}),
            }
        )

    def _history(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [
            item
            for item in self._rings
            if item["AlarmName"] == asked["AlarmName"] and item["Timestamp"] >= asked["StartDate"]
        ]
        return {"AlarmHistoryItems": found}


# --- the registry: moto forgets a package's facts when it is approved, and deletes nothing -------


def _update_package(asked: dict[str, Any]) -> dict[str, Any]:
    package = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION].model_packages[
        asked["ModelPackageArn"]
    ]
    package.set_model_approval_status(asked["ModelApprovalStatus"])
    package.approval_description = asked["ApprovalDescription"]
    return {"ModelPackageArn": asked["ModelPackageArn"]}


def _delete_package(asked: dict[str, Any]) -> dict[str, Any]:
    del sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION].model_packages[asked["ModelPackageName"]]
    return {}


def _delete_group(asked: dict[str, Any]) -> dict[str, Any]:
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    group = asked["ModelPackageGroupName"]
    if any(one.model_package_group_name == group for one in backend.model_packages.values()):
        raise Refusal("ConflictException", f"{group} has model packages")
    del backend.model_package_groups[group]
    return {}
