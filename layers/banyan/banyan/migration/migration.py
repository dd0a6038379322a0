"""The migration of one entity: everything that it consists of, put together once for each process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, Protocol, runtime_checkable

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.commands.handler import CommandHandler
from banyan.decider import AnyDecider
from banyan.domain import Domain
from banyan.errors import ConfigurationError
from banyan.migration.archive.manifest import ArchiveObjects
from banyan.migration.archive.tables import LegacyTables
from banyan.migration.archive.worker import Archives, ArchiveWorker
from banyan.migration.checks.completion import Completion
from banyan.migration.checks.health import Limits, Observer
from banyan.migration.checks.reads import SampledReads
from banyan.migration.checks.usage import FacadeUsage, LegacyUsageMonitor
from banyan.migration.checks.verification import RowVerification
from banyan.migration.documents import MigrationDocuments
from banyan.migration.phases.controller import Controller
from banyan.migration.phases.phases import Phases
from banyan.migration.phases.transitions import Guard, PhaseTransitions
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import AnyRepository, Outbox
from banyan.migration.sync.backfill import Backfill
from banyan.migration.sync.backlog import LegacySync, SyncBacklog
from banyan.migration.sync.cutover import Cutover, OutboxCutover, TransactionalCutover
from banyan.migration.sync.relay import Relay, RelayedAtOnce
from banyan.migration.writes.event_led import EventLed, LedTable
from banyan.migration.writes.facade import Facade, WritePath
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.migration.writes.parked import HalfDone, Parked, ParkedRow
from banyan.migration.writes.primary import DynamoDBPrimary
from banyan.migration.writes.transactional import DualWriteTable, TransactionalDualWrite
from banyan.store import CommitTable, EventStore
from banyan.store.eventstore import Clock, utc_now
from banyan.store.reader import SNAPSHOT_INTERVAL
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry

RECOVERY_SECONDS: Final = 15.0
"""In which what is half done is completed at once; the rest is left to the next time."""


@dataclass(frozen=True, slots=True)
class LegacySystem:
    """A legacy system, as one of ``stores`` reaches it.

    Parameters
    ----------
    tables : LegacyTables
        What is archived of it in the end.
    outbox : Outbox, optional
        Of one whose own transactions decide while it is primary. Without it, and on DynamoDB, its items change in the
        transactions of the event table.
    """

    repository: AnyRepository
    tables: LegacyTables
    outbox: Outbox | None = None


@runtime_checkable
class Closes(Protocol):
    """Holds something open."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True)
