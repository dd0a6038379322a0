"""The parts of a migration, put together for one entity and the kind of its legacy system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from banyan.adapters.dynamodb.commits import DynamoDBTable
from banyan.commands.handler import CommandHandler
from banyan.decider import AnyDecider
from banyan.migration.archive.archives import Archives
from banyan.migration.archive.tables import LegacyTables
from banyan.migration.checks.completion import Completion
from banyan.migration.checks.samples import SampledReads
from banyan.migration.checks.usage import FacadeUsage
from banyan.migration.checks.usage_monitor import LegacyUsageMonitor
from banyan.migration.checks.verification import Verification
from banyan.migration.phases.guard import Guard
from banyan.migration.phases.phases import Phases
from banyan.migration.phases.transitions import PhaseTransitions
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.dynamodb import DynamoDBLegacy
from banyan.migration.stores.legacy import AnyRepository, Outbox
from banyan.migration.stores.notes import Notes
from banyan.migration.sync.backlog import SyncBacklog
from banyan.migration.sync.cutover import OutboxCutover, TransactionalCutover
from banyan.migration.sync.relay import Relay, RelayedAtOnce
from banyan.migration.writes.event_led import EventLed, LedTable, LegacySync
from banyan.migration.writes.facade import Facade, WritePath
from banyan.migration.writes.half_done import HalfDone
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.migration.writes.parked import Parked, ParkedRow
from banyan.migration.writes.primary_dynamodb import DynamoDBPrimary
from banyan.migration.writes.transactional import DualWriteTable, TransactionalDualWrite
from banyan.store import CommitTable, EventStore
from banyan.store.eventstore import Clock
from banyan.streams import StreamId
from banyan.telemetry import Telemetry
from banyan.upcasting import EventRegistry


@dataclass(frozen=True, slots=True)
class Ground:
    """What a migration stands on.

    Parameters
    ----------
    table : DynamoDBTable
        The event table.
    registry : EventRegistry
    decider : Decider
    adapter : LegacyAdapter
    primary : DynamoDBPrimary
    notes : Notes
    samples : SampledReads
    clock : Callable[[], datetime]
    telemetry : Telemetry
    quiet : timedelta
        How long the legacy system must not have been used before the migration is complete.
    """

    table: DynamoDBTable
    registry: EventRegistry
    decider: AnyDecider
    adapter: AnyAdapter
    primary: DynamoDBPrimary
    notes: Notes
    samples: SampledReads
    clock: Clock
    telemetry: Telemetry
    quiet: timedelta = timedelta(hours=24)

    def store(self, table: CommitTable | None = None) -> EventStore:
        """An event store, on the event table unless another is given."""
        return EventStore(table or self.table, self.registry, self.clock)

    def handler(self, table: CommitTable | None = None) -> CommandHandler[Any, Any]:
        """A command handler on such a store."""
        return CommandHandler(self.store(table), self.decider, telemetry=self.telemetry)

    def legacy_led(self, repository: AnyRepository, *, dual: bool, parked: Parked | None = None) -> LegacyLed:
        """Commands that the legacy system decides."""
        return LegacyLed(repository, self.adapter, self.decider, self.registry, self.clock, dual=dual, parked=parked)

    def verification(self, repository: AnyRepository, settle: Callable[[StreamId], None]) -> Verification:
        """What compares rows with their streams."""
        return Verification(repository, self.store(), self.adapter, settle, self.notes, self.clock)


@runtime_checkable
class Closes(Protocol):
    """Holds something open."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class End:
    """What ends a migration.

    Parameters
    ----------
    archives : Archives
    monitor : LegacyUsageMonitor
    completion : Completion
    usage : FacadeUsage
    """

    archives: Archives
    monitor: LegacyUsageMonitor
    completion: Completion
    usage: FacadeUsage

    @classmethod
    def of(cls, ground: Ground, phases: Phases, tables: LegacyTables, half_done: Callable[[], int]) -> End:
        """The end of a migration on its ground."""
        usage = FacadeUsage(ground.notes, ground.clock)
        monitor = LegacyUsageMonitor(tables, phases, usage, half_done, ground.notes, ground.clock)
        archives = Archives(tables, phases, ground.notes, ground.clock)
        return cls(archives, monitor, Completion(archives, monitor, ground.quiet, ground.clock), usage)


