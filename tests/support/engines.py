"""What an event store can stand on in tests: memory, moto, and DynamoDB Local."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import uuid4, uuid5

import boto3
import botocore.endpoint
from botocore import UNSIGNED
from botocore.config import Config
from moto.core.models import botocore_stubber
from tests.support.clocks import PATIENCE, ManualClock, no_sleep
from tests.support.tables import TablePool
from tests.support.wire import Deliver, Wire, strong_reads, tap

from banyan.adapters.clients import CONFIG
from banyan.adapters.dynamodb.commits import FEWEST_BUCKETS, DynamoDBTable, LogBuckets
from banyan.adapters.dynamodb.documents import BUILDS, CELLS, LOG_CHECKPOINTS, SEGMENTS, STATES, DynamoDBDocuments
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.adapters.dynamodb.reports import DynamoDBReports
from banyan.adapters.dynamodb.views import DynamoDBRowRepair, DynamoDBViews
from banyan.adapters.settings import Tables
from banyan.documents import Documents, MemoryDocuments
from banyan.events import EventRegistry
from banyan.projections.catchup import LogCheckpoints
from banyan.projections.memory import MemoryViews
from banyan.projections.rebuild.builds import Builds
from banyan.projections.state import ProjectionStates
from banyan.projections.views import RowRepair, Views
from banyan.reconciliation.report import MemoryReports, Reports
from banyan.store import Commit, CommitTable, EventStore, Snapshot
from banyan.store.eventstore import Clock
from banyan.store.items import commit_item, snapshot_item
from banyan.store.memory import SNAPSHOT_OFFSET, MemoryTable
from banyan_tools.local.engine import moto_engine
from banyan_tools.local.physical import REGION
from banyan_tools.local.tables import creation
from banyan_tools.local.template import read

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
    from mypy_boto3_dynamodb import DynamoDBClient

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
BUCKETS = 4
LISTED = max(BUCKETS, FEWEST_BUCKETS)
"""Buckets that readers of DynamoDB walk."""


KEYS = f"AWS4-HMAC-SHA256 Credential=local/20260105/{REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=none"
PATIENT = Config(read_timeout=PATIENCE)
"""A busy machine may take long to make a table; no test counts on a time-out."""


class Engine(Protocol):
    """Tables of their own for one test, and the means to look into and damage them."""

    name: str

    def table(self) -> CommitTable:
        """The table of commits."""

    def store(self, registry: EventRegistry, clock: Clock | None = None) -> EventStore:
        """An event store on ``table``; its clock ticks unless another is given, and it never sleeps."""

    def views(self) -> Views:
        """Read models."""

    def projection_states(self) -> ProjectionStates:
        """States of projections."""

    def checkpoints(self) -> LogCheckpoints:
        """Checkpoints in the log."""

    def row_repair(self) -> RowRepair:
        """What repairs read models."""

    def builds(self) -> Builds:
        """Rebuilds and how far they have come."""

    def documents(self) -> Documents:
        """Digests, marks and progress of the reconciliation."""

    def reports(self) -> Reports:
        """Reports of the reconciliation."""

    def put(self, item: Commit | Snapshot) -> None:
        """Write an item behind the store's back, over what stands there."""

    def remove(self, item: Commit | Snapshot) -> None:
        """Remove an item behind the store's back."""


class MemoryEngine:
    """Everything in dictionaries."""

    name = "memory"

    def __init__(self) -> None:
        self._table = MemoryTable(BUCKETS)
        self._views = MemoryViews()
        self._projection_states = ProjectionStates()
        self._checkpoints = LogCheckpoints()
        self._documents = MemoryDocuments()
        self._reports = MemoryReports()

    def table(self) -> MemoryTable:
        return self._table

    def store(self, registry: EventRegistry, clock: Clock | None = None) -> EventStore:
        return EventStore(self._table, registry, clock or ManualClock(), no_sleep)

    def views(self) -> MemoryViews:
        return self._views

    def projection_states(self) -> ProjectionStates:
        return self._projection_states

    def checkpoints(self) -> LogCheckpoints:
        return self._checkpoints

    def row_repair(self) -> MemoryViews:
        return self._views

    def builds(self) -> Builds:
        return Builds(self._documents)

    def documents(self) -> MemoryDocuments:
        return self._documents

    def reports(self) -> MemoryReports:
        return self._reports

    def put(self, item: Commit | Snapshot) -> None:
        self._table._streams[item.stream][_position(item)] = item

    def remove(self, item: Commit | Snapshot) -> None:
        del self._table._streams[item.stream][_position(item)]


