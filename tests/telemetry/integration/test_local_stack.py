"""Records on the local stack's Kinesis stream become commits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from tests.support.clocks import wait_until

from banyan_tools.local.process import StackProcess, lag
from banyan_tools.local.token import TENANT, make_token

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120), pytest.mark.xdist_group("stack on moto")]
KEYS = {"aws_access_key_id": "of", "aws_secret_access_key": "no account"}


def client(stack: StackProcess, service: str) -> Any:
    """A client in another region than the stack's, as programs have them."""
    endpoint = f"{stack.url}/_local/{service}"
    return boto3.client(service, "us-east-1", endpoint_url=endpoint, **KEYS)  # type: ignore[call-overload]


def commits(stack: StackProcess, stream: str) -> list[Any]:
    named = {"ExpressionAttributeNames": {"#s": "stream"}, "ExpressionAttributeValues": {":s": {"S": stream}}}
    table = client(stack, "dynamodb")
    return list(table.query(TableName="banyan-EventsTable", KeyConditionExpression="#s = :s", **named)["Items"])


def test_a_domain_that_ingests_has_a_stream_whose_records_become_commits_of_the_local_tenant(tmp_path: Path) -> None:
    arguments = ("--domain", "telemetry", "--parameter", "IngestWindowSeconds=0")
    with StackProcess(tmp_path / "data", *arguments) as stack:
        register(stack, "pump-7")
        reading = {"deviceId": "pump-7", "at": "2026-11-26T09:00:00Z", "value": 20.5}
        data = [b"not a reading", json.dumps(reading).encode(), json.dumps(reading).encode()]
        answer = client(stack, "kinesis").put_records(
            StreamName="banyan-ingest", Records=[{"PartitionKey": "pump-7", "Data": each} for each in data]
        )
        wait_until(lambda: lag(stack.url, "IngestRecords") == 0, "the records to be handled")
        (commit,) = commits(stack, f"{TENANT}:device:pump-7.2026-11")
        shown = stack.screen()

    assert answer["FailedRecordCount"] == 0
    assert {"S": "ReadingsRecorded"} in commit["types"]["L"]
    assert f"Records for the Kinesis stream banyan-ingest: --endpoint-url {stack.url}/_local/kinesis" in shown


def register(stack: StackProcess, device: str) -> None:
    token = make_token(TENANT, stack.data, scopes=["telemetry/write"])
    body = {"deviceId": device, "unit": "°C", "intervalSeconds": 60}
    answer = urllib3.request("POST", f"{stack.url}/devices", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 201, answer.data
