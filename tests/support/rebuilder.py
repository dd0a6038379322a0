"""A process that works off rebuilds, and may be killed."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import count
from multiprocessing.synchronize import Event
from typing import Any

from tests.support.engines import BUCKETS, dynamodb_client
from tests.support.ledger import ACCOUNTS, REGISTRY
from tests.support.projections import Cured, balances, turnover

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.adapters.dynamodb.documents import BUILDS, SEGMENTS, STATES, DynamoDBDocuments
from banyan.adapters.dynamodb.gateway import ConsumedCapacity, Gateway
from banyan.adapters.dynamodb.views import DynamoDBGenerationRows, DynamoDBViews
from banyan.adapters.settings import Tables
from banyan.projections.base import Projection
from banyan.projections.rebuild.builds import Builds, Work
from banyan.projections.rebuild.rebuild import Rebuild
from banyan.projections.rebuild.worker import Pace, RebuildSteps, RebuildWorker
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.state import ProjectionStates
from banyan.spread import in_threads
from banyan.store import EventStore
from banyan.store.eventstore import utc_now
from banyan.telemetry import NoTelemetry

PROJECTIONS: Sequence[Projection] = (balances(Cured()), turnover(Cured()))
FOREVER = 1e9
SETTLE_SECONDS = 0.2
MOST_WRITES = 3
"""Of a segment whose rows others have written: that its streams are counted, that they are applied, and its end."""


class Line:
    """A queue that lasts no longer than its process.

    Attributes
    ----------
    waited : float
        Seconds by which work was delayed so far.
    """

    def __init__(self) -> None:
        self.works: deque[Work] = deque()
        self.waited = 0.0

    def send(self, works: Sequence[Work], delay_seconds: int = 0) -> None:
        self.works.extend(works)
        self.waited += delay_seconds
        time.sleep(delay_seconds)


class Rebuilder:
    """Rebuilds of accounts in the tables of an engine.

    Parameters
    ----------
    in_flight : int
        Streams that are worked on at a time.
    """

    def __init__(self, client: Any, tables: Tables, in_flight: int = 1, pace: Pace | None = None) -> None:
        self.queue = Line()
        self.meter = ConsumedCapacity(client)
        gateway = Gateway(client)
        store = EventStore(DynamoDBTable(gateway, tables.events, BUCKETS), REGISTRY)
        views = DynamoDBViews(gateway, tables.views, tables.cursors)
        rows = DynamoDBGenerationRows(gateway, tables.views, tables.cursors)
        projection_states = ProjectionStates(DynamoDBDocuments(gateway, tables.cursors, STATES))
        builds = Builds(*(DynamoDBDocuments(gateway, tables.cursors, layout) for layout in (BUILDS, SEGMENTS)))
        snapshots = Snapshotter(store, [ACCOUNTS], 1000, NoTelemetry())
        pause = partial(time.sleep, SETTLE_SECONDS)
        pace, spread = pace or Pace(), in_threads(in_flight)
        steps = RebuildSteps(PROJECTIONS, store, views, rows, snapshots, self.meter, pace, pause, utc_now, spread)
        self.rebuild = Rebuild(
            PROJECTIONS, projection_states, builds, self.queue, store.log_buckets, write_rate=100_000
        )
        self._worker = RebuildWorker(steps.of, projection_states, builds, self.queue, self.meter, pace)

    def run(self) -> None:
        """Work off all there is to do."""
        while self.queue.works:
            self._worker.work(self.queue.works.popleft(), lambda: FOREVER)


def rebuild_in_a_process(endpoint: str, tables: Tables, in_flight: int, stuck: Event | None = None) -> None:
    """Begin both rebuilds, or continue them.

    Parameters
    ----------
    stuck : Event | None
        Set where the process stops and waits to be killed: with its first rows written, and not noted that they are.
    """
    client = dynamodb_client(endpoint)
    rebuilder = Rebuilder(client, tables, in_flight)
    for projection in PROJECTIONS:
        rebuilder.rebuild.start(projection.name, switch_when_equal=True)
    inserted, writes = threading.Event(), count(1)

    def get_stuck(**_: Any) -> None:
        if stuck and (inserted.is_set() or next(writes) > MOST_WRITES):
            stuck.set()
            threading.Event().wait()

    client.meta.events.register("after-call.dynamodb.BatchExecuteStatement", lambda **_: inserted.set())
    client.meta.events.register("before-call.dynamodb.PutItem", get_stuck)
    rebuilder.run()
