"""Event source mappings of queues."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import boto3

from banyan.text import counted
from banyan_tools.local.batch_answer import failed_items
from banyan_tools.local.console import Console
from banyan_tools.local.functions import FunctionFailed, Invocable
from banyan_tools.local.lineage import ATTRIBUTE, LONGEST_CHAIN, Lineage, belonging_to, invoked, lineage_of
from banyan_tools.local.loops import looping
from banyan_tools.local.mappings import Mapping
from banyan_tools.local.physical import REGION
from banyan_tools.local.wakes import Sleeper

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

POLL_SECONDS = 0.5
"""As long as a message may lie there that comes back; one that this process sends is received at once."""
LARGEST_RECEIVE = 10
WAITING: Final[list[QueueAttributeNameType]] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
]


class QueueConsumer:
    """Invokes a function with a queue's messages and deletes those it handled.

    The others come back after the queue's visibility timeout, and go to its dead-letter queue in the end. There, too,
    goes what has invoked the function in a chain of its own messages too often, unless the template allows it that.
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
        return waiting(self._client, self._url)

    def _poll(self) -> float:
        received = self._receive()
        if not received:
            self._sleeper.wait(found=False)
            return 0.0
        messages = [message for message in received if not self._is_cut_off(message)]
        failed = self._failed(messages) if messages else set()
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
        lineage = invoked(self._function.logical_id, map(chain, messages))
        try:
            with belonging_to(lineage):
                answer = self._function.invoke({"Records": [self._record(message) for message in messages]})
        except FunctionFailed as error:
            self._console.warn(f"{self.name}: a batch of {len(messages)} failed: {error}.")
            return set(identifiers)
        failed = failed_items(answer, identifiers) if self._mapping.reports_failures else set()
        if failed:
            self._console.warn(f"{self.name}: {len(failed)} of {len(messages)} messages failed.")
        return failed

    def _is_cut_off(self, message: MessageTypeDef) -> bool:
        """Whether a message would continue a chain that is too long; it leaves the queue then."""
        name = self._function.logical_id
        if self._function.may_loop or invoked(name, [chain(message)])[name] <= LONGEST_CHAIN:
            return False
        self._console.warn(
            f"{self.name}: a message was dropped, because {name} has handled {LONGEST_CHAIN} in a chain of its own"
            " messages. Lambda would stop it, too: say RecursiveLoop: Allow if that is meant to be."
        )
        self._bury(message)
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _bury(self, message: MessageTypeDef) -> None:
        found = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
        policy = json.loads(found.get("Attributes", {}).get("RedrivePolicy", "{}"))
        if target := policy.get("deadLetterTargetArn"):
            url = self._client.get_queue_url(QueueName=target.rpartition(":")[2])["QueueUrl"]
            attributes = message.get("MessageAttributes", {})
            self._client.send_message(QueueUrl=url, MessageBody=message["Body"], MessageAttributes=attributes)

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


def waiting(client: SQSClient, url: str) -> int:
    """Return how many messages of a queue are still to be handled, whether they can be received now or later."""
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=WAITING)["Attributes"]
    return sum(map(int, attributes.values()))


@contextmanager
def counting_what_is_left(names: Sequence[str], console: Console) -> Iterator[None]:
    """Say when the block is left which queues hold messages, and how many: they are gone with the stack."""
    try:
        yield
    finally:
        client = boto3.client("sqs")
        for name in names:
            if left := waiting(client, client.get_queue_url(QueueName=name)["QueueUrl"]):
                gone = "is gone" if left == 1 else "are gone"
                console.warn(f"{counted(left, 'message')} of the queue {name} {gone} with the stack.")


def chain(message: MessageTypeDef) -> Lineage:
    """Return the lineage of the invocation that sent a message."""
    return lineage_of(message.get("Attributes", {}).get(ATTRIBUTE))


def as_lambda_attributes(attributes: Any) -> dict[str, Any]:
    """Return message attributes with the names that Lambda gives their fields: ``stringValue``, ``dataType``."""
    return {
        name: {field[0].lower() + field[1:]: value for field, value in attribute.items()}
        for name, attribute in attributes.items()
    }
