from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support.clocks import wait_until
from tests.unit.local.conftest import Worker, Write, fail

from banyan_tools.local.console import Console
from banyan_tools.local.functions import Functions, Invocable
from banyan_tools.local.mappings import mappings
from banyan_tools.local.physical import reference
from banyan_tools.local.queues import QueueConsumer, counting_what_is_left
from banyan_tools.local.services import create_services
from banyan_tools.local.template import Template

RESOURCES = """
    Jobs:
      Type: AWS::SQS::Queue
      Properties:
        VisibilityTimeout: 0
        ReceiveMessageWaitTimeSeconds: 20
        RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}
    Dead: {Type: AWS::SQS::Queue}
    Mapping:
      Type: AWS::Lambda::EventSourceMapping
      Properties: {FunctionName: Worker, EventSourceArn: !GetAtt Jobs.Arn, BatchSize: 5
"""

Create = Callable[..., Template]


@pytest.fixture
def created(template: Write, aws: None) -> Create:  # noqa: ARG001
    """Return a function that creates the queues and a mapping with more properties."""

    def create(properties: str = "") -> Template:
        loaded = template(f"{RESOURCES.rstrip()}{properties}}}\n")
        create_services(loaded)
        return loaded

    return create


@contextmanager
def consuming(template: Template, worker: Invocable, console: Console) -> Iterator[QueueConsumer]:
    (mapping,) = mappings(template)
    consumer = QueueConsumer(mapping, worker, console, threading.Event())
    with consumer.running():
        yield consumer


def url(name: str) -> str:
    return reference("AWS::SQS::Queue", f"banyan-{name}")


def send(body: str) -> None:
    kind: Any = {"colour": {"DataType": "String", "StringValue": "red"}}
    boto3.client("sqs").send_message(QueueUrl=url("Jobs"), MessageBody=body, MessageAttributes=kind)


def dead() -> list[str]:
    found = boto3.client("sqs").receive_message(QueueUrl=url("Dead"), MaxNumberOfMessages=10)
    return [message["Body"] for message in found.get("Messages", [])]


def bodies(worker: Worker) -> list[str]:
    return [record["body"] for event in worker.events for record in event["Records"]]


def test_messages_are_handled_once_and_deleted(created: Create, console: Console) -> None:
    worker, template = Worker(), created()
    send("one")
    send("two")
    with consuming(template, worker, console) as consumer:
        wait_until(lambda: consumer.lag() == 0, "the queue to be empty")
    record = worker.events[0]["Records"][0]

    assert sorted(bodies(worker)) == ["one", "two"]
    assert (record["eventSource"], record["attributes"]["ApproximateReceiveCount"]) == ("aws:sqs", "1")
    assert record["eventSourceARN"].endswith(":banyan-Jobs")
    assert record["messageAttributes"]["colour"] == {"dataType": "String", "stringValue": "red"}


def test_only_reported_failures_come_again_and_end_in_the_dead_letter_queue(created: Create, console: Console) -> None:
    def answer(event: Any) -> Any:
        failed = [record for record in event["Records"] if record["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}

    worker, template = Worker(answer), created(", FunctionResponseTypes: [ReportBatchItemFailures]")
    send("good")
    send("bad")
    with consuming(template, worker, console):
        assert wait_until(dead, "the dead letter") == ["bad"]

    assert sorted(bodies(worker)) == ["bad", "bad", "good"]


def test_a_function_that_raises_handled_nothing(created: Create, console: Console) -> None:
    worker, template = Worker(fail), created()
    send("one")
    with consuming(template, worker, console):
        assert wait_until(dead, "the dead letter") == ["one"]

    assert bodies(worker) == ["one", "one"]


def test_what_is_left_in_queues_is_counted_when_they_go(created: Create, console: Console, screen: io.StringIO) -> None:
    created()
    client = boto3.client("sqs")
    send("one")
    send("two")
    with suppress(KeyboardInterrupt), counting_what_is_left(["banyan-Jobs", "banyan-Dead"], console):
        raise KeyboardInterrupt
    with counting_what_is_left(["banyan-Jobs", "banyan-Dead"], console):
        client.purge_queue(QueueUrl=url("Jobs"))
        client.send_message(QueueUrl=url("Dead"), MessageBody="later", DelaySeconds=60)
    assert [line.partition("warning: ")[2] for line in screen.getvalue().splitlines()] == [
        "2 messages of the queue banyan-Jobs are gone with the stack.",
        "1 message of the queue banyan-Dead is gone with the stack.",
    ]


LOOPING = """
    Worker:
      Type: AWS::Serverless::Function
      Properties:
        {CodeUri: functions/loop, Handler: app.handler, Runtime: python3.13, Timeout: 60,
         Environment: {Variables: {LOG: "%s"}}%s}
"""
PASSING_ON = """
    import os
    import boto3

    def handler(event, context):
        for record in event["Records"]:
            queue, left = record["eventSourceARN"].rpartition(":")[2], int(record["body"])
            with open(log, "a") as out:
                print(left, file=out)
            client = boto3.client("sqs")
            url = client.get_queue_url(QueueName=queue)["QueueUrl"]
            if left > 1 and left % 2:
                client.send_message(QueueUrl=url, MessageBody=str(left - 1))
            elif left > 1:
                client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": str(left - 1)}])

    log = os.environ["LOG"]
"""


@pytest.mark.parametrize(
    ("setting", "sent", "handled", "buried"),
    [
        pytest.param("", 16, 16, [], marks=pytest.mark.slow),
        ("", 17, 16, ["1"]),
        pytest.param("", 20, 16, ["4"], marks=pytest.mark.slow),
        pytest.param(", RecursiveLoop: Terminate", 17, 16, ["1"], marks=pytest.mark.slow),
        (", RecursiveLoop: Allow", 17, 17, []),
        pytest.param(", RecursiveLoop: Allow", 40, 40, [], marks=pytest.mark.slow),
    ],
)
def test_a_chain_of_a_functions_own_messages_is_cut_as_lambda_cuts_it_unless_it_is_allowed(
    template: Write, aws: None, console: Console, screen: io.StringIO, tmp_path: Path,  # noqa: ARG001
    setting: str, sent: int, handled: int, buried: list[str],
) -> None:  # fmt: skip
    log = tmp_path / "handled"
    resources = f"{RESOURCES.rstrip()}}}\n{LOOPING % (log, setting)}"
    loaded = template(resources, {"loop": PASSING_ON})
    create_services(loaded)
    for _ in range(2):
        send(str(sent))
    with consuming(loaded, Functions(loaded).get("Worker"), console) as consumer:
        wait_until(lambda: consumer.lag() == 0, "the queue to be empty")
    assert sorted(map(int, log.read_text().split()), reverse=True) == [sent - n // 2 for n in range(2 * handled)]
    assert dead() == buried * 2
    assert screen.getvalue().count("RecursiveLoop: Allow") == 2 * len(buried)
