"""The engine's conformance: DynamoDB's conditions hold among threads, and logs are bounded.

Beside `test_engine.py`, and for the same reason. Both run in the engine's own environment.
"""

from __future__ import annotations

import subprocess

from local.tests_flow.bare_engine import python

START = """
import sys
from concurrent.futures import ThreadPoolExecutor
from ministack.services import dynamodb, eventbridge
from scones_local import engine_stores

sys.setswitchinterval(1e-6)  # threads take turns as often as the interpreter lets them
if sys.argv[1] == "installed":
    engine_stores.install()
"""
CLAIMS = """
key = [{"AttributeName": "upload", "KeyType": "HASH"}]
attributes = [{"AttributeName": "upload", "AttributeType": "S"}]
table = {"TableName": "ledger", "KeySchema": key, "AttributeDefinitions": attributes}
status, _, body = dynamodb._create_table({**table, "BillingMode": "PAY_PER_REQUEST"})
assert status == 200, body

def claim(run):
    status, _, body = dynamodb._update_item({
        "TableName": "ledger", "Key": {"upload": {"S": str(run // 8)}},
        "UpdateExpression": "SET run = :run",
        "ConditionExpression": "attribute_not_exists(run)",
        "ExpressionAttributeValues": {":run": {"S": str(run)}},
    })
    assert status == 200 or b"ConditionalCheckFailed" in body, body
    return status == 200

with ThreadPoolExecutor(8) as pool:
    claimed = sum(pool.map(claim, range(8 * 150)))
print(claimed - 150)
"""


def printed(code: str, how: str = "installed") -> int:
    command = [python("engine"), "-c", START + code, how]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_of_all_who_claim_an_item_at_once_one_has_it() -> None:
    assert printed(CLAIMS) == 0


def test_the_log_of_events_is_bounded() -> None:
    code = """
for number in range(engine_stores.EVENTS_KEPT + 50):
    eventbridge._put_events({"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]})
print(len(eventbridge._events_log_list()) - engine_stores.EVENTS_KEPT)
"""
    assert printed(code) == 0
