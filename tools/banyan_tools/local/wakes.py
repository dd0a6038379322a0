"""Wake-ups: readers of a stream or a queue of this process learn at once that something was written to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from botocore.client import BaseClient

from banyan_tools.local.patching import patched
from banyan_tools.local.statements import table_of

BUSY_SECONDS = 0.02
FIRST_RETRY_SECONDS = 0.004

_SLEEPERS: set[Sleeper] = set()


class Sleeper:
    """Waits until a table, a Kinesis stream or a queue is written to, and at most for a while.

    A stream may show a record a moment after its write, so a reader that finds nothing is woken again, soon and then
    less and less soon.

    Parameters
    ----------
    name
        The table or the Kinesis stream, or the URL of the queue.
    longest
        Seconds after which it wakes by itself: other processes write, too.
    shortest
        Seconds between two readings that writes cause: many writes become one batch.
    """

    def __init__(self, name: str, longest: float, shortest: float = BUSY_SECONDS) -> None:
        self._name = name
        self._shortest = shortest
        self._longest = longest
        self._retry = longest
        self._woken_at = 0.0
        self._written = threading.Event()

    @contextmanager
    def listening(self, is_urgent: bool = True) -> Iterator[None]:
        """Hear of writes until the block is left, which ends the waiting, too.

        Parameters
        ----------
        is_urgent
            False for a reader that lets its batches fill: it hears of nothing and wakes by itself.
        """
        if is_urgent:
            _SLEEPERS.add(self)
        try:
            yield
        finally:
            _SLEEPERS.discard(self)
            self._longest = 0.0
            self.wake()

    def wake(self) -> None:
        """End the waiting, now or when it begins."""
        self._written.set()

    def is_awake(self) -> bool:
        """Return whether the next waiting ends at once."""
        return self._written.is_set()

    def hear(self, names: set[str]) -> None:
        """Wake if what this one waits for is among what was written to."""
        if self._name in names:
            self.wake()

    def wait(self, found: bool) -> None:
        """Wait.

        Parameters
        ----------
        found
            Whether the last reading found something.
        """
        self._retry = self._longest if found else min(2 * self._retry, self._longest)
        if self._written.wait(self._retry):
            sleep(max(0.0, self._woken_at + self._shortest - monotonic()))
            self._written.clear()
            self._retry = FIRST_RETRY_SECONDS / 2
            self._woken_at = monotonic()


@contextmanager
def waking_readers() -> Iterator[None]:
    """Wake readers after each write that this process makes, until the block is left."""
    call = vars(BaseClient)["_make_api_call"]

    def call_and_wake(self: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        answer = call(self, operation, arguments)
        wake_readers(operation, arguments)
        return answer

    with patched(BaseClient, "_make_api_call", call_and_wake):
        yield


def wake_readers(operation: str, arguments: dict[str, Any]) -> None:
    """Wake the readers of what a request has written to, if it was one that writes."""
    if operation in WRITTEN:
        names = WRITTEN[operation](arguments)
        for sleeper in tuple(_SLEEPERS):
            sleeper.hear(names)


def _table(arguments: dict[str, Any]) -> set[str]:
    return {arguments["TableName"]}


def _tables_of_batch(arguments: dict[str, Any]) -> set[str]:
    return set(arguments["RequestItems"])


def _tables_of_transaction(arguments: dict[str, Any]) -> set[str]:
    return {action["TableName"] for item in arguments["TransactItems"] for action in item.values()}


def _tables_of_statements(arguments: dict[str, Any]) -> set[str]:
    return set(map(table_of, arguments["Statements"]))


def _stream(arguments: dict[str, Any]) -> set[str]:
    return {str(arguments.get("StreamName") or arguments.get("StreamARN")).rpartition("/")[2]}


def _queue(arguments: dict[str, Any]) -> set[str]:
    return {arguments["QueueUrl"]}


WRITTEN = {
    "PutItem": _table,
    "UpdateItem": _table,
    "DeleteItem": _table,
    "BatchWriteItem": _tables_of_batch,
    "TransactWriteItems": _tables_of_transaction,
    "BatchExecuteStatement": _tables_of_statements,
    "PutRecord": _stream,
    "PutRecords": _stream,
    "SendMessage": _queue,
    "SendMessageBatch": _queue,
}
