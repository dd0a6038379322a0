"""Event source mappings of queues."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from tools.local.batch_answer import failed_items
from tools.local.console import Console
from tools.local.functions import FunctionFailed, Invocable
from tools.local.loops import looping
from tools.local.mappings import Mapping
from tools.local.physical import REGION
from tools.local.wakes import Sleeper

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

POLL_SECONDS = 0.2
LARGEST_RECEIVE = 10


class QueueConsumer:
    """Invokes a function with a queue's messages and deletes those it handled.

    The others come back after the queue's visibility timeout, and go to its dead-letter queue in the end.

    Parameters
    ----------
    mapping : Mapping
    function : Invocable
    console : Console
    stopping : threading.Event
    """

    def __init__(self, mapping: Mapping, function: Invocable, console: Console, stopping: threading.Event) -> None:
        self.name = mapping.name
        self._mapping = mapping
        self._function = function
        self._console = console
        self._stopping = stopping
        self._client = boto3.client("sqs")
        queue = mapping.source_arn.rpartition(":")[2]
        self._url = self._client.get_queue_url(QueueName=queue)["QueueUrl"]
        self._sleeper = Sleeper(self._url, POLL_SECONDS)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Consume the queue in a background thread until the block is left."""
        with looping(self.name, self._poll, self._console, self._stopping), self._sleeper.listening():
            yield

    def lag(self) -> int:
        """Return how many messages wait in the queue or are being handled."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def _poll(self) -> float:
        messages = self._receive()
        if not messages:
            self._sleeper.wait(found=False)
            return 0.0
        failed = self._failed(messages)
        for message in messages:
            if message["MessageId"] not in failed:
                self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return 0.0

    def _receive(self) -> list[MessageTypeDef]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(self._mapping.batch_size, LARGEST_RECEIVE),
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _failed(self, messages: list[MessageTypeDef]) -> set[str]:
        identifiers = [message["MessageId"] for message in messages]
        try:
            answer = self._function.invoke({"Records": [self._record(message) for message in messages]})
        except FunctionFailed as error:
            self._console.warn(f"{self.name}: a batch of {len(messages)} failed: {error}.")
            return set(identifiers)
        failed = failed_items(answer, identifiers) if self._mapping.reports_failures else set()
        if failed:
            self._console.warn(f"{self.name}: {len(failed)} of {len(messages)} messages failed.")
        return failed

    def _record(self, message: MessageTypeDef) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": as_lambda_attributes(message.get("MessageAttributes", {})),
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._mapping.source_arn,
            "awsRegion": REGION,
        }


def as_lambda_attributes(attributes: Any) -> dict[str, Any]:
    """Return message attributes with the names that Lambda gives their fields: ``stringValue``, ``dataType``."""
    return {
        name: {field[0].lower() + field[1:]: value for field, value in attribute.items()}
        for name, attribute in attributes.items()
    }
