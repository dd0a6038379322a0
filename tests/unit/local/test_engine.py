from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from banyan_tools.local import dynamodb_local
from banyan_tools.local.claims import claimed
from banyan_tools.local.dynamodb_local import DynamoDBLocal
from banyan_tools.local.engine import dynamodb_local_engine, moto_engine
from banyan_tools.local.errors import StackError
from banyan_tools.local.ports import require_free

WRITERS = 8


def create(name: str) -> None:
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
    )


def test_no_request_reaches_the_users_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "https://elsewhere.example")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")

    with moto_engine():
        create("things")
        assert boto3.client("dynamodb").list_tables()["TableNames"] == ["things"]
        assert os.environ["AWS_ACCESS_KEY_ID"] != "real"

    assert (os.environ["AWS_PROFILE"], os.environ["AWS_ACCESS_KEY_ID"]) == ("production", "real")


def test_of_racing_writers_exactly_one_wins() -> None:
    start = threading.Barrier(WRITERS)

    def write(key: int) -> bool:
        start.wait()
        try:
            client.put_item(
                TableName="things",
                Item={"key": {"N": str(key)}},
                ConditionExpression="attribute_not_exists(#k)",
                ExpressionAttributeNames={"#k": "key"},
            )
        except ClientError:
            return False
        return True

    with moto_engine(), ThreadPoolExecutor(WRITERS) as pool:
        create("things")
        client = boto3.client("dynamodb")
        wins = [sum(pool.map(write, [key] * WRITERS)) for key in range(10)]

    assert wins == [1] * 10


@pytest.mark.slow
@pytest.mark.dynamodb_local
@pytest.mark.usefixtures("dynamodb_local_endpoint")
def test_dynamodb_local_keeps_tables_and_moto_answers_the_rest(tmp_path: Path) -> None:
    with dynamodb_local_engine(tmp_path) as server:
        create("things")
        boto3.client("sqs").create_queue(QueueName="jobs")
        assert boto3.client("dynamodbstreams").list_streams()["Streams"] == []
        with pytest.raises(StackError, match="Another stack uses"), dynamodb_local_engine(tmp_path):
            pytest.fail("two engines on one folder")
    require_free(server.port)
    with dynamodb_local_engine(tmp_path):
        assert boto3.client("dynamodb").list_tables()["TableNames"] == ["things"]


def test_a_missing_java_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StackError, match="needs Java 17: install it and run `make dynamodb-local`"):
        DynamoDBLocal().start()


def test_a_missing_jar_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "java").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(dynamodb_local, "INSTALL", tmp_path)

    with pytest.raises(StackError, match="not installed: run `make dynamodb-local`"):
        DynamoDBLocal().start()


def test_a_java_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'Error: wrong class file version' >&2\nexit 1\n")
    java.chmod(0o755)
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "DynamoDBLocal.jar").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(dynamodb_local, "INSTALL", tmp_path)

    with pytest.raises(StackError, match="ended at once: Error: wrong class file version"):
        DynamoDBLocal().start()


def test_a_folder_is_free_again_after_its_claim(tmp_path: Path) -> None:
    with claimed(tmp_path / "data"), pytest.raises(StackError), claimed(tmp_path / "data"):
        pytest.fail("two claims on one folder")
    with claimed(tmp_path / "data"):
        assert (tmp_path / "data").is_dir()