@dataclass(frozen=True, slots=True)
class Parts:
    """A migration that can run.

    Parameters
    ----------
    adapter : LegacyAdapter
    notes : Notes
    samples : SampledReads
    repository : LegacyRepository
    phases : Phases
    facade : Facade
    transitions : PhaseTransitions
    importer : LegacyLed | TransactionalDualWrite
        Tells streams of rows: ``align``.
    verification : Verification
    end : End
    relay : Relay, optional
    legacy_sync : LegacySync, optional
    parked : Parked, optional
        All three of a legacy system with an outbox only.
    """

    adapter: AnyAdapter
    notes: Notes
    samples: SampledReads
    repository: AnyRepository
    phases: Phases
    facade: Facade
    transitions: PhaseTransitions
    importer: LegacyLed | TransactionalDualWrite
    verification: Verification
    end: End
    relay: Relay | None = None
    legacy_sync: LegacySync | None = None
    parked: Parked | None = None

    def recover(self) -> int:
        """Complete what was left half done.

        Returns
        -------
        int
            What is still left.
        """
        return completed(self.relay, self.legacy_sync)

    def half_done(self, limit: int) -> list[HalfDone]:
        """Writes that one side does not have yet, the oldest first; none on a legacy system without an outbox."""
        found = [each for part in (self.relay, self.legacy_sync) if part for each in part.half_done(limit)]
        return sorted(found, key=lambda each: each.since)[:limit]

    def parked_rows(self) -> list[ParkedRow]:
        """Rows that stand in their own way, the oldest first. Raises ``StoreUnavailable``."""
        return sorted(self.parked.all(), key=lambda each: each.since) if self.parked else []

    def close(self) -> None:
        """Let go of connections; a process that ends need not."""
        if isinstance(self.repository, Closes):
            self.repository.close()

    def lag_ms(self, now: datetime) -> int:
        """Age of the oldest write that one side is about to get, ms; 0 when there is none."""
        oldest = [part.oldest() for part in (self.relay, self.legacy_sync) if part]
        ages = [now - moment for moment in oldest if moment]
        return max((round(age / timedelta(milliseconds=1)) for age in ages), default=0)


def completed(*parts: Relay | LegacySync | None) -> int:
    """Let each complete what was left half done; what is still left."""
    return sum(part.all() for part in parts if part)


def with_outbox(
    ground: Ground, repository: AnyRepository, outbox: Outbox, backlog: SyncBacklog, tables: LegacyTables
) -> Parts:
    """A legacy system with an outbox of its own."""
    phases = Phases(ground.table, ground.adapter.entity, ground.clock)
    parked = Parked(ground.notes, ground.clock)
    led = ground.legacy_led(repository, dual=True, parked=parked)
    relay = Relay(outbox, ground.store(), ground.adapter, parked, ground.telemetry)
    legacy_sync = LegacySync(repository, ground.store(), ground.adapter, ground.decider, backlog, parked)
    paths: dict[str, WritePath] = {
        "legacy": ground.legacy_led(repository, dual=False, parked=parked),
        "dual": RelayedAtOnce(led, relay),
        "led": EventLed(ground.handler(LedTable(ground.table, ground.primary, backlog)), legacy_sync, ground.clock),
        "events": ground.handler(),
    }

    def settle(stream: StreamId) -> None:
        relay.attempt(stream)
        legacy_sync.attempt(stream)

    def half_done() -> int:
        return completed(relay, legacy_sync)

    end = End.of(ground, phases, tables, half_done)
    verification = ground.verification(repository, settle)
    cutover = OutboxCutover(repository, ground.primary, led, relay, legacy_sync, parked)
    return Parts(
        ground.adapter,
        ground.notes,
        ground.samples,
        repository,
        phases,
        Facade(phases, paths, end.usage, ground.telemetry),
        PhaseTransitions(phases, cutover, Guard(half_done, verification, end.completion), ground.clock),
        led,
        verification,
        end,
        relay,
        legacy_sync,
        parked,
    )


def with_shared_transactions(ground: Ground, legacy: DynamoDBLegacy[Any], tables: LegacyTables) -> Parts:
    """A legacy system on DynamoDB, whose items change together with the commits."""
    phases = Phases(ground.table, ground.adapter.entity, ground.clock)
    dual_write_table = DualWriteTable(ground.table, legacy, ground.adapter, ground.registry)
    dual_write = TransactionalDualWrite(
        ground.handler(dual_write_table),
        ground.decider,
        ground.table,
        legacy,
        ground.adapter,
        ground.registry,
        ground.clock,
    )
    paths: dict[str, WritePath] = {
        "legacy": ground.legacy_led(legacy, dual=False),
        "dual": dual_write,
        "led": dual_write,
        "events": ground.handler(),
    }
    end = End.of(ground, phases, tables, completed)
    verification = ground.verification(legacy, lambda _: None)
    facade = Facade(phases, paths, end.usage, ground.telemetry)
    transitions = PhaseTransitions(
        phases, TransactionalCutover(ground.primary), Guard(completed, verification, end.completion), ground.clock
    )
    return Parts(
        ground.adapter, ground.notes, ground.samples, legacy, phases, facade, transitions, dual_write, verification, end
    )
