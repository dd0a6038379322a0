"""The composition root: builds the application out of settings, tables and a domain."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from banyan.adapters.clients import dynamodb_client, events_client, kinesis_client, lambda_client, s3_client, sqs_client
from banyan.adapters.dynamodb.commits import DynamoDBTable, LogBuckets
from banyan.adapters.dynamodb.documents import (
    BUILDS,
    CELLS,
    LOG_CHECKPOINTS,
    SEGMENTS,
    STATES,
    DynamoDBDocuments,
    Layout,
)
from banyan.adapters.dynamodb.gateway import ClockWatch, Gateway
from banyan.adapters.dynamodb.views import DynamoDBViews
from banyan.adapters.event_bus import ClaimChecks, EventBridgeNotices, EventBus, EventPublisher
from banyan.adapters.functions import Functions, LambdaFunctions
from banyan.adapters.settings import (
    FunctionNames,
    Queues,
    Services,
    Settings,
    Tables,
    check_reactions,
    read_domain_settings,
)
from banyan.adapters.work_queue import SqsWorkQueue
from banyan.commands.handler import CommandHandler, ConflictRetries, HandlesCommands
from banyan.decider import AnyDecider
from banyan.documents import Documents
from banyan.domain import Domain, deadline_durations, load_domain
from banyan.errors import ConfigurationError
from banyan.events import EventRegistry
from banyan.notices import NoNotices, Notices
from banyan.once import once
from banyan.projections.state import CachedStates, ProjectionStates
from banyan.projections.views import Views
from banyan.reactions.base import REACTOR
from banyan.store import EventStore
from banyan.store.eventstore import Clock, utc_now
from banyan.telemetry import NoTelemetry, Telemetry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from banyan.adapters.parked_queue import ParkedQueue
    from banyan.adapters.parked_records import ParkedRecords
    from banyan.bootstrap.rebuilds import Rebuilds
    from banyan.commands.ingestor import Ingestor
    from banyan.deadlines.base import WaitingDeadlines
    from banyan.deadlines.runner import DeadlineRunner
    from banyan.migration.migration import Migration
    from banyan.projections.catchup import CatchUp, LogCheckpoints
    from banyan.projections.operations import Operations, Standstill
    from banyan.projections.processor import ProjectionProcessor, StreamProcessor
    from banyan.projections.rebuild.builds import Builds, WorkQueue
    from banyan.projections.rebuild.worker import RebuildWorker
    from banyan.projections.retries import RetryPolicy
    from banyan.reactions.reactor import Effect, Reactor
    from banyan.reconciliation.look import StreamLook
    from banyan.reconciliation.reconciler import Reconciler
    from banyan.reconciliation.report import Reports
    from banyan.store.log import LogBeginning
    from banyan.traces import Timeline, Traces


@dataclass(frozen=True)
class Application:
    """All parts of a running Banyan; to replace one in a test, hand it to ``bootstrap`` or to ``dataclasses.replace``.

    Parameters
    ----------
    queue : WorkQueue
        Where rebuilds wait for their worker.
    functions : Functions
        Take over what is too long for an answer.
    domain_settings : Mapping[str, BaseModel]
        What the domain declared, as it was read.
    """

    settings: Settings
    tables: Tables
    services: Services
    domain: Domain
    gateway: Gateway
    store: EventStore
    views: Views
    projection_states: ProjectionStates
    bus: EventBus
    queue: WorkQueue
    functions: Functions
    notices: Notices
    telemetry: Telemetry
    clock: Clock
    domain_settings: Mapping[str, BaseModel] = field(default_factory=dict)
    queues: Queues = field(default_factory=Queues)

    @cached_property
    def handlers(self) -> Mapping[str, HandlesCommands]:
        """What handles the commands of each entity, with its cache of warm aggregates; a facade during a migration."""
        own = self._own_handlers
        facades = {self.migration.adapter.entity: self.migration.facade} if self.migration else {}
        handlers: Mapping[str, HandlesCommands] = {**own, **facades}
        if not self.domain.decisions:
            return handlers
        from banyan.commands.decisions import Decisions, deciding

        taking_part = {entity: handler.aggregates for entity, handler in own.items() if entity not in facades}
        decisions = Decisions(self.store, taking_part, self._retries, self.telemetry)
        return deciding(handlers, decisions, self.domain.decisions)

    @cached_property
    def ingestor(self) -> Ingestor:
        """What records of a stream, and batches over HTTP, become commands by.

        Raises
        ------
        ConfigurationError
            No domain that is served declares ``ingest``.
        """
        from banyan.commands.ingestor import Ingestor, References

        ingest = self.domain.ingest
        if ingest is None:
            raise ConfigurationError(f"domain {self.domain.name!r} declares no ingest")
        if ingest.reference is None:
            return Ingestor(ingest, None)
        aggregates = self._own_handlers[ingest.reference.entity].aggregates
        return Ingestor(ingest, References(aggregates, self.clock))

    @cached_property
    def parked_records(self) -> ParkedRecords:
        """Where records of a stream wait that were refused."""
        from banyan.adapters.parked_records import SqsParkedRecords

        return SqsParkedRecords(sqs_client, self.queues.ingest_failures)

    @cached_property
    def parked_queue(self) -> ParkedQueue:
        """What an operator does to them."""
        from banyan.adapters.parked_queue import ParkedQueue

        return ParkedQueue(sqs_client, kinesis_client, self.queues.ingest_failures)

    @cached_property
    def migration(self) -> Migration | None:
        """The migration that is on; ``None``, and nothing of it imported, without a legacy system."""
        if self.settings.legacy_store == "off":
            return None
        from banyan.bootstrap.migration import build_migration

        return build_migration(self)

    @cached_property
    def cached_states(self) -> CachedStates:
        """The states of the domain's projections and of the reactor, as this process last read them."""
        names = [projection.name for projection in self.domain.projections]
        return CachedStates(self.projection_states, [*names, REACTOR.projection], self.settings.control_cache_ms)

    @cached_property
    def retry_policy(self) -> RetryPolicy:
        """How failing streams are treated, and where that is announced."""
        from banyan.projections.retries import RetryPolicy

        return RetryPolicy(
            max_retries=self.settings.max_retries,
            backoff_ms=self.settings.backoff_ms,
            breaker_parked_streams=self.settings.breaker_parked_streams,
            clock=self.clock,
            notices=self.notices,
            telemetry=self.telemetry,
        )

    @cached_property
    def processor(self) -> ProjectionProcessor:
        """What keeps the domain's projections up to date."""
        from banyan.projections.processor import ProjectionProcessor

        return ProjectionProcessor(
            self.store,
            self.views,
            self.domain.projections,
            self.domain.deciders,
            states=self.cached_states,
            snapshot_interval=self.settings.snapshot_interval,
            retry_policy=self.retry_policy,
        )

    @cached_property
    def reactor(self) -> Reactor:
        """What lets policies react to events, publishes them and keeps their traces."""
        from banyan.reactions.reactor import Reactor

        return Reactor(self.store, self.views, self._effects, states=self.cached_states, retry_policy=self.retry_policy)

    @cached_property
    def catch_up(self) -> CatchUp:
        """What applies commits that were not delivered to the projector."""
        return self._catch_up(self.processor)

    @cached_property
    def reactor_catch_up(self) -> CatchUp:
        """What lets the reactor catch up with commits that were not delivered."""
        return self._catch_up(self.reactor)

    @cached_property
    def standstill(self) -> Standstill:
        """What reports which streams, projections and rebuilds stand still."""
        return self._standstill(self.processor)

    @cached_property
    def reactor_standstill(self) -> Standstill:
        """The same for the reactor."""
        return self._standstill(self.reactor)

    @cached_property
    def operations(self) -> Operations:
        """What an operator does to projections and to the reactor."""
        from banyan.projections.operations import Operations, StatusReader
        from banyan.projections.processor import StreamProcessor, subscribed
        from banyan.reactions.reactor import reacting

        projections = [subscribed(projection, self.views, self.clock) for projection in self.domain.projections]
        reacts = self.settings.reactions == "on"
        reactions = [reacting(self._effects, self.views, self.clock)] if reacts else []
        projection_states = self.cached_states
        processor = StreamProcessor(
            [*projections, *reactions], self.store, self.views, projection_states, self.retry_policy
        )
        return Operations(
            processor,
            self._catch_up(processor),
            StatusReader(self.store, projection_states, processor.projectors, self.log_checkpoints, self.clock),
            projection_states,
            self.views,
            self.retry_policy,
        )

    @cached_property
    def log_checkpoints(self) -> LogCheckpoints:
        """Up to when the log of all streams is applied."""
        from banyan.projections.catchup import LogCheckpoints

        return LogCheckpoints(self._cursors(LOG_CHECKPOINTS))

    @cached_property
    def deadlines(self) -> WaitingDeadlines:
        """Where commands wait for their time."""
        from banyan.adapters.dynamodb.deadlines import DynamoDBDeadlines

        buckets = LogBuckets(self.gateway, self.tables.events, self.settings.log_buckets)
        return DynamoDBDeadlines(self.gateway, self.tables.deadlines, buckets)

    @cached_property
    def builds(self) -> Builds:
        """Rebuilds of projections, and how far they have come."""
        from banyan.projections.rebuild.builds import Builds

        return Builds(self._cursors(BUILDS), self._cursors(SEGMENTS))

    @cached_property
    def rebuilds(self) -> Rebuilds:
        """What an operator does to generations of projections."""
        from banyan.bootstrap.rebuilds import Rebuilds

        return Rebuilds(self)

    @cached_property
    def rebuild_worker(self) -> RebuildWorker:
        """What works the queue of rebuilds off."""
        from banyan.bootstrap.rebuilds import build_worker

        return build_worker(self)

    @property
    def reconciler(self) -> Reconciler:
        """What compares the generations that are live now."""
        from banyan.bootstrap.reconciliation import build_reconciler

        return build_reconciler(self)

    @property
    def look(self) -> StreamLook:
        """What looks at one stream in every projection."""
        from banyan.bootstrap.reconciliation import build_look

        return build_look(self)

    @cached_property
    def deadline_runner(self) -> DeadlineRunner:
        """What handles the commands whose time has come."""
        from banyan.deadlines.runner import DeadlineRunner

        return DeadlineRunner(
            self.deadlines,
            self.domain.deciders,
            self.handlers,
            max_retries=self.settings.max_retries,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    @cached_property
    def log_beginning(self) -> LogBeginning:
        """When the first commit was recorded."""
        from banyan.store.log import LogBeginning

        return LogBeginning(self.store.table)

    @cached_property
    def digests(self) -> Documents:
        """Digests, marks and progress of the reconciliation."""
        return DynamoDBDocuments(self.gateway, self.tables.digests, CELLS)

    @cached_property
    def reports(self) -> Reports:
        """Reports of the reconciliation."""
        from banyan.adapters.dynamodb.reports import DynamoDBReports

        return DynamoDBReports(self.gateway, self.tables.reports)

    @cached_property
    def publisher(self) -> EventPublisher:
        """What puts the domain's events on the bus."""
        return EventPublisher(self.bus, ClaimChecks(once(s3_client), self.services.claims_bucket), self.domain)

    @cached_property
    def traces(self) -> Traces:
        """What keeps the index of traces."""
        from banyan.adapters.dynamodb.traces import DynamoDBTraces
        from banyan.traces import Traces

        return Traces(DynamoDBTraces(self.gateway, self.tables.traces), self.settings.trace_days)

    @cached_property
    def timeline(self) -> Timeline:
        """What answers which events a request set off."""
        from banyan.adapters.dynamodb.traces import DynamoDBTraces
        from banyan.traces import Timeline

        compensations = {event.event_type() for event in self.domain.compensations}
        return Timeline(DynamoDBTraces(self.gateway, self.tables.traces), self.store, compensations)

    @cached_property
    def _own_handlers(self) -> Mapping[str, CommandHandler[Any, Any]]:
        return {decider.entity: self._handler(decider) for decider in self.domain.deciders}

    @cached_property
    def _retries(self) -> ConflictRetries:
        return ConflictRetries(self.settings.max_retries, self.settings.backoff_ms, self.telemetry)

    def _handler(self, decider: AnyDecider) -> CommandHandler[Any, Any]:
        return CommandHandler(
            self.store,
            decider,
            retries=self._retries,
            cache_size=self.settings.cache_size,
            telemetry=self.telemetry,
        )

    @cached_property
    def _effects(self) -> Sequence[Effect]:
        from banyan.reactions.policies import Policies

        policies = Policies(
            self.domain.policies,
            self.domain.deciders,
            self.store,
            self.handlers,
            self.deadlines,
            deadline_durations(self.domain_settings.values()),
            self.telemetry,
        )
        traces = [self.traces] if self.settings.traces == "on" else []
        publishes = self.services.event_bus and self.domain.published
        return [*traces, policies, *([self.publisher] if publishes else [])]

    def _standstill(self, processor: StreamProcessor) -> Standstill:
        from banyan.projections.operations import Standstill

        return Standstill(processor.projectors, self.cached_states, self.builds, self.clock, self.telemetry)

    def _cursors(self, layout: Layout) -> Documents:
        return DynamoDBDocuments(self.gateway, self.tables.cursors, layout)

    def _catch_up(self, processor: StreamProcessor) -> CatchUp:
        from banyan.projections.catchup import CatchUp

        return CatchUp(processor, self.store, self.log_checkpoints, self.clock, self.telemetry)


def bootstrap(
    environ: Mapping[str, str] | None = None,
    *,
    client: Callable[[], DynamoDBClient] = dynamodb_client,
    queue: WorkQueue | None = None,
    functions: Functions | None = None,
    notices: Notices | None = None,
    telemetry: Telemetry | None = None,
    clock: Clock = utc_now,
) -> Application:
    """Build the application.

    Parameters
    ----------
    environ : Mapping[str, str], optional
        The process environment unless given.
    client, queue, functions, notices, telemetry, clock
        Replace the defaults, in tests.

    Raises
    ------
    ConfigurationError
        When a setting does not fit, the domain cannot be loaded, or it needs the reactor that is off.
    """
    environ = os.environ if environ is None else environ
    settings, tables, services = Settings.from_env(environ), Tables.from_env(environ), Services.from_env(environ)
    queues = Queues.from_env(environ)
    domain = load_domain(settings.domain)
    check_reactions(settings, domain)
    domain_settings = read_domain_settings(domain, environ)
    gateway = Gateway(client())
    ClockWatch(clock, telemetry or NoTelemetry()).watch(gateway.client)
    store = EventStore(
        DynamoDBTable(gateway, tables.events, settings.log_buckets),
        _registry(settings, domain),
        clock,
        snapshot_interval=settings.snapshot_interval,
    )
    views = DynamoDBViews(gateway, tables.views, tables.cursors)
    bus = EventBus(once(events_client), services.event_bus, settings.bus_entry_bytes)
    return Application(
        settings=settings,
        tables=tables,
        services=services,
        domain=domain.with_settings(domain_settings),
        gateway=gateway,
        store=store,
        views=views,
        projection_states=ProjectionStates(DynamoDBDocuments(gateway, tables.cursors, STATES)),
        bus=bus,
        queue=queue or SqsWorkQueue(sqs_client, queues.rebuild),
        functions=functions or LambdaFunctions(lambda_client, FunctionNames.from_env(environ)),
        notices=notices or (EventBridgeNotices(bus) if services.event_bus else NoNotices()),
        telemetry=telemetry or NoTelemetry(),
        clock=clock,
        domain_settings=domain_settings,
        queues=queues,
    )


def _registry(settings: Settings, domain: Domain) -> EventRegistry:
    """The domain's events, and those of its migration while there is one."""
    if settings.legacy_store == "off":
        return domain.registry
    from banyan.migration.phases.aggregate import REGISTRY

    return domain.registry.including(REGISTRY)
