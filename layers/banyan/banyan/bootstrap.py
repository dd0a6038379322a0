"""The composition root: builds the application out of settings, tables and a domain."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from banyan.aws.bus import EventBridgeNotices, EventBus
from banyan.aws.claims import ClaimChecks
from banyan.aws.clients import dynamodb_client, events_client, s3_client
from banyan.aws.once import once
from banyan.aws.publisher import EventPublisher
from banyan.aws.settings import Services, Settings, Tables
from banyan.commands import CommandHandler, HandlesCommands
from banyan.deadlines.base import WaitingDeadlines
from banyan.deadlines.dynamodb import DynamoDBDeadlines
from banyan.domain import Domain, load_domain
from banyan.notices import NoNotices, Notices
from banyan.projections.catchup import CatchUp, LogCatchUp
from banyan.projections.checkpoints import LogCheckpoints
from banyan.projections.checkpoints_dynamodb import DynamoDBCheckpoints
from banyan.projections.control import Controls
from banyan.projections.controls import CachedControls
from banyan.projections.controls_dynamodb import DynamoDBControls
from banyan.projections.dynamodb import DynamoDBViews
from banyan.projections.operations import Operations
from banyan.projections.pausing import Pausing
from banyan.projections.runner import ProjectionRunner
from banyan.projections.running import BatchRunner
from banyan.projections.status import Statuses
from banyan.projections.views import Views
from banyan.reactions.catchup import ReactorCatchUp
from banyan.reactions.policies import Policies
from banyan.reactions.reactor import Reactor
from banyan.reconciliation.cells import Cells
from banyan.reconciliation.cells_dynamodb import DynamoDBCells
from banyan.store import EventStore
from banyan.store.dynamodb import DynamoDBTable
from banyan.store.eventstore import Clock, utc_now
from banyan.telemetry import NoTelemetry, Telemetry
from banyan.traces.dynamodb import DynamoDBTraces
from banyan.traces.recorder import Traces
from banyan.traces.timeline import Timeline
from banyan.upcasting import EventRegistry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from banyan.migration.parts import Parts


@dataclass(frozen=True)
class Application:
    """All parts of a running Banyan.

    Parameters
    ----------
    settings : Settings
    tables : Tables
    services : Services
    domain : Domain
    client : DynamoDBClient
    store : EventStore
    views : Views
    controls : Controls
    bus : EventBus
    notices : Notices
    telemetry : Telemetry
    clock : Callable[[], datetime]
    """

    settings: Settings
    tables: Tables
    services: Services
    domain: Domain
    client: DynamoDBClient
    store: EventStore
    views: Views
    controls: Controls
    bus: EventBus
    notices: Notices
    telemetry: Telemetry
    clock: Clock

    @cached_property
    def handlers(self) -> Mapping[str, HandlesCommands]:
        """What handles the commands of each entity, with its cache of warm aggregates; a facade during a migration."""
        handlers: dict[str, HandlesCommands] = {
            decider.entity: CommandHandler(
                self.store,
                decider,
                retries=self.settings.max_retries,
                backoff_ms=self.settings.backoff_ms,
                cache_size=self.settings.cache_size,
                telemetry=self.telemetry,
            )
            for decider in self.domain.deciders
        }
        return handlers | ({self.migration.adapter.entity: self.migration.facade} if self.migration else {})

    @cached_property
    def migration(self) -> Parts | None:
        """The parts of the migration that is on; ``None``, and nothing of it imported, without a legacy system."""
        if self.settings.legacy_store == "off":
            return None
        from banyan.migration.setup import set_up

        return set_up(self.settings, self.tables, self.domain, self.client, self.clock, self.telemetry)

    @cached_property
    def cached_controls(self) -> CachedControls:
        """The controls of the domain's projections, as this process last read them."""
        names = [projection.name for projection in self.domain.projections]
        return CachedControls(self.controls, names, self.settings.control_cache_ms)

    @cached_property
    def runner(self) -> ProjectionRunner:
        """What keeps the domain's projections up to date."""
        return ProjectionRunner(
            self.store,
            self.views,
            self.domain.projections,
            self.domain.deciders,
            controls=self.cached_controls,
            max_retries=self.settings.max_retries,
            backoff_ms=self.settings.backoff_ms,
            breaker_parked_streams=self.settings.breaker_parked_streams,
            snapshot_interval=self.settings.snapshot_interval,
            clock=self.clock,
            notices=self.notices,
            telemetry=self.telemetry,
        )

    @cached_property
    def catch_up(self) -> CatchUp:
        """What heals streams whose commits were not delivered."""
        return CatchUp(self.runner.projectors, self._log_catch_up(self.runner.batches), self.clock)

    @cached_property
    def reactor(self) -> Reactor:
        """What lets policies react to events, publishes them and keeps their traces."""
        policies = Policies(
            self.domain, self.store, self.handlers, self.deadlines, self.settings.deadlines, self.telemetry
        )
        return Reactor(
            self.store,
            self.views,
            [self.traces, policies, self.publisher],
            max_retries=self.settings.max_retries,
            backoff_ms=self.settings.backoff_ms,
            clock=self.clock,
            notices=self.notices,
            telemetry=self.telemetry,
        )

    @cached_property
    def reactor_catch_up(self) -> ReactorCatchUp:
        """What lets the reactor take in commits that were not delivered."""
        return ReactorCatchUp(self.reactor, self._log_catch_up(self.reactor.batches), self.clock)

    @cached_property
    def operations(self) -> Operations:
        """What an operator does to projections."""
        controls, projectors = self.cached_controls, self.runner.projectors
        return Operations(
            self.runner,
            self.catch_up,
            Statuses(self.store, self.views, controls, projectors, self.log_checkpoints, self.clock),
            Pausing(controls, self.notices, self.telemetry, self.clock),
            controls,
            self.views,
            self.notices,
            self.clock,
        )

    @cached_property
    def log_checkpoints(self) -> LogCheckpoints:
        """Up to when the log of all streams is taken in."""
        return DynamoDBCheckpoints(self.client, self.tables.cursors)

    @cached_property
    def deadlines(self) -> WaitingDeadlines:
        """Where commands wait for their time."""
        return DynamoDBDeadlines(self.client, self.tables.deadlines, self.settings.log_buckets)

    @cached_property
    def cells(self) -> Cells:
        """Digests, marks and progress of the reconciliation."""
        return DynamoDBCells(self.client, self.tables.digests)

    @cached_property
    def publisher(self) -> EventPublisher:
        """What puts the domain's events on the bus."""
        return EventPublisher(self.bus, ClaimChecks(once(s3_client), self.services.claims_bucket), self.domain.name)

    @cached_property
    def traces(self) -> Traces:
        """What keeps the index of traces."""
        return Traces(DynamoDBTraces(self.client, self.tables.traces), self.settings.trace_days)

    @cached_property
    def timeline(self) -> Timeline:
        """What answers which events a request set off."""
        return Timeline(DynamoDBTraces(self.client, self.tables.traces), self.store)

    def _log_catch_up(self, batches: BatchRunner) -> LogCatchUp:
        return LogCatchUp(self.store, batches, self.log_checkpoints, self.clock, self.telemetry)


