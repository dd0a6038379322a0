"""Event source mappings of a table's stream."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import boto3

from banyan_tools.local.checkpoints import Checkpoints
from banyan_tools.local.console import Console
from banyan_tools.local.delivery import Delivery, Stopped
from banyan_tools.local.discarded import discarded_batch
from banyan_tools.local.functions import Invocable
from banyan_tools.local.lanes import Lane
from banyan_tools.local.loops import looping
from banyan_tools.local.mappings import Mapping
from banyan_tools.local.shards import Record, ShardReader
from banyan_tools.local.wakes import Sleeper

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

POLL_SECONDS = 0.25
"""As often as Lambda asks a shard. What this process writes to the table is read at once."""
LAG_PATIENCE_SECONDS = 5.0

Item = tuple[str, Record]


class StreamConsumer:
    """Reads a table's stream and invokes a function with it.

    Records of one item keep their order; records of different items do not when the mapping is parallel, just as
    DynamoDB promises no more.
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
        self._lanes: list[Lane[Item]] = [
            Lane(mapping.batch_size, mapping.window) for _ in range(mapping.parallelization)
        ]
        self._queues = boto3.client("sqs")
        self._reader: ShardReader | None = open_stream(mapping, checkpoints)
        if not self._reader:
            console.warn(f"{self.name}: waiting for the stream of table {table_of(mapping)}.")
        self._sleeper = Sleeper(table_of(mapping), POLL_SECONDS)
        self._found = False
        self._passes = 0
        self._passed = threading.Condition()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Consume the stream in background threads until the block is left."""
        with ExitStack() as stack:
            for lane in self._lanes:
                work = partial(self._work, lane)
                stack.enter_context(looping(self.name, work, self._console, self._stopping))
            stack.enter_context(looping(self.name, self._poll, self._console, self._stopping))
            stack.enter_context(self._sleeper.listening(not self._mapping.window))
            for lane in self._lanes:
                stack.callback(lane.close)
            yield

    def lag(self) -> int:
        """Return how many records, of all written before this call, the function has still to handle."""
        deadline = time.monotonic() + LAG_PATIENCE_SECONDS
        with self._passed:
            enough = self._passes + 2
            while self._passes < enough and time.monotonic() < deadline:
                self._sleeper.wake()
                self._passed.wait(LAG_PATIENCE_SECONDS)
        return self._checkpoints.open

    def _poll(self) -> float:
        self._sleeper.wait(self._found)
        self._reader = self._reader or open_stream(self._mapping, self._checkpoints)
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
        self._checkpoints.read(shard, [record["dynamodb"]["SequenceNumber"] for record in records])
        batches: list[list[Item]] = [[] for _ in self._lanes]
        for record in records:
            if self._mapping.matches(record):
                batches[item_hash(record) % len(batches)].append((shard, record))
            else:
                self._checkpoints.done(shard, record["dynamodb"]["SequenceNumber"])
        for lane, batch in zip(self._lanes, batches, strict=True):
            lane.put(batch)

    def _work(self, lane: Lane[Item]) -> float:
        for shard, items in groupby(lane.batch(), itemgetter(0)):
            records = [record for _, record in items]
            try:
                self._delivery.deliver(records, partial(self._discard, shard))
            except Stopped:
                return 0.0
            for record in records:
                self._checkpoints.done(shard, record["dynamodb"]["SequenceNumber"])
            lane.done(len(records))
        return 0.0

    def _discard(self, shard: str, records: list[Record], condition: str, tried: int) -> None:
        self._console.warn(f"{self.name}: {len(records)} records given up: {condition}.")
        if self._mapping.on_failure:
            message = discarded_batch(self._mapping, self._function.arn, shard, records, condition, tried)
            send(self._queues, self._mapping.on_failure, json.dumps(message))


def open_stream(mapping: Mapping, checkpoints: Checkpoints) -> ShardReader | None:
    """Return a reader of the stream that a mapping names; ``None`` while a table that is not ours has none."""
    client = boto3.client("dynamodb")
    try:
        stream = client.describe_table(TableName=table_of(mapping))["Table"].get("LatestStreamArn")
    except client.exceptions.ResourceNotFoundException:
        return None
    if not stream:
        return None
    streams = boto3.client("dynamodbstreams")
    return ShardReader(streams, stream, mapping.source_arn, mapping.start, checkpoints.positions())


def table_of(mapping: Mapping) -> str:
    """Return the name of the table whose stream a mapping names."""
    return mapping.source_arn.split("/")[1]


def item_hash(record: Record) -> int:
    """Return a number that is the same for all records of an item."""
    return zlib.crc32(json.dumps(record["dynamodb"]["Keys"], sort_keys=True).encode())


def send(client: SQSClient, queue_arn: str, body: str) -> None:
    """Send a message to a queue."""
    url = client.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody=body)