class DynamoDBEngine:
    """The template's tables under names of their own.

    Parameters
    ----------
    name : str
        ``moto`` or ``dynamodb_local``.
    deliver : Callable, optional
        Where requests go instead of to the client's endpoint.
    pool : TablePool, optional
        Where tables come from, by default new ones.

    Attributes
    ----------
    wire : Wire
        Counts the client's requests and makes them fail.
    """

    def __init__(
        self, name: str, client: DynamoDBClient, deliver: Deliver | None = None, pool: TablePool | None = None
    ) -> None:
        self.name = name
        self.client = client
        self.gateway = Gateway(client, no_sleep)
        self.wire: Wire = tap(client, deliver)
        client.meta.events.register("provide-client-params.dynamodb", strong_reads)
        self._pool = pool or TablePool(client)
        self._taken: dict[str, str] = {}
        self._own: dict[str, str] = {}
        self._tokens = uuid4()
        client.meta.events.register("provide-client-params.dynamodb.TransactWriteItems", self._of_this_test)
        for operation in ("UpdateTable", "UpdateTimeToLive", "DeleteTable"):
            client.meta.events.register(f"provide-client-params.dynamodb.{operation}", self._refuse_if_shared)

    @property
    def tables(self) -> Tables:
        """Names of all tables, created now."""
        return Tables(**{name: self.named(name) for name in Tables.model_fields})

    @property
    def events(self) -> str:
        """Name of the event table, created now."""
        return self.named("events")

    def named(self, table: str, definition: Mapping[str, Any] | None = None) -> str:
        """Name of one table, of ``Tables`` unless it is defined here; it is empty when it is asked for first."""
        if table not in self._taken:
            self._taken[table] = self._pool.take(table, definition or table_definitions()[table])
        return self._taken[table]

    def own(self, table: str, definition: Mapping[str, Any]) -> str:
        """Name of one table that no other test ever gets: for tests that read its stream, or alter it."""
        if table not in self._own:
            self._own[table] = self._pool.make(table, definition)
        return self._own[table]

    def release(self) -> None:
        """Leave the tables to later tests, except those of its own."""
        for name, table in self._taken.items():
            self._pool.give_back(name, table)
        for table in self._own.values():
            self._pool.drop(table)

    def table(self, buckets: int = BUCKETS) -> DynamoDBTable:
        return DynamoDBTable(self.gateway, self.events, buckets)

    def log_buckets(self, own: int = BUCKETS) -> LogBuckets:
        """Of the log, as a process knows them that writes into so many."""
        return LogBuckets(self.gateway, self.events, own)

    def store(self, registry: EventRegistry, clock: Clock | None = None) -> EventStore:
        return EventStore(self.table(), registry, clock or ManualClock(), no_sleep)

    def views(self) -> DynamoDBViews:
        return DynamoDBViews(self.gateway, self.named("views"), self.named("cursors"))

    def projection_states(self) -> ProjectionStates:
        return ProjectionStates(DynamoDBDocuments(self.gateway, self.named("cursors"), STATES))

    def checkpoints(self) -> LogCheckpoints:
        return LogCheckpoints(DynamoDBDocuments(self.gateway, self.tables.cursors, LOG_CHECKPOINTS))

    def row_repair(self) -> DynamoDBRowRepair:
        return DynamoDBRowRepair(self.gateway, self.tables.views)

    def builds(self) -> Builds:
        return Builds(*(DynamoDBDocuments(self.gateway, self.named("cursors"), each) for each in (BUILDS, SEGMENTS)))

    def documents(self) -> DynamoDBDocuments:
        return DynamoDBDocuments(self.gateway, self.tables.digests, CELLS)

    def reports(self) -> DynamoDBReports:
        return DynamoDBReports(self.gateway, self.tables.reports)

    def put(self, item: Commit | Snapshot) -> None:
        encoded = commit_item(item, BUCKETS) if isinstance(item, Commit) else snapshot_item(item)
        self.client.put_item(TableName=self.events, Item=encoded)

    def remove(self, item: Commit | Snapshot) -> None:
        key = {"stream": {"S": str(item.stream)}, "position": {"N": str(_position(item))}}
        self.client.delete_item(TableName=self.events, Key=key)

    def _of_this_test(self, params: dict[str, Any], **_: Any) -> None:
        """Keep a transaction from passing for a repeat of the same one that an earlier test made in these tables."""
        if token := params.get("ClientRequestToken"):
            params["ClientRequestToken"] = str(uuid5(self._tokens, token))

    def _refuse_if_shared(self, params: Mapping[str, Any], **_: Any) -> None:
        assert params["TableName"] not in self._taken.values(), f"a later test gets {params['TableName']}: use own()"


