"""Records on the local stack's Kinesis stream become commits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from tests.support.clocks import lengthy, wait_until
from typer.testing import CliRunner

from banyan.entrypoints.http.identity import ADMIN
from banyan_tools.cli.app import app
from banyan_tools.local.process import StackProcess, lag
from banyan_tools.local.token import TENANT, make_token

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack on moto")]
KEYS = {"aws_access_key_id": "of", "aws_secret_access_key": "no account"}


def client(stack: StackProcess, service: str) -> Any:
    """A client in another region than the stack's, as programs have them."""
    endpoint = f"{stack.url}/_local/{service}"
    return boto3.client(service, "us-east-1", endpoint_url=endpoint, **KEYS)  # type: ignore[call-overload]


def commits(stack: StackProcess, stream: str) -> list[Any]:
    named = {"ExpressionAttributeNames": {"#s": "stream"}, "ExpressionAttributeValues": {":s": {"S": stream}}}
    table = client(stack, "dynamodb")
    return list(table.query(TableName="banyan-EventsTable", KeyConditionExpression="#s = :s", **named)["Items"])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackProcess]:
    """A stack that ingests, in which a pump is registered."""
    arguments = ("--domain", "telemetry", "--parameter", "IngestWindowSeconds=0")
    with StackProcess(tmp_path_factory.mktemp("stack") / "data", *arguments) as running:
        register(running, "pump-7")
        yield running


def put(stack: StackProcess, device: str, *data: bytes) -> None:
    """Put records on the stream, and wait until they are handled."""
    records = [{"PartitionKey": device, "Data": each} for each in data]
    answer = client(stack, "kinesis").put_records(StreamName="banyan-ingest", Records=records)
    assert answer["FailedRecordCount"] == 0
    wait_until(lambda: lag(stack.url, "IngestRecords") == 0, "the records to be handled")


def reading(device: str, at: str = "2026-11-26T09:00:00Z") -> bytes:
    return json.dumps({"deviceId": device, "at": at, "value": 20.5}).encode()


def test_a_domain_that_ingests_has_a_stream_whose_records_become_commits_of_the_local_tenant(
    stack: StackProcess,
) -> None:
    put(stack, "pump-7", b"not a reading", reading("pump-7"), reading("pump-7"))
    (commit,) = commits(stack, f"{TENANT}:device:pump-7.2026-11")

    assert {"S": "ReadingsRecorded"} in commit["types"]["L"]
    assert f"Records for the Kinesis stream banyan-ingest: --endpoint-url {stack.url}/_local/kinesis" in stack.screen()


def test_an_operator_sees_parked_records_and_ingests_them_once_their_cause_is_mended(stack: StackProcess) -> None:
    token = make_token(TENANT, stack.data, scopes=[ADMIN])

    def banyan(line: str) -> str:
        variables = {"BANYAN_URL": stack.url, "BANYAN_TOKEN": token, "COLUMNS": "250"}
        result = CliRunner().invoke(app, line.split(), env=variables)
        assert result.exit_code == 0, result.output
        return result.stdout

    put(stack, "pump-8", b"card-no-4111", reading("pump-8"))
    shown = banyan("ingest parked")
    assert "device_not_registered" in shown
    assert f"{TENANT}:device:pump-8.2026-11" in shown
    assert "record_not_json" in shown
    assert "card-no" not in shown

    register(stack, "pump-8")
    assert "On their stream again: 1 record." in banyan("ingest retry --code device_not_registered")
    wait_until(lambda: commits(stack, f"{TENANT}:device:pump-8.2026-11"), "the record to be ingested")
    assert "device_not_registered" not in banyan("ingest parked")
    assert json.loads(banyan("ingest retry --code unknown --json")) == {"records": 0, "gone": []}


@pytest.mark.slow
@lengthy
def test_records_are_recorded_after_a_stack_that_kept_its_tables_starts_again(tmp_path: Path) -> None:
    """A commit is known by the sequence numbers of its records: one that came twice would pass for a repeat."""
    arguments = ("--domain", "telemetry", "--parameter", "IngestWindowSeconds=0", "--keep")
    for start in range(2):
        with StackProcess(tmp_path / "data", *arguments) as running:
            if start == 0:
                register(running, "pump-9")
            put(running, "pump-9", reading("pump-9", f"2026-11-26T09:0{start}:00Z"))
            assert len(commits(running, f"{TENANT}:device:pump-9.2026-11")) == start + 1


def register(stack: StackProcess, device: str) -> None:
    token = make_token(TENANT, stack.data, scopes=["telemetry/write"])
    body = {"deviceId": device, "unit": "°C", "intervalSeconds": 60}
    answer = urllib3.request("POST", f"{stack.url}/devices", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 201, answer.data
