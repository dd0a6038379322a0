"""The rebuilds of an application, and what works them off."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from banyan.adapters.dynamodb.gateway import ConsumedCapacity
from banyan.adapters.dynamodb.views import DynamoDBGenerationRows
from banyan.errors import ConfigurationError
from banyan.events import CamelModel
from banyan.projections.base import Projection
from banyan.projections.rebuild.filling import StreamRebuilt, rebuild_stream
from banyan.projections.rebuild.preview import Preview, Prices, preview
from banyan.projections.rebuild.rebuild import Rebuild
from banyan.projections.rebuild.worker import Pace, RebuildSteps, RebuildWorker
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.views import Generation
from banyan.spread import in_threads
from banyan.streams import StreamId

if TYPE_CHECKING:
    from banyan.bootstrap.application import Application

LONGEST_PROJECTION: Final = timedelta(seconds=60)
"""The projector's timeout in the template: so long may it write to a generation that was given up."""
INDEX_DELAY: Final = timedelta(seconds=1)
STREAMS_IN_FLIGHT: Final = 4
"""Read and written at a time by each worker of a rebuild: it waits for DynamoDB more than it computes."""


class Replaced(CamelModel):
    """What became of a stream, by generation."""

    generations: Mapping[int, StreamRebuilt]


class Rebuilds:
    """Rebuilds of an application's projections."""

    def __init__(self, application: Application) -> None:
        self._app = application
        self.rebuild = Rebuild(
            application.domain.projections,
            application.projection_states,
            application.builds,
            application.queue,
            application.store.log_buckets,
            write_rate=application.settings.rebuild_write_units,
            walked=self._walked,
            clock=application.clock,
        )

    def _walked(self, generation: Generation) -> bool:
        buckets = self._app.store.log_buckets()
        return len(self._app.log_checkpoints.get(generation, buckets)) == len(buckets)

    def preview(self, projection: str, write_rate: int | None = None) -> Preview:
        """What a rebuild will cost, at the prices of the settings. Raises ``ConfigurationError``."""
        settings = self._app.settings
        prices = Prices(settings.read_unit_price, settings.write_unit_price)
        return preview(
            self._projection(projection), self._app.store, write_rate or settings.rebuild_write_units, prices
        )

    def stream(self, projection: str, stream: StreamId) -> Replaced:
        """Rebuild one stream in every generation that is kept up to date. Raises as ``rebuild_stream``."""
        app, found = self._app, self._projection(projection)
        state = app.projection_states.get([projection])[projection]
        done = {g.number: rebuild_stream(found, g, stream, app.store, app.views, app.clock) for g in state.written()}
        return Replaced(generations=done)

    def _projection(self, name: str) -> Projection:
        for projection in self._app.domain.projections:
            if projection.name == name:
                return projection
        raise ConfigurationError(f"there is no projection {name!r}")


def build_worker(app: Application) -> RebuildWorker:
    """What works the queue off."""
    settings = app.settings
    rows = DynamoDBGenerationRows(app.gateway, app.tables.views, app.tables.cursors)
    snapshots = Snapshotter(app.store, app.domain.deciders, settings.snapshot_interval, app.telemetry)
    pause = partial(time.sleep, settings.reconciliation_settle_ms / 1000)
    meter = ConsumedCapacity(app.gateway.client)
    at_pace = pace(settings.rebuild_parallelization, timedelta(milliseconds=settings.control_cache_ms))
    steps = RebuildSteps(
        app.domain.projections,
        app.store,
        app.views,
        rows,
        snapshots,
        meter,
        at_pace,
        pause,
        app.clock,
        in_threads(STREAMS_IN_FLIGHT),
    )
    return RebuildWorker(
        steps.of,
        app.projection_states,
        app.builds,
        app.queue,
        meter,
        at_pace,
        clock=app.clock,
    )


def pace(workers: int, cache: timedelta) -> Pace:
    """How long to wait until every projector has heard of a change."""
    heard = 2 * cache + INDEX_DELAY
    return Pace(workers, settle=heard, grace=heard + LONGEST_PROJECTION)
