"""Event source mappings of streams: a table's, and those of Kinesis."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import boto3

from banyan.text import counted
from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.console import Console
from banyan_tools.local.delivery import Delivery, Stopped
from banyan_tools.local.discarded import discarded_batch
from banyan_tools.local.functions import Invocable
from banyan_tools.local.kinesis_streams import KinesisStream
from banyan_tools.local.lanes import Lane
from banyan_tools.local.loops import attempt, looping
from banyan_tools.local.mappings import KINESIS, TABLE, Mapping
from banyan_tools.local.shards import ShardReader
from banyan_tools.local.stream_records import Record, ShardedStream
from banyan_tools.local.table_streams import TableStream
from banyan_tools.local.wakes import BUSY_SECONDS, Sleeper

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

POLL_SECONDS = {TABLE: 0.25, KINESIS: 1.0}
"""As often as Lambda asks a shard. What this process writes is read at once."""
KINDS: Final = {TABLE: "the stream of table", KINESIS: "the Kinesis stream"}
LAG_PATIENCE_SECONDS = 5.0


class StreamConsumer:
    """Reads a stream and invokes a function with it.

    Shards are handled at the same time. Within a shard, records of one key keep their order: of one item of a table, or
    of one partition key. Records of different keys do not when the mapping is parallel, just as AWS promises no more.
    """

    def __init__(
        self,
        mapping: Mapping,
        function: Invocable,
        checkpoints: Checkpoints,
        console: Console,
        stopping: threading.Event,
    ) -> None:
        self.name = mapping.name
        self._mapping = mapping
        self._function = function
        self._checkpoints = checkpoints
        self._console = console
        self._stopping = stopping
        self._delivery = Delivery(mapping, function.invoke, console, stopping)
        self._lanes: dict[str, list[Lane[Record]]] = {}
        self._workers: list[threading.Thread] = []
        self._queues = boto3.client("sqs")
        self._reader = self._opened()
        if not self._reader:
            console.warn(f"{self.name}: waiting for {KINDS[mapping.service]} {mapping.source}.")
        self._sleeper = Sleeper(mapping.source, POLL_SECONDS[mapping.service], self._shortest_pause())
        self._found = False
        self._passes = 0
        self._passed = threading.Condition()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Consume the stream in background threads until the block is left."""
        with ExitStack() as stack:
            stack.callback(self._end_workers)
            stack.enter_context(looping(self.name, self._poll, self._console, self._stopping))
            stack.enter_context(self._sleeper.listening(self._mapping.service == KINESIS or not self._mapping.window))
            yield

    def lag(self) -> int:
        """Return how many records, of all written before this call, the function has still to handle.

        At least one, if the stream could not be read up to this call within five seconds.
        """
        deadline = time.monotonic() + LAG_PATIENCE_SECONDS
        with self._passed:
            enough = self._passes + 2
            while self._passes < enough and time.monotonic() < deadline:
                self._sleeper.wake()
                self._passed.wait(LAG_PATIENCE_SECONDS)
            is_read = self._passes >= enough
        return self._checkpoints.open if is_read else max(1, self._checkpoints.open)

    def _shortest_pause(self) -> float:
        """Seconds between two readings; a batch that fills for a while needs not be seen to grow."""
        return min(max(BUSY_SECONDS, self._mapping.window / 4), POLL_SECONDS[TABLE])

    def _opened(self) -> ShardReader | None:
        stream = open_stream(self._mapping, self._function.role)
        return ShardReader(stream, self._mapping.first_place, self._checkpoints) if stream else None

    def _poll(self) -> float:
        self._sleeper.wait(self._found)
        self._reader = self._reader or self._opened()
        self._found = False
        for shard, records in self._reader.read() if self._reader else ():
            self._accept(shard, records)
            self._found = True
        self._checkpoints.save()
        with self._passed:
            self._passes += 1
            self._passed.notify_all()
        return 0.0

    def _accept(self, shard: str, records: list[Record]) -> None:
        self._checkpoints.read(shard, [record.number for record in records])
        lanes = self._lanes_of(shard)
        batches: list[list[Record]] = [[] for _ in lanes]
        for record in records:
            if self._mapping.matches(record.event):
                batches[zlib.crc32(record.key.encode()) % len(batches)].append(record)
            else:
                self._checkpoints.done(shard, record.number)
        for lane, batch in zip(lanes, batches, strict=True):
            if lane.put(batch):
                self._start_worker(shard, lane)

    def _lanes_of(self, shard: str) -> list[Lane[Record]]:
        if shard not in self._lanes:
            size, window = self._mapping.batch_size, self._mapping.window
            self._lanes[shard] = [Lane(size, window) for _ in range(self._mapping.parallelization)]
        return self._lanes[shard]

    def _start_worker(self, shard: str, lane: Lane[Record]) -> None:
        worker = threading.Thread(target=self._work, args=(shard, lane), name=self.name, daemon=True)
        self._workers = [each for each in self._workers if each.is_alive()] + [worker]
        worker.start()

    def _end_workers(self) -> None:
        for lane in (lane for lanes in self._lanes.values() for lane in lanes):
            lane.close()
        for worker in self._workers:
            worker.join()
        if self._mapping.service == KINESIS and self._checkpoints.open and not self._checkpoints.are_kept:
            what = f"{self._checkpoints.open} records of the Kinesis stream {self._mapping.source}"
            self._console.warn(f"{self.name}: {what} were not handled, and are gone with the stack.")

    def _work(self, shard: str, lane: Lane[Record]) -> None:
        pause = 0.0
        while not self._stopping.wait(pause) and (batch := lane.batch()):
            pause = attempt(self.name, partial(self._handle, shard, lane, batch), self._console)

    def _handle(self, shard: str, lane: Lane[Record], records: list[Record]) -> float:
        try:
            self._delivery.deliver(records, partial(self._discard, shard))
        except Stopped:
            return 0.0
        for record in records:
            self._checkpoints.done(shard, record.number)
        lane.done(len(records))
        return 0.0

    def _discard(self, shard: str, records: list[Record], condition: str, tried: int) -> None:
        self._console.warn(f"{self.name}: {counted(len(records), 'record')} given up: {condition}.")
        if self._mapping.on_failure:
            message = discarded_batch(self._mapping, self._function.arn, shard, records, condition, tried)
            send(self._queues, self._mapping.on_failure, json.dumps(message))


def open_stream(mapping: Mapping, role: str) -> ShardedStream | None:
    """Return the stream that a mapping names; ``None`` while one that is not ours does not exist."""
    if mapping.service == KINESIS:
        return KinesisStream.opened(mapping.source, mapping.source_arn, role)
    return TableStream.opened(mapping.source, mapping.source_arn)


def send(client: SQSClient, queue_arn: str, body: str) -> None:
    """Send a message to a queue."""
    url = client.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody=body)
