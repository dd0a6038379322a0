"""The emulator and the door to the services: what a function meets there, and how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from banyan_tools.local.engine import ISOLATION
from banyan_tools.local.environment import environment
from banyan_tools.local.physical import ACCOUNT, REGION, reference
from banyan_tools.local.template import Resource
from banyan_tools.project import ROOT
from banyan_tools.runtime.backend import Backend, backend
from banyan_tools.runtime.emulator import Emulator, FunctionFailed, unavailable
from banyan_tools.runtime.guard import Guard
from banyan_tools.runtime.needs import table_needs
from banyan_tools.runtime.permissions import Role, role_of
from banyan_tools.runtime.sandbox import folder_name, load_template

pytestmark = [
    pytest.mark.runtime,
    pytest.mark.skipif(unavailable() is not None, reason=str(unavailable())),
]

CODE = """
import logging, os, time

def handler(event, context):
    logging.info("not worth a line")
    logging.warning("look here", extra={"stream": "acme:order:1"})
    if event["do"] == "raise":
        raise LookupError("nothing there")
    if event["do"] == "sleep":
        time.sleep(600)
    return {
        "variables": dict(os.environ),
        "function": context.function_name,
        "memory": context.memory_limit_in_mb,
        "left": context.get_remaining_time_in_millis(),
    }
"""

Make = Callable[..., Emulator]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make an emulator for code in a folder of its own."""

    def made(code: str = CODE, timeout: int = 60) -> Emulator:
        (tmp_path / "app.py").write_text(code)
        properties: Mapping[str, Any] = {
            "Code": {"S3Key": "."},
            "Handler": "app.handler",
            "Timeout": timeout,
            "MemorySize": 512,
            "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/aws/lambda/example", "ApplicationLogLevel": "WARN"},
            "Environment": {"Variables": {"COLOUR": "green"}},
        }
        return Emulator(Resource("Example", "AWS::Lambda::Function", "example", dict(properties)), tmp_path, {})

    return made


