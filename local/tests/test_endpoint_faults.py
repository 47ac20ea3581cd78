from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from scones_local import endpoint_faults
from scones_local.endpoint import EndpointSettings, serve_endpoint
from scones_local.endpoint_faults import MALFORMED, inject
from scones_local.faults import PLAN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import boto3
    from local.tests.conftest import Background, Eventually
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

INFERENCE_ID = "5f" * 32
ANSWER = [0.97, 0.03]


class Endpoint:
    """An endpoint in front of a model that counts, with the faults of a folder."""

    def __init__(self, background: Background, session: boto3.Session, folder: Path) -> None:
        self.asked = 0
        self._folder = folder
        self._session = session
        self._url = background.enter(self._serve())

    @asynccontextmanager
    async def _serve(self) -> AsyncIterator[str]:
        application = web.Application()
        application.router.add_post("/invocations", self._classify)
        async with TestServer(application) as server:
            settings = EndpointSettings(name="scones", model_url=str(server.make_url("")))
            layers = [inject(settings, self._folder)]
            async with serve_endpoint(settings, layers=layers) as url:
                yield url

    async def _classify(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response(ANSWER)

    def plan(self, **shares: float) -> None:
        """Put a plan into force; `endpoint_slow` is endpoint-slow."""
        written = self._folder / "next.json"
        written.write_text(json.dumps({name.replace("_", "-"): shares[name] for name in shares}))
        written.replace(self._folder / PLAN)

    def client(self, patience_s: float = 20) -> SageMakerRuntimeClient:
        once = Config(retries={"total_max_attempts": 1}, read_timeout=patience_s)
        return self._session.client("sagemaker-runtime", endpoint_url=self._url, config=once)

    def ask(self) -> bytes:
        answer = self.client().invoke_endpoint(
            EndpointName="scones", Body=b"png", InferenceId=INFERENCE_ID
        )
        return answer["Body"].read()

    def refusal(self) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            self.ask()
        return dict(caught.value.response)

    def journal(self) -> list[tuple[str, str | None]]:
        lines = (self._folder / "endpoint.jsonl").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        assert all(line["inference_id"] == INFERENCE_ID for line in told)
        return [(line["answer"], line["fault"]) for line in told]


@pytest.fixture
def endpoint(background: Background, session: boto3.Session, tmp_path: Path) -> Endpoint:
    return Endpoint(background, session, tmp_path)


def test_an_invocation_without_a_fault_is_the_models_and_is_journaled(endpoint: Endpoint) -> None:
    assert json.loads(endpoint.ask()) == ANSWER
    assert endpoint.journal() == [("200", None)]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("endpoint_throttles", 429, "ThrottlingException"),
        ("endpoint_denied", 403, "AccessDeniedException"),
    ],
)
def test_a_refused_invocation_meets_awss_code_and_never_the_model(
    endpoint: Endpoint, fault: str, status: int, code: str
) -> None:
    endpoint.plan(**{fault: 1})
    response = endpoint.refusal()
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert endpoint.asked == 0
    assert endpoint.journal() == [(code, fault.replace("_", "-"))]


def test_failures_are_every_kind_that_can_be_tried_again(endpoint: Endpoint) -> None:
    endpoint.plan(endpoint_fails=1)
    responses = [endpoint.refusal() for _ in range(4)]
    codes = [response["Error"]["Code"] for response in responses]
    assert codes == ["ServiceUnavailable", "InternalFailure", "ModelError", "ServiceUnavailable"]
    assert responses[2]["OriginalStatusCode"] == 500
    assert endpoint.journal() == [(code, "endpoint-fails") for code in codes]


def test_malformed_answers_are_200_and_no_two_probabilities_that_sum_to_1(
    endpoint: Endpoint,
) -> None:
    endpoint.plan(endpoint_malformed=1)
    answers = [endpoint.ask().decode() for _ in range(len(MALFORMED) + 1)]
    assert answers == [*MALFORMED, MALFORMED[0]]
    assert not any(is_right(answer) for answer in answers)
    assert set(endpoint.journal()) == {("200", "endpoint-malformed")}


def is_right(answer: str) -> bool:
    try:
        values = json.loads(answer)
    except ValueError:
        return False
    return (
        isinstance(values, list)
        and len(values) == 2
        and all(type(value) is float and 0 <= value <= 1 for value in values)
        and abs(sum(values) - 1) < 1e-3
    )


def test_the_measure_of_malformed_answers_takes_a_right_one() -> None:
    assert is_right(json.dumps(ANSWER))


def test_a_slow_answer_is_the_models_for_who_waits(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_faults, "SLOW_S", 0.2)
    endpoint.plan(endpoint_slow=1)
    assert json.loads(endpoint.ask()) == ANSWER
    assert endpoint.journal() == [("200", "endpoint-slow")]


def test_a_slow_answer_that_nobody_waits_for_never_asks_the_model(
    endpoint: Endpoint, eventually: Eventually
) -> None:
    endpoint.plan(endpoint_slow=1)
    with pytest.raises(ReadTimeoutError):
        endpoint.client(patience_s=0.2).invoke_endpoint(
            EndpointName="scones", Body=b"png", InferenceId=INFERENCE_ID
        )
    eventually(endpoint.journal)
    assert endpoint.journal() == [("gone", "endpoint-slow")]
    assert endpoint.asked == 0


def test_a_plan_can_change_while_the_endpoint_serves(endpoint: Endpoint) -> None:
    endpoint.plan(endpoint_throttles=1)
    endpoint.refusal()
    endpoint.plan()
    assert json.loads(endpoint.ask()) == ANSWER
    endpoint.plan(lambda_crash=1)
    assert json.loads(endpoint.ask()) == ANSWER
