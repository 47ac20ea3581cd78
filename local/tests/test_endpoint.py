from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.config import Config
from botocore.exceptions import ClientError

from scones_local.capture import CaptureSettings, capture_invocations
from scones_local.endpoint import EndpointSettings, serve_endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import boto3
    from local.tests.conftest import Background
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

    from scones_local.capture import DataCapture

Program = Callable[[web.Request], Awaitable[web.StreamResponse]]
Endpoint = Callable[..., "SageMakerRuntimeClient"]
LARGEST_BODY = 6_291_456
SETTINGS = EndpointSettings(name="scones", model_url="", account="123456789012")


async def classify(_: web.Request) -> web.Response:
    return web.json_response([0.97, 0.03])


@asynccontextmanager
async def serving(program: Program) -> AsyncIterator[str]:
    """A serving program on a socket; gives its base URL."""
    application = web.Application(client_max_size=2 * LARGEST_BODY)
    application.router.add_post("/invocations", program)
    async with TestServer(application) as server:
        yield str(server.make_url(""))


@pytest.fixture
def endpoint(background: Background, session: boto3.Session) -> Endpoint:
    """Put an endpoint before a serving program; gives a boto3 client that asks once."""

    def _endpoint(
        program: Program | None = classify,
        settings: EndpointSettings = SETTINGS,
        capture: DataCapture | None = None,
    ) -> SageMakerRuntimeClient:
        if program:
            settings = replace(settings, model_url=background.enter(serving(program)))
        url = background.enter(serve_endpoint(settings, capture))
        once = Config(retries={"total_max_attempts": 1})
        return session.client("sagemaker-runtime", endpoint_url=url, config=once)

    return _endpoint


def refusal(client: SageMakerRuntimeClient, **question: object) -> dict[str, Any]:
    """The error response of an invocation that must fail."""
    request: Any = {"EndpointName": "scones", "Body": b"png", **question}
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(**request)
    return dict(caught.value.response)


def test_models_answer_reaches_the_caller(endpoint: Endpoint) -> None:
    answer = endpoint().invoke_endpoint(EndpointName="scones", Body=b"png", ContentType="image/png")

    assert answer["Body"].read() == b"[0.97, 0.03]"
    assert answer["ContentType"].startswith("application/json")
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_serving_program_sees_what_sagemaker_lets_through(endpoint: Endpoint) -> None:
    seen: list[tuple[bytes, dict[str, str]]] = []

    async def remember(request: web.Request) -> web.Response:
        seen.append((await request.read(), dict(request.headers)))
        return await classify(request)

    endpoint(remember).invoke_endpoint(
        EndpointName="scones",
        Body=b"png",
        ContentType="image/png",
        Accept="application/json",
        CustomAttributes="trace=1",
        InferenceId="5f" * 32,
    )

    body, headers = seen[0]
    assert body == b"png"
    assert headers["Content-Type"] == "image/png"
    assert headers["Accept"] == "application/json"
    assert headers["X-Amzn-SageMaker-Custom-Attributes"] == "trace=1"
    assert not {"Authorization", "X-Amzn-SageMaker-Inference-Id"} & set(headers)


def test_custom_attributes_come_back_when_the_program_echoes_them(endpoint: Endpoint) -> None:
    async def echo(_: web.Request) -> web.Response:
        return web.Response(headers={"X-Amzn-SageMaker-Custom-Attributes": "model=7"})

    def attributes(program: Program) -> str | None:
        answer = endpoint(program).invoke_endpoint(
            EndpointName="scones", Body=b"png", CustomAttributes="asked=1"
        )
        return answer.get("CustomAttributes")

    assert attributes(echo) == "model=7"
    assert attributes(classify) is None


def test_unknown_endpoint_is_a_validation_error_in_the_words_of_aws(endpoint: Endpoint) -> None:
    response = refusal(endpoint(), EndpointName="muffins")

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"] == {
        "Code": "ValidationError",
        "Message": "Endpoint muffins of account 123456789012 not found.",
    }


@pytest.mark.parametrize(
    ("status", "whose"), [(400, "client"), (415, "client"), (500, "server"), (503, "server")]
)
def test_programs_error_is_a_model_error_with_its_status_and_text(
    endpoint: Endpoint, status: int, whose: str
) -> None:
    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=status, text="no such picture")

    client = endpoint(fail, replace(SETTINGS, region="eu-west-1"))
    response = refusal(client)

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "ModelError"
    assert response["Error"]["Message"].startswith(
        f'Received {whose} error ({status}) from primary with message "no such picture".'
    )
    assert response["OriginalStatusCode"] == status
    assert response["OriginalMessage"] == "no such picture"
    assert response["LogStreamArn"] == (
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/scones"
    )