@contextmanager
def moto_tables() -> Iterator[DynamoDBEngine]:
    """Tables in this process; one request at a time, because moto is not thread-safe."""
    with moto_engine(), impatient():
        client = dynamodb_client()
        client.meta.events.register("choose-signer.dynamodb", cast(Any, unsigned))
        yield DynamoDBEngine("moto", client, through_moto)


@contextmanager
def local_tables(endpoint: str) -> Iterator[DynamoDBEngine]:
    """Tables in a running DynamoDB Local."""
    with impatient():
        client = dynamodb_client(endpoint)
        client.meta.events.register("choose-signer.dynamodb", cast(Any, unsigned))
        client.meta.events.register("request-created.dynamodb", cast(Any, as_if_signed))
        engine = DynamoDBEngine("dynamodb_local", client, pool=table_pool(endpoint))
        yield engine
        engine.release()


@contextmanager
def impatient() -> Iterator[None]:
    """Let the SDK retry without waiting."""
    patient = botocore.endpoint.time  # type: ignore[attr-defined]
    botocore.endpoint.time = SimpleNamespace(sleep=no_sleep)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        botocore.endpoint.time = patient  # type: ignore[attr-defined]


def dynamodb_client(endpoint: str = f"https://dynamodb.{REGION}.amazonaws.com") -> DynamoDBClient:
    """A client as the functions have it: same deadlines, same retries; moto does not catch its requests unasked."""
    client = session().client("dynamodb", config=CONFIG.merge(PATIENT), endpoint_url=endpoint)
    client.meta.events.unregister("before-send", cast(Any, botocore_stubber))
    return client


def unsigned(**_: Any) -> object:
    """Spare requests the signature, which no engine looks at."""
    return UNSIGNED


def as_if_signed(request: AWSRequest, **_: Any) -> None:
    """Add the header without which DynamoDB Local refuses a request; it does not check the signature."""
    request.headers["Authorization"] = KEYS


@cache
def session() -> boto3.Session:
    """One session, so that botocore reads its service models once."""
    return boto3.Session("local", "local", "local", REGION)


@cache
def table_pool(endpoint: str) -> TablePool:
    """Tables of a DynamoDB Local that this process has made and that are free."""
    return TablePool(dynamodb_client(endpoint))


def through_moto(request: AWSPreparedRequest) -> AWSResponse:
    """Answer a request from moto's memory."""
    answer = botocore_stubber("before-send", request)
    assert answer is not None, f"moto does not know {request.url}"
    return answer


@cache
def table_definitions() -> dict[str, Any]:
    """What ``create_table`` needs, from ``template.yaml``, by the name in ``Tables``, but for streams.

    No engine reads them, and each record that DynamoDB Local keeps of them makes every write slower.
    """
    resources = read(TEMPLATE)["Resources"]
    tables = {name: creation(resources[f"{name.capitalize()}Table"]["Properties"]) for name in Tables.model_fields}
    return {
        name: {key: value for key, value in table.items() if key != "StreamSpecification"}
        for name, table in tables.items()
    }


def _position(item: Commit | Snapshot) -> float:
    return item.position if isinstance(item, Commit) else item.version + SNAPSHOT_OFFSET
