"""The way of a reading: from a record through the ingest function's code into the event table, and into its window.

Commits are handed to the projector directly, as DynamoDB Streams would deliver them: DynamoDB Local grows slower with
each stream record that it keeps, so its tables have no streams here, and what is measured is Banyan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tests.support.engines import DynamoDBEngine, dynamodb_client
from tests.support.stream_records import image

from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.ingest import RecordIngestion, build_ingestion
from banyan.entrypoints.stream_batches import project_records, read_records
from banyan.projections.views import Generation
from banyan.store.eventstore import utc_now
from banyan.store.items import Item
from banyan.telemetry import NoTelemetry
from banyan_tools.samples.kinesis_records import kinesis_records
from bench.proxy import CountingProxy
from bench.telemetry.fleet import TENANT, Fleet
from telemetry.projections import SERIES_WINDOWS
from telemetry.projections.series import SeriesState

PROJECTED_AT_ONCE: Final = 50
"""``ProjectionBatchSize`` as it is deployed."""
FOREVER: Final = 1e9


def environment(engine: DynamoDBEngine) -> Mapping[str, str]:
    """Variables of functions that serve telemetry on an engine's tables, as it is deployed."""
    names = {f"{name.upper()}_TABLE": getattr(engine.tables, name) for name in type(engine.tables).model_fields}
    return {**names, "BANYAN_DOMAIN": "telemetry", "BANYAN_INGEST_TENANT": TENANT, "BANYAN_TRACES": "off"}


def application(endpoint: str, environ: Mapping[str, str]) -> Application:
    """The parts of one process, with a client of its own."""
    client = dynamodb_client(endpoint)
    return bootstrap(environ, client=lambda: client, telemetry=NoTelemetry())


class IngestProcess:
    """What the ingest function does with a batch, and what the event table's stream would then say."""

    def __init__(self, application: Application) -> None:
        self._ingestion: RecordIngestion = build_ingestion(application)
        self._written: list[Item] = []
        self._sent = self._commits = 0
        application.gateway.client.meta.events.register("provide-client-params.dynamodb.PutItem", self._note)

    def ingest(self, data: Sequence[bytes], at: datetime | None = None) -> Sequence[Item]:
        """Ingest a batch of records; the items of its commits."""
        self._written = []
        records = kinesis_records(*data, start=self._sent, at=at or utc_now())
        self._sent += len(data)
        answer = self._ingestion.ingest(records, lambda: FOREVER)
        assert answer == {"batchItemFailures": []}, answer
        return self._written

    def _note(self, params: Mapping[str, Any], **_: Any) -> None:
        self._written.append(params["Item"])


class ProjectorProcess:
    """What the projector, or the reactor, does with batches of the event table's stream."""

    def __init__(self, application: Application, *, reacts: bool = False) -> None:
        self._processor = application.reactor if reacts else application.processor
        self._delivered = 0

    def project(self, items: Iterable[Item]) -> None:
        """Apply commits, in batches as they are deployed."""
        waiting = list(items)
        for start in range(0, len(waiting), PROJECTED_AT_ONCE):
            batch = [self._record(item) for item in waiting[start : start + PROJECTED_AT_ONCE]]
            answer = project_records(read_records(batch), self._processor, NoTelemetry())
            assert answer == {"batchItemFailures": []}, answer

    def _record(self, item: Item) -> Mapping[str, Any]:
        self._delivered += 1
        keys = {name: item[name] for name in ("stream", "position")}
        change = {"Keys": keys, "SequenceNumber": str(self._delivered), "NewImage": image(dict(item))}
        return {"eventName": "INSERT", "dynamodb": change}


def readings_in_windows(application: Application, fleet: Fleet) -> int:
    """How many readings the windows of all devices count."""
    generation, streams = Generation(SERIES_WINDOWS.name), fleet.streams()
    found = application.views.states(generation, streams)
    return sum(SeriesState.model_validate_json(row.state).count for row in found.values())


@dataclass(frozen=True)
class Units:
    """What was sent and consumed in one part of the way."""

    requests: int
    read: float
    write: float


class CountedPipeline:
    """The whole way in one process, each part behind a proxy that counts."""

    def __init__(self, engine: DynamoDBEngine, proxies: Mapping[str, CountingProxy]) -> None:
        self.proxies = proxies
        environ = environment(engine)
        parts = {name: application(proxy.endpoint, environ) for name, proxy in proxies.items()}
        self.application = application(engine.client.meta.endpoint_url, environ)
        self._ingest = IngestProcess(parts["append"])
        self._projector = ProjectorProcess(parts["views"])
        self._reactor = ProjectorProcess(parts["reactor"], reacts=True)

    def run(self, fleet: Fleet, first: int, count: int, batch: int) -> tuple[int, Mapping[str, Units]]:
        """Commits, and what each part consumed for some records of a fleet."""
        for proxy in self.proxies.values():
            proxy.clear()
        commits = 0
        for start in range(first, first + count, batch):
            data = [fleet.record(number) for number in range(start, min(start + batch, first + count))]
            items = self._ingest.ingest(data)
            commits += len(items)
            self._projector.project(items)
            self._reactor.project(items)
        return commits, {
            name: Units(proxy.requests.total(), proxy.read_units, proxy.write_units)
            for name, proxy in self.proxies.items()
        }


@contextmanager
def counted_pipeline(engine: DynamoDBEngine) -> Iterator[CountedPipeline]:
    """A pipeline on the tables of an engine."""
    upstream = engine.client.meta.endpoint_url
    with (
        CountingProxy(upstream).serving() as append,
        CountingProxy(upstream).serving() as views,
        CountingProxy(upstream).serving() as reactor,
    ):
        yield CountedPipeline(engine, {"append": append, "views": views, "reactor": reactor})