def test_model_error_is_botocores_own_class(endpoint: Endpoint) -> None:
    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=500)

    client = endpoint(fail)

    with pytest.raises(client.exceptions.ModelError):
        client.invoke_endpoint(EndpointName="scones", Body=b"png")


def test_redirect_is_a_model_error_and_is_not_followed(endpoint: Endpoint) -> None:
    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert refusal(endpoint(redirect))["OriginalStatusCode"] == 307


def test_slow_program_is_a_model_error_of_status_zero(endpoint: Endpoint) -> None:
    async def sleep(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    response = refusal(endpoint(sleep, replace(SETTINGS, container_timeout_s=0.05)))

    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 0
    assert response["OriginalMessage"].startswith("Your invocation timed out while waiting")


def test_program_that_hangs_up_is_a_model_error_of_status_zero(endpoint: Endpoint) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    response = refusal(endpoint(hang_up))

    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 0
    assert "could not get a response from the scones endpoint" in response["OriginalMessage"]


def test_absent_program_is_service_unavailable(endpoint: Endpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    response = refusal(endpoint(None, replace(SETTINGS, model_url=f"http://127.0.0.1:{port}")))

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert response["Error"]["Code"] == "ServiceUnavailable"


def test_body_of_exactly_the_limit_passes_and_one_byte_more_is_413(endpoint: Endpoint) -> None:
    client = endpoint()

    client.invoke_endpoint(EndpointName="scones", Body=bytes(LARGEST_BODY))
    response = refusal(client, Body=bytes(LARGEST_BODY + 1))

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"] == {
        "Code": "413",
        "Message": "HTTP content length exceeded 6291456 bytes.",
    }


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ({"InferenceId": "5" * 65}, "Inference-Id"),
        ({"CustomAttributes": "a" * 1025}, "Custom-Attributes"),
        ({"TargetVariant": "Canary"}, "Target-Variant"),
        ({"TargetModel": "other.tar.gz"}, "Target-Model"),
    ],
)
def test_what_the_endpoint_cannot_do_is_a_validation_error_that_names_it(
    endpoint: Endpoint, question: dict[str, str], named: str
) -> None:
    error = refusal(endpoint(), **question)["Error"]

    assert error["Code"] == "ValidationError"
    assert named in error["Message"]


def test_many_invocations_at_once_each_get_their_own_answer(endpoint: Endpoint) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    client = endpoint(echo)

    def ask(number: int) -> bytes:
        body = str(number).encode()
        answer: bytes = client.invoke_endpoint(EndpointName="scones", Body=body)["Body"].read()
        return answer

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(100))) == [str(number).encode() for number in range(100)]


class Shelf:
    """An object store in memory, which may be out of order."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.bodies: list[bytes] = []

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> object:  # noqa: N803
        if self.broken:
            raise ConnectionError("S3 is gone")
        self.bodies.append(Body)
        return {}


def capturing(background: Background, shelf: Shelf) -> DataCapture:
    settings = CaptureSettings(destination="s3://captures", endpoint="scones", first_backoff_s=0)
    return background.enter(capture_invocations(settings, shelf))


def test_only_successful_invocations_are_captured(
    background: Background, endpoint: Endpoint
) -> None:
    async def picky(request: web.Request) -> web.Response:
        good = await request.read() == b"good"
        return await classify(request) if good else web.Response(status=400)

    shelf = Shelf()
    client = endpoint(picky, SETTINGS, capturing(background, shelf))

    client.invoke_endpoint(EndpointName="scones", Body=b"good", InferenceId="photo-1")
    refusal(client, Body=b"bad", InferenceId="photo-2")
    background.stop()

    assert b"photo-1" in b"".join(shelf.bodies)
    assert b"photo-2" not in b"".join(shelf.bodies)


def test_failing_capture_leaves_the_invocation_whole(
    background: Background, endpoint: Endpoint
) -> None:
    capture = capturing(background, Shelf(broken=True))

    answer = endpoint(classify, SETTINGS, capture).invoke_endpoint(
        EndpointName="scones", Body=b"png"
    )
    background.stop()

    assert answer["Body"].read() == b"[0.97, 0.03]"
    assert capture.counts.dropped == 1


def test_defect_of_the_stand_in_is_an_internal_failure(endpoint: Endpoint) -> None:
    class Broken:
        def offer(self, invocation: object) -> None:
            raise RuntimeError("broken")

    assert refusal(endpoint(capture=Broken()))["Error"]["Code"] == "InternalFailure"
