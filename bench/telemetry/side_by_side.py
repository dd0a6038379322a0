"""Readings a second, in one process: Banyan, the same requests bare, and an item for each reading."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore import xform_name
from tests.support.engines import DynamoDBEngine, dynamodb_client, local_tables

from banyan.entrypoints.ingest import AT_ONCE
from banyan.spread import in_threads, in_turn
from banyan.store.items import Item
from bench.results import Figure, ratios
from bench.telemetry.fleet import FIRST_MS, INTERVAL_MS, Fleet
from bench.telemetry.pipeline import IngestProcess, ProjectorProcess, application, environment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SIZES: Final = (1, 10, 100)
"""Readings in a record."""
DEVICES: Final = 50
PLAIN_READINGS: Final = 500
"""Written in a round where each is an item."""
BATCH: Final = 25
ALL_SEND: Final = in_threads(AT_ONCE)
"""Everything that is compared has as many requests under way as the ingest function."""
APPEND: Final = "Banyan: append"
BARE: Final = "the same items, bare PutItem"
SHOWN: Final = "Banyan: until the window shows"
REQUESTS: Final = "the same requests, bare"
PUT: Final = "an item a reading, PutItem"
BATCHED: Final = "an item a reading, BatchWriteItem"
PLAIN_TABLE: Final[Mapping[str, Any]] = {
    "KeySchema": [{"AttributeName": "device", "KeyType": "HASH"}, {"AttributeName": "sequence", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "device", "AttributeType": "S"},
        {"AttributeName": "sequence", "AttributeType": "N"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}

Walls = dict[str, list[float]]


def measure(engine: DynamoDBEngine, rounds: int, step: Callable[[str], None]) -> Iterator[Figure]:
    """Let all take turns."""
    for size in SIZES:
        step(f"records of {size} readings, side by side")
        with local_tables(engine.client.meta.endpoint_url) as floor:
            speeds = SideBySide(engine, floor, size).speeds(rounds)
        what = f"readings/s at {size} a record"
        for name, found in speeds.items():
            yield Figure(what, found, "", who=name)
        yield Figure(f"append against bare puts, {size} a record", ratios(speeds[APPEND], speeds[BARE]), "×")
        against = ratios(speeds[SHOWN], speeds[REQUESTS])
        yield Figure(f"until the window shows against the same requests bare, {size} a record", against, "×")


class SideBySide:
    """Everything that writes the same readings."""

    def __init__(self, engine: DynamoDBEngine, floor: DynamoDBEngine, size: int, plain: int = PLAIN_READINGS) -> None:
        endpoint, environ = engine.client.meta.endpoint_url, environment(engine)
        tables, others = engine.tables.model_dump(), floor.tables.model_dump()
        self._names = {tables[name]: others[name] for name in tables}
        self._bare, self._events = dynamodb_client(endpoint), floor.events
        self._plain = floor.own("readings", PLAIN_TABLE)
        ingesting, projecting = application(endpoint, environ), application(endpoint, environ)
        self._ingest, self._projector = IngestProcess(ingesting), ProjectorProcess(projecting)
        self._ingested, self._projected = (Requests(each.gateway.client) for each in (ingesting, projecting))
        self._fleet = Fleet(f"side-{size}", DEVICES, size)
        self._fleet.register(ingesting)
        self._ingested.taken()
        self._batches = 0
        self._plain_readings = plain

    def speeds(self, rounds: int, batches: int = 4) -> Mapping[str, Sequence[float]]:
        """Readings a second in each round; a first one warms up."""
        found: dict[str, list[float]] = defaultdict(list)
        for number in range(rounds + 1):
            for name, (readings, seconds) in self._round(batches).items():
                found[name] += [readings / seconds] if number else []
        return found

    def _round(self, batches: int) -> Mapping[str, tuple[int, float]]:
        appended: list[Item] = []
        requests: list[Sequence[tuple[str, Any]]] = []
        append = shown = 0.0
        for _ in range(batches):
            items, seconds = timed(self._ingest.ingest, self._next_batch())
            appended += items
            append += seconds
            shown += seconds + timed(self._projector.project, items)[1]
            requests += [self._renamed(self._ingested), self._renamed(self._projected)]
        readings = batches * DEVICES * self._fleet.readings
        _, again = timed(self._send, requests)
        _, bare = timed(self._put, [self._other_key(item) for item in appended])
        _, plain = timed(self._put_plain, self._plain_items(self._plain_readings))
        _, batched = timed(self._put_batches, self._plain_items(self._plain_readings))
        return {
            APPEND: (readings, append),
            BARE: (readings, bare),
            SHOWN: (readings, shown),
            REQUESTS: (readings, again),
            PUT: (self._plain_readings, plain),
            BATCHED: (self._plain_readings, batched),
        }

    def _next_batch(self) -> Sequence[bytes]:
        first = self._batches * DEVICES
        self._batches += 1
        return [self._fleet.record(number) for number in range(first, first + DEVICES)]

    def _renamed(self, requests: Requests) -> Sequence[tuple[str, Any]]:
        return [(operation, renamed(params, self._names)) for operation, params in requests.taken()]

    def _other_key(self, item: Item) -> Item:
        return {**item, "stream": {"S": f"{item['stream']['S']}.bare"}}

    def _send(self, requests: Sequence[Sequence[tuple[str, Any]]]) -> None:
        """Those of appends several at a time, those of the projector, which come after each of them, one by one."""
        for place, batch in enumerate(requests):
            (in_turn if place % 2 else ALL_SEND)(lambda each: getattr(self._bare, each[0])(**each[1]), batch)

    def _put(self, items: Sequence[Item]) -> None:
        ALL_SEND(lambda item: self._bare.put_item(TableName=self._events, Item=item), items)

    def _plain_items(self, count: int) -> Sequence[Item]:
        first = self._batches * 100_000
        self._batches += 1
        return [
            {
                "device": {"S": self._fleet.device(number % DEVICES)},
                "sequence": {"N": str(first + number)},
                "at": {"N": str(FIRST_MS + (first + number) * INTERVAL_MS)},
                "value": {"N": "20.51"},
            }
            for number in range(count)
        ]

    def _put_plain(self, items: Sequence[Item]) -> None:
        ALL_SEND(lambda item: self._bare.put_item(TableName=self._plain, Item=item), items)

    def _put_batches(self, items: Sequence[Item]) -> None:
        puts: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
        batches = [puts[start : start + BATCH] for start in range(0, len(puts), BATCH)]
        ALL_SEND(lambda batch: self._bare.batch_write_item(RequestItems={self._plain: batch}), batches)


class Requests:
    """What a client sends, to be sent again."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._sent: list[tuple[str, Any]] = []
        client.meta.events.register("provide-client-params.dynamodb", self._note)

    def taken(self) -> Sequence[tuple[str, Any]]:
        """Operation and parameters of all since the last time."""
        sent, self._sent = self._sent, []
        return sent

    def _note(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        self._sent.append((xform_name(model.name), dict(params)))


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """The same with other tables; a token that was used stands for what it was used for."""
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
        return value
    if isinstance(value, list | tuple):
        return [renamed(each, names) for each in value]
    if isinstance(value, dict):
        return {renamed(key, names): renamed(each, names) for key, each in value.items() if key != "ClientRequestToken"}
    return value


def timed(act: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What an act returns, and its seconds."""
    begun = time.perf_counter()
    found = act(*arguments)
    return found, time.perf_counter() - begun