def test_a_function_finds_what_lambda_and_the_template_put_there_and_nothing_else(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMETHING_OF_THE_DEVELOPER", "secret")
    with make() as emulator:
        answer = emulator.invoke({"do": "tell"})
    assert (answer["function"], answer["memory"]) == ("example", "512")
    assert 0 < answer["left"] <= 60_000
    assert answer["variables"]["COLOUR"] == "green"
    assert answer["variables"]["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert answer["variables"]["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/example"
    assert not {"SOMETHING_OF_THE_DEVELOPER", "HOME", "USER"} & answer["variables"].keys()


def test_a_function_logs_in_the_format_and_from_the_level_that_the_template_says(make: Make) -> None:
    with make() as emulator:
        emulator.invoke({"do": "tell"})
        (line,) = (json.loads(line) for line in emulator.log.splitlines() if line.startswith("{"))
    assert (line["level"], line["message"], line["stream"]) == ("WARNING", "look here", "acme:order:1")


def test_an_error_of_the_handler_is_distinguished_from_an_answer(make: Make) -> None:
    with make() as emulator:
        with pytest.raises(FunctionFailed, match=r"LookupError: nothing there\n.*app.py"):
            emulator.invoke({"do": "raise"})
        assert emulator.invoke({"do": "tell"})["function"] == "example"


def test_a_function_that_takes_too_long_is_stopped_and_the_next_invocation_works(make: Make) -> None:
    with make(timeout=10) as emulator:
        with pytest.raises(FunctionFailed, match=r"Task timed out after 10\.00 seconds"):
            emulator.invoke({"do": "sleep"})
        assert emulator.invoke({"do": "tell"})["function"] == "example"


def test_code_that_cannot_be_imported_is_named(make: Make) -> None:
    with make("import nothing_of_that_name") as emulator, pytest.raises(FunctionFailed, match="nothing_of_that_name"):
        emulator.invoke({})


@pytest.fixture(scope="module")
def services() -> Iterator[Backend]:
    """The services, without anything in them."""
    with backend("moto") as running:
        yield running


def roles() -> Mapping[str, Role]:
    """Role of each function."""
    template = load_template()
    return {folder_name(f): role_of(template, f) for f in template.resources("AWS::Lambda::Function")}


def test_the_door_denies_what_a_role_does_not_allow_as_dynamodb_would(services: Backend) -> None:
    with environment(ISOLATION), Guard(roles()["query_api"], services) as guard:
        client = boto3.client("dynamodb", region_name=REGION, endpoint_url=guard.endpoint)
        with pytest.raises(ClientError, match=r"dynamodb:PutItem on .*banyan-EventsTable") as denied:
            client.put_item(TableName="banyan-EventsTable", Item={"stream": {"S": "a"}})
        assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            client.query(
                TableName="banyan-EventsTable",
                KeyConditionExpression="stream = :stream",
                ExpressionAttributeValues={":stream": {"S": "a"}},
            )


@pytest.mark.parametrize("part", ["Update", "Delete"])
def test_a_transaction_is_denied_by_its_parts(part: str) -> None:
    item = {part: {"TableName": "banyan-EventsTable"}}
    put = {"Put": {"TableName": "banyan-EventsTable"}}
    role = roles()["command_api"]
    assert role.missing(table_needs("TransactWriteItems", {"TransactItems": [put, put]})) == []
    (missing,) = role.missing(table_needs("TransactWriteItems", {"TransactItems": [put, item]}))
    assert missing.action == f"dynamodb:{part}Item"


WORKER = [
    ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"),
    ("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/news"),
    ("s3:PutObject", "arn:aws:s3:::claims/*"),
]


def worker(allowed: Sequence[tuple[str, str]]) -> Role:
    """A role with these grants."""
    statements = [{"Effect": "Allow", "Action": action, "Resource": target} for action, target in allowed]
    policies = [{"PolicyDocument": {"Statement": statements}}]
    return Role(Resource("Worker", "AWS::IAM::Role", "worker", {"Policies": policies}))


def send(queue: str) -> Mapping[str, Any]:
    """A message for a queue, by the URL that ``Ref`` gives a function."""
    return {"QueueUrl": reference("AWS::SQS::Queue", queue), "MessageBody": "work"}


def publish(bus: str) -> Mapping[str, Any]:
    """An entry for a bus."""
    return {"Entries": [{"EventBusName": bus, "Source": "test", "DetailType": "Told", "Detail": "{}"}]}


@contextmanager
def furnished(services: Backend) -> Iterator[None]:
    """Two queues, buses and buckets."""
    endpoint: Any = {"endpoint_url": services.others}
    for name in ("jobs", "others"):
        boto3.client("sqs", **endpoint).create_queue(QueueName=name)
    for name in ("news", "gossip"):
        boto3.client("events", **endpoint).create_event_bus(Name=name)
    for name in ("claims", "secrets"):
        boto3.client("s3", **endpoint).create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    yield
    services.reset()


def test_the_door_leads_to_every_service_that_a_role_names(services: Backend) -> None:
    with environment(ISOLATION), furnished(services), Guard(worker(WORKER), services) as guard:
        endpoint: Any = {"endpoint_url": guard.endpoint}
        boto3.client("sqs", **endpoint).send_message(**send("jobs"))
        assert boto3.client("events", **endpoint).put_events(**publish("news"))["FailedEntryCount"] == 0
        boto3.client("s3", **endpoint).put_object(Bucket="claims", Key="a/b c", Body=b"claim \xff")
        behind: Any = {"endpoint_url": services.others}
        (message,) = boto3.client("sqs", **behind).receive_message(QueueUrl=send("jobs")["QueueUrl"])["Messages"]
        assert message["Body"] == "work"
        assert boto3.client("s3", **behind).get_object(Bucket="claims", Key="a/b c")["Body"].read() == b"claim \xff"


def test_the_door_denies_other_actions_and_resources_of_every_service(services: Backend) -> None:
    with environment(ISOLATION), furnished(services), Guard(worker(WORKER), services) as guard:
        endpoint: Any = {"endpoint_url": guard.endpoint}
        sqs, events = boto3.client("sqs", **endpoint), boto3.client("events", **endpoint)
        s3, kms = boto3.client("s3", **endpoint), boto3.client("kms", **endpoint)
        attempts: list[tuple[Callable[..., Any], Mapping[str, Any], str]] = [
            (sqs.send_message, send("others"), "AccessDeniedException"),
            (sqs.receive_message, {"QueueUrl": send("jobs")["QueueUrl"]}, "AccessDeniedException"),
            (events.put_events, publish("gossip"), "AccessDeniedException"),
            (events.delete_event_bus, {"Name": "news"}, "AccessDeniedException"),
            (s3.put_object, {"Bucket": "secrets", "Key": "a", "Body": b""}, "AccessDenied"),
            (s3.get_object, {"Bucket": "claims", "Key": "a"}, "AccessDenied"),
            (s3.delete_bucket, {"Bucket": "claims"}, "AccessDenied"),
            (kms.list_keys, {}, "AccessDeniedException"),
        ]
        for call, arguments, code in attempts:
            with pytest.raises(ClientError) as denied:
                call(**arguments)
            assert denied.value.response["Error"]["Code"] == code, arguments


def invoke(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "banyan_tools.runtime", *arguments]
    path = os.pathsep.join(str(ROOT / folder) for folder in ("layers/banyan", "layers/domains", "tools", "."))
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)


def test_the_command_line_prints_the_answer_and_the_log_apart() -> None:
    done = invoke("query_api", "order")
    assert done.returncode == 0, done.stderr
    assert json.loads(json.loads(done.stdout)["body"])["servedFrom"] == "projection"
    assert "REPORT RequestId" in done.stderr


def test_the_command_line_fails_when_the_function_does(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"Records": [{}]}')
    done = invoke("projector", str(event))
    assert (done.returncode, done.stdout) == (1, "")
    assert "HandlerFailed: KeyError" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing", "order"), "There is no event nothing/order.json"),
        (("query_api", "nothing"), "choose one of customer_totals, daily_sales,"),
        (("query_api", "nothing.json"), "nothing.json cannot be read"),
    ],
)
def test_the_command_line_says_in_a_sentence_what_is_missing(arguments: tuple[str, ...], sentence: str) -> None:
    done = invoke(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