def bootstrap(
    environ: Mapping[str, str] | None = None,
    *,
    client: Callable[[], DynamoDBClient] = dynamodb_client,
    notices: Notices | None = None,
    telemetry: Telemetry | None = None,
    clock: Clock = utc_now,
) -> Application:
    """Build the application.

    Parameters
    ----------
    environ : Mapping[str, str], optional
        The process environment unless given.
    client, notices, telemetry, clock
        Replace the defaults, in tests.

    Raises
    ------
    ConfigurationError
        When a setting does not fit or the domain cannot be loaded.
    """
    environ = os.environ if environ is None else environ
    settings, tables, services = Settings.from_env(environ), Tables.from_env(environ), Services.from_env(environ)
    domain = load_domain(settings.domain)
    dynamodb = client()
    store = EventStore(DynamoDBTable(dynamodb, tables.events, settings.log_buckets), _registry(settings, domain), clock)
    views = DynamoDBViews(dynamodb, tables.views, tables.cursors)
    bus = EventBus(once(events_client), services.event_bus, settings.bus_entry_bytes)
    return Application(
        settings=settings,
        tables=tables,
        services=services,
        domain=domain,
        client=dynamodb,
        store=store,
        views=views,
        controls=DynamoDBControls(dynamodb, tables.cursors),
        bus=bus,
        notices=notices or (EventBridgeNotices(bus) if services.event_bus else NoNotices()),
        telemetry=telemetry or NoTelemetry(),
        clock=clock,
    )


def _registry(settings: Settings, domain: Domain) -> EventRegistry:
    """The domain's events, and those of its migration while there is one."""
    if settings.legacy_store == "off":
        return domain.registry
    from banyan.migration.migration import REGISTRY

    return domain.registry.including(REGISTRY)