class Migration:
    """A migration that can run.

    Parameters
    ----------
    adapter : LegacyAdapter
        Of the entity that is migrated; the domain names it.
    events : DynamoDBTable
        The event table.
    table : str
        The table that keeps which side is primary, documents and samples.
    limits : Limits
        When to move.
    objects : ArchiveObjects, optional
        Where archives lie; given to the one process that writes them.
    ticks : Callable[[], float]
        Seconds since some moment.
    """

    legacy: LegacySystem
    adapter: AnyAdapter
    domain: Domain
    events: DynamoDBTable
    gateway: Gateway
    table: str
    limits: Limits = field(default_factory=Limits)
    objects: ArchiveObjects | None = None
    clock: Clock = utc_now
    telemetry: Telemetry = field(default_factory=NoTelemetry)
    snapshot_interval: int = SNAPSHOT_INTERVAL
    ticks: Callable[[], float] = time.monotonic

    @property
    def entity(self) -> str:
        """The entity that is migrated."""
        return self.adapter.entity

    @property
    def repository(self) -> AnyRepository:
        """Rows of the legacy system."""
        return self.legacy.repository

    @cached_property
    def phases(self) -> Phases:
        """Where the migration stands."""
        return Phases(self.events, self.entity, self.clock)

    @cached_property
    def documents(self) -> MigrationDocuments:
        """What it remembers besides its events."""
        return MigrationDocuments.on_dynamodb(self.gateway, self.table, self.entity)

    @cached_property
    def samples(self) -> SampledReads:
        """What compared reads showed."""
        return SampledReads(self.gateway, self.table, self.entity)

    @cached_property
    def primary(self) -> DynamoDBPrimary:
        """Which side is primary, as transactions on the event table check it."""
        return DynamoDBPrimary(self.gateway, self.table, self.entity)

    @cached_property
    def decider(self) -> AnyDecider:
        """Decides commands on the entity."""
        return self.domain.decider(self.entity)

    @cached_property
    def store(self) -> EventStore:
        """The event store without a check of which side is primary."""
        return self._store(self.events)

    @cached_property
    def parked(self) -> Parked | None:
        """Rows that one side cannot bring up to date; only with an outbox."""
        return Parked(self.documents, self.clock) if self.legacy.outbox else None

    @cached_property
    def relay(self) -> Relay | None:
        """Brings what the legacy system decided into the event table; only with an outbox."""
        if self.legacy.outbox is None or self.parked is None:
            return None
        return Relay(self.legacy.outbox, self.store, self.adapter, self.parked, self.telemetry)

    @cached_property
    def backlog(self) -> SyncBacklog:
        """Streams whose changes have not reached the legacy system yet."""
        return SyncBacklog(self.gateway, self.table, self.entity)

    @cached_property
    def legacy_sync(self) -> LegacySync | None:
        """Brings what was appended into the legacy system; only with an outbox."""
        if self.parked is None:
            return None
        return LegacySync(self.repository, self.store, self.adapter, self.decider, self.backlog, self.parked)

    @cached_property
    def importer(self) -> LegacyLed | TransactionalDualWrite:
        """Handles commands on both sides while the legacy system is primary, and imports rows into their streams."""
        return self._legacy_led(dual=True) if self.legacy.outbox else self._dual_write()

    @cached_property
    def facade(self) -> Facade:
        """Handles commands, whichever side is primary."""
        return Facade(self.phases, self._paths(), self.usage, self.telemetry)

    @cached_property
    def verification(self) -> RowVerification:
        """Compares rows with their streams."""
        return RowVerification(self.repository, self.store, self.adapter, self._settle, self.documents, self.clock)

    @cached_property
    def usage(self) -> FacadeUsage:
        """When the facade last used the legacy system."""
        return FacadeUsage(self.documents, self.clock)

    @cached_property
    def monitor(self) -> LegacyUsageMonitor:
        """Looks for any use of a legacy system that was given up."""
        tables = self.legacy.tables
        return LegacyUsageMonitor(tables, self.phases, self.usage, self.recover, self.documents, self.clock)

    @cached_property
    def archives(self) -> Archives:
        """What was archived, and what is to be."""
        return Archives(self.legacy.tables, self.phases, self.documents, self.clock)

    @cached_property
    def archive_worker(self) -> ArchiveWorker:
        """Writes and restores archives. Raises ``ConfigurationError``."""
        if self.objects is None:
            raise ConfigurationError("ARCHIVE_BUCKET is missing")
        return ArchiveWorker(self.archives, self.objects, self.clock)

    @cached_property
    def completion(self) -> Completion:
        """Says whether the migration may be completed."""
        return Completion(self.archives, self.monitor, self.limits.quiet, self.clock)

    @cached_property
    def transitions(self) -> PhaseTransitions:
        """Moves the migration."""
        guard = Guard(self.recover, self.verification, self.completion)
        return PhaseTransitions(self.phases, self._cutover(), guard, self.clock)

    @cached_property
    def backfill(self) -> Backfill:
        """Imports the rows that no stream knows."""
        return Backfill(self.repository, self.importer, self.recover, self.phases, self.documents)

    @cached_property
    def controller(self) -> Controller:
        """Moves a healthy migration on, and a sick one back."""
        return Controller(self)

    @cached_property
    def observer(self) -> Observer:
        """Shows the migration to people."""
        return Observer(self)

    def recover(self) -> int:
        """Complete what was left half done, as far as there is time; how much is still left."""
        deadline = self.ticks() + RECOVERY_SECONDS
        return sum(part.all(lambda: self.ticks() < deadline) for part in (self.relay, self.legacy_sync) if part)

    def half_done(self, limit: int) -> list[HalfDone]:
        """Writes that one side does not have yet, the oldest first; none on a legacy system without an outbox."""
        found = [each for part in (self.relay, self.legacy_sync) if part for each in part.half_done(limit)]
        return sorted(found, key=lambda each: each.since)[:limit]

    def parked_rows(self) -> list[ParkedRow]:
        """Rows that cannot be brought up to date, the oldest first. Raises ``StoreUnavailable``."""
        return sorted(self.parked.all(), key=lambda each: each.since) if self.parked else []

    def lag_ms(self, now: datetime) -> int:
        """Age of the oldest write that one side is about to get, ms; 0 when there is none."""
        oldest = [part.oldest() for part in (self.relay, self.legacy_sync) if part]
        ages = [now - moment for moment in oldest if moment]
        return max((round(age / timedelta(milliseconds=1)) for age in ages), default=0)

    def close(self) -> None:
        """Let go of connections; a process that ends need not."""
        if isinstance(self.repository, Closes):
            self.repository.close()

    def _store(self, table: CommitTable) -> EventStore:
        return EventStore(table, self.domain.registry, self.clock, snapshot_interval=self.snapshot_interval)

    def _handler(self, table: CommitTable) -> CommandHandler[Any, Any]:
        return CommandHandler(self._store(table), self.decider, telemetry=self.telemetry)

    def _legacy_led(self, *, dual: bool) -> LegacyLed:
        registry, parked = self.domain.registry, self.parked
        return LegacyLed(self.repository, self.adapter, self.decider, registry, self.clock, dual=dual, parked=parked)

    def _dual_write(self) -> TransactionalDualWrite:
        legacy: Any = self.repository
        handler = self._handler(DualWriteTable(self.events, legacy, self.adapter, self.domain.registry))
        registry = self.domain.registry
        return TransactionalDualWrite(handler, self.decider, self.events, legacy, self.adapter, registry, self.clock)

    def _paths(self) -> Mapping[str, WritePath]:
        dual: WritePath = self.importer
        led = dual
        if isinstance(self.importer, LegacyLed) and self.relay and self.legacy_sync:
            dual = RelayedAtOnce(self.importer, self.relay)
            handler = self._handler(LedTable(self.events, self.primary, self.backlog))
            led = EventLed(handler, self.legacy_sync, self.clock)
        alone = self._handler(self.events)
        return {"legacy": self._legacy_led(dual=False), "dual": dual, "led": led, "events": alone}

    def _cutover(self) -> Cutover:
        if isinstance(self.importer, LegacyLed) and self.relay and self.legacy_sync and self.parked:
            parts = (self.importer, self.relay, self.legacy_sync, self.parked)
            return OutboxCutover(self.repository, self.primary, *parts)
        return TransactionalCutover(self.primary)

    def _settle(self, stream: StreamId) -> None:
        """Complete what is half done on one stream."""
        for part in (self.relay, self.legacy_sync):
            if part:
                part.attempt(stream)
