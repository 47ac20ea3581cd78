"""What the engine saves: expressions parsed once, events not kept, another HTTP server."""

from __future__ import annotations

import http.client
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local.tests_flow.bare_engine import REGION, Engine, python


def passing(output: str) -> dict[str, Any]:
    return {"Say": {"Type": "Pass", "Output": output, "End": True}}


def test_an_expression_has_its_whole_second_each_time_it_is_used(engine: Engine) -> None:
    states = passing("{% $states.input.n + 1 %}")
    assert engine.run(states, {"n": 1}) == 2
    time.sleep(1.2)  # more than the limit of one evaluation
    assert engine.run(states, {"n": 5}) == 6


def test_an_expression_remembers_nothing_of_the_executions_before(engine: Engine) -> None:
    states = passing("{% ( $seen := [$seen, $states.input.n]; $seen ) %}")
    assert [engine.run(states, {"n": n}) for n in range(3)] == [[0], [1], [2]]


def test_executions_that_use_an_expression_at_once_get_their_own_answers(engine: Engine) -> None:
    sum_up = "{% $sum($map([1..50], function($x) { $x * $states.input.n })) %}"
    states = passing(sum_up)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: engine.run(states, {"n": n}), range(24)))
    assert answers == [1275 * n for n in range(24)]


def test_an_expression_that_failed_fails_again_and_works_for_others(engine: Engine) -> None:
    states = passing("{% $number($states.input.text) %}")
    for text, wanted in (("x", None), ("7", 7), ("x", None), ("8", 8)):
        if wanted is None:
            with pytest.raises(AssertionError, match=r"States\.QueryEvaluationError"):
                engine.run(states, {"text": text})
        else:
            assert engine.run(states, {"text": text}) == wanted


def test_an_expression_that_runs_away_is_still_ended(engine: Engine) -> None:
    states = passing("{% $count($map([1..3000], function($x) { $sum([1..3000]) })) %}")
    with pytest.raises(AssertionError, match=r"States\.QueryEvaluationError"):
        engine.run(states, {})


def test_functions_of_step_functions_work_in_expressions_used_again(engine: Engine) -> None:
    states = passing("{% $hash($states.input.text, 'SHA-256') %}")
    first, again, other = (engine.run(states, {"text": text}) for text in ("a", "a", "b"))
    assert first == again != other


def test_ministack_evaluates_and_logs_where_the_engine_expects_it() -> None:
    code = """if True:
        import inspect
        from ministack.services import eventbridge, stepfunctions
        evaluates = inspect.getsource(stepfunctions._evaluate_jsonata)
        assert "jsonata.Jsonata.jsonata(expression, timeout=1000)" in evaluates
        assert "expr.evaluate(None, bindings)" in evaluates
        source = inspect.getsource(eventbridge)
        assert source.count("_events_log_list()") == 2, "somebody else reads the log of events"
        from ministack import app
        assert "hypercorn_serve(app, config)" in inspect.getsource(app.main)
        """
    subprocess.run([python("engine"), "-c", code], check=True)


@pytest.fixture
def bucket(engine: Engine) -> str:
    name = f"economy-{uuid.uuid4()}"
    where: Any = {"LocationConstraint": REGION}
    engine.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    return name


@pytest.mark.parametrize(
    "key", ["a b+c%20d", "ünï/çödé", "/leading", "a/../b", "a//b", "x" * 1024, "?#&=", "\u2028"]
)
def test_strange_keys_reach_s3_as_they_were_sent(engine: Engine, bucket: str, key: str) -> None:
    s3 = engine.client("s3")
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == [key]


def test_a_large_body_and_an_empty_one_are_stored_whole(engine: Engine, bucket: str) -> None:
    s3 = engine.client("s3")
    for body in (bytes(range(256)) * 80_000, b""):
        s3.put_object(Bucket=bucket, Key="body", Body=body)
        assert s3.head_object(Bucket=bucket, Key="body")["ContentLength"] == len(body)
        assert s3.get_object(Bucket=bucket, Key="body")["Body"].read() == body


def test_a_head_of_what_is_not_there_has_a_status_and_no_body(engine: Engine, bucket: str) -> None:
    s3 = engine.client("s3")
    for _ in range(2):  # the second shows that the connection is still in step
        with pytest.raises(ClientError) as refused:
            s3.head_object(Bucket=bucket, Key="missing")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_an_answer_has_one_date_and_names_no_server(engine: Engine) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", engine.port)
    connection.request("GET", "/_ministack/health")
    answer = connection.getresponse()
    names = [name.lower() for name, _ in answer.getheaders()]
    connection.close()
    assert (names.count("date"), names.count("server")) == (1, 0)


def test_a_client_that_asks_whether_to_go_on_is_told_so(engine: Engine, bucket: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=5)
    connection.putrequest("PUT", f"/{bucket}/asked")
    for name, value in (("Expect", "100-continue"), ("Content-Length", "3")):
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.sock.recv(1024).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    connection.send(b"abc")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_long_poll_waits_beside_other_calls(engine: Engine) -> None:
    sqs = engine.client("sqs")
    url = sqs.create_queue(QueueName=f"economy-{uuid.uuid4()}")["QueueUrl"]
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=10)
        engine.client("sqs").send_message(QueueUrl=url, MessageBody="news")
        assert [message["Body"] for message in polled.result(9)["Messages"]] == ["news"]
