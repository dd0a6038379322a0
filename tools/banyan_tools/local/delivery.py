"""Delivering batches of a stream to a function, with Lambda's rules for what fails."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

from banyan_tools.local.batch_answer import failed_items
from banyan_tools.local.console import Console
from banyan_tools.local.functions import LARGEST_PAYLOAD_BYTES, FunctionFailed, FunctionTimedOut
from banyan_tools.local.mappings import FOREVER, Mapping
from banyan_tools.local.stream_records import Record

Discard = Callable[[list[Record], str, int], None]
BATCH_BYTES = LARGEST_PAYLOAD_BYTES - 1024
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
LOOK_SECONDS = 0.2
LONGEST_END_SECONDS = 900.0
"""As long as Lambda lets any function run: what takes longer hangs."""


class Stopped(Exception):
    """The stack stops; what is not delivered stays undelivered."""


class Delivery:
    """Delivers batches to one function until every record is handled or discarded.

    Parameters
    ----------
    invoke : Callable[[Any], Any]
        Invokes the function; raises `FunctionFailed`.
    stopping : threading.Event
        Ends the pauses between retries.
    """

    def __init__(
        self, mapping: Mapping, invoke: Callable[[Any], Any], console: Console, stopping: threading.Event
    ) -> None:
        self._mapping = mapping
        self._invoke = invoke
        self._console = console
        self._stopping = stopping

    def deliver(self, records: list[Record], discard: Discard) -> None:
        """Deliver records in their order, in as many batches as Lambda's limit of a payload makes of them.

        What comes before the first record that fails is done, and the rest is retried. Where nothing was done and
        the mapping bisects, the two halves are delivered one after the other; that does not count as a retry.

        Parameters
        ----------
        records : list[Record]
            Of one shard.
        discard : Callable[[list[Record], str, int], None]
            Hears of records given up, the condition that ended them, and how often they were tried.

        Raises
        ------
        Stopped
            The stack stopped before all of them were delivered.
        """
        for batch in payloads(records):
            self._deliver(batch, discard)

    def _deliver(self, records: list[Record], discard: Discard) -> None:
        tried = 0
        while records := self._fresh(records, discard, tried):
            handled = self._handled(records)
            records, tried = records[handled:], 1 if handled else tried + 1
            if self._mapping.bisect and len(records) > 1:
                self._pause(tried)
                middle = 0 if handled else len(records) // 2
                self._deliver(records[:middle], discard)
                records, tried = records[middle:], 0
            elif records and self._is_exhausted(tried):
                return discard(records, "RetryAttemptsExhausted", tried)
            elif records:
                self._pause(tried)
        return None

    def _handled(self, records: list[Record]) -> int:
        """Invoke the function once; return how many records from the first on are done."""
        numbers = [record.number for record in records]
        try:
            answer = self._invoke({"Records": [record.event for record in records]})
        except FunctionFailed as error:
            self._console.warn(f"{self._mapping.name}: a batch of {len(records)} failed: {error}.")
            if isinstance(error, FunctionTimedOut):
                self._let_end(error.answer)
            return 0
        failed = failed_items(answer, numbers) if self._mapping.reports_failures else set()
        if failed:
            self._console.warn(f"{self._mapping.name}: {len(failed)} of {len(records)} records failed.")
        return next((place for place, number in enumerate(numbers) if number in failed), len(records))

    def _let_end(self, answer: Future[str]) -> None:
        """Wait for what Lambda would have ended: the batch must not meet itself when it is delivered again."""
        end = time.monotonic() + LONGEST_END_SECONDS
        while not wait([answer], LOOK_SECONDS).done:
            if self._stopping.is_set():
                raise Stopped
            if time.monotonic() > end:
                return self._console.warn(
                    f"{self._mapping.name}: what timed out has not ended, and is delivered again."
                )
        return None

    def _fresh(self, records: list[Record], discard: Discard, tried: int) -> list[Record]:
        if self._mapping.max_age == FOREVER:
            return records
        oldest = time.time() - self._mapping.max_age
        expired = [record for record in records if record.arrived < oldest]
        if expired:
            discard(expired, "RecordAgeExceeded", tried)
        return [record for record in records if record.arrived >= oldest]

    def _is_exhausted(self, tried: int) -> bool:
        return self._mapping.max_retries != FOREVER and tried > self._mapping.max_retries

    def _pause(self, tried: int) -> None:
        seconds = min(FIRST_PAUSE_SECONDS * 2 ** (tried - 1), LONGEST_PAUSE_SECONDS)
        if self._stopping.wait(seconds):
            raise Stopped


def payloads(records: list[Record]) -> Iterator[list[Record]]:
    """Yield records in batches that fit into an event."""
    batch, size = list[Record](), 0
    for record in records:
        length = len(json.dumps(record.event)) + 2
        if batch and size + length > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch
