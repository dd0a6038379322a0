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
from banyan.migration.checks.usage import Usage
from banyan.migration.checks.usage_monitor import Watch
from banyan.migration.checks.verification import Verification
from banyan.migration.phases.guard import Guard
from banyan.migration.phases.phases import Phases
from banyan.migration.phases.transitions import Mover
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.dynamodb import DynamoDBLegacy
from banyan.migration.stores.legacy import AnyRepository, Outbox
from banyan.migration.stores.notes import Notes
from banyan.migration.sync.backlog import Unfollowed
from banyan.migration.sync.cutover import OutboxTurn, PairedTurn
from banyan.migration.sync.relay import Relay, RelayedAtOnce
from banyan.migration.writes.event_led import EventLed, Follower, LedTable
from banyan.migration.writes.facade import Facade, Path
from banyan.migration.writes.half_done import HalfDone
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.migration.writes.parked import Parked, ParkedRow
from banyan.migration.writes.primary_dynamodb import DynamoDBLead
from banyan.migration.writes.transactional import Paired, PairedTable
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
    lead : DynamoDBLead
    notes : Notes
    samples : SampledReads
    clock : Callable[[], datetime]
    telemetry : Telemetry
    quiet : timedelta
        How long nobody must have used the legacy system before the migration is complete.
    """

    table: DynamoDBTable
    registry: EventRegistry
    decider: AnyDecider
    adapter: AnyAdapter
    lead: DynamoDBLead
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
    watch : Watch
    completion : Completion
    usage : Usage
    """

    archives: Archives
    watch: Watch
    completion: Completion
    usage: Usage

    @classmethod
    def of(cls, ground: Ground, phases: Phases, tables: LegacyTables, half_done: Callable[[], int]) -> End:
        """The end of a migration on its ground."""
        usage = Usage(ground.notes, ground.clock)
        watch = Watch(tables, phases, usage, half_done, ground.notes, ground.clock)
        archives = Archives(tables, phases, ground.notes, ground.clock)
        return cls(archives, watch, Completion(archives, watch, ground.quiet, ground.clock), usage)


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
    mover : Mover
    aligner : LegacyLed | Paired
        Tells streams of rows: ``align``.
    verification : Verification
    end : End
    relay : Relay, optional
    follower : Follower, optional
    parked : Parked, optional
        All three of a legacy system with an outbox only.
    """

    adapter: AnyAdapter
    notes: Notes
    samples: SampledReads
    repository: AnyRepository
    phases: Phases
    facade: Facade
    mover: Mover
    aligner: LegacyLed | Paired
    verification: Verification
    end: End
    relay: Relay | None = None
    follower: Follower | None = None
    parked: Parked | None = None

    def recover(self) -> int:
        """Complete what was left half done.

        Returns
        -------
        int
            What is still left.
        """
        return completed(self.relay, self.follower)

    def half_done(self, limit: int) -> list[HalfDone]:
        """Writes that one side does not have yet, the oldest first; none on a legacy system without an outbox."""
        found = [each for part in (self.relay, self.follower) if part for each in part.half_done(limit)]
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
        oldest = [part.oldest() for part in (self.relay, self.follower) if part]
        ages = [now - moment for moment in oldest if moment]
        return max((round(age / timedelta(milliseconds=1)) for age in ages), default=0)


def completed(*parts: Relay | Follower | None) -> int:
    """Let each complete what was left half done; what is still left."""
    return sum(part.all() for part in parts if part)


def with_outbox(
    ground: Ground, repository: AnyRepository, outbox: Outbox, unfollowed: Unfollowed, tables: LegacyTables
) -> Parts:
    """A legacy system that leads with its own transactions."""
    phases = Phases(ground.table, ground.adapter.entity, ground.clock)
    parked = Parked(ground.notes, ground.clock)
    led = ground.legacy_led(repository, dual=True, parked=parked)
    relay = Relay(outbox, ground.store(), ground.adapter, parked, ground.telemetry)
    follower = Follower(repository, ground.store(), ground.adapter, ground.decider, unfollowed, parked)
    paths: dict[str, Path] = {
        "legacy": ground.legacy_led(repository, dual=False, parked=parked),
        "dual": RelayedAtOnce(led, relay),
        "led": EventLed(ground.handler(LedTable(ground.table, ground.lead, unfollowed)), follower, ground.clock),
        "events": ground.handler(),
    }

    def settle(stream: StreamId) -> None:
        relay.attempt(stream)
        follower.attempt(stream)

    def half_done() -> int:
        return completed(relay, follower)

    end = End.of(ground, phases, tables, half_done)
    verification = ground.verification(repository, settle)
    turn = OutboxTurn(repository, ground.lead, led, relay, follower, parked)
    return Parts(
        ground.adapter,
        ground.notes,
        ground.samples,
        repository,
        phases,
        Facade(phases, paths, end.usage, ground.telemetry),
        Mover(phases, turn, Guard(half_done, verification, end.completion), ground.clock),
        led,
        verification,
        end,
        relay,
        follower,
        parked,
    )


def with_shared_transactions(ground: Ground, legacy: DynamoDBLegacy[Any], tables: LegacyTables) -> Parts:
    """A legacy system on DynamoDB, whose items change together with the commits."""
    phases = Phases(ground.table, ground.adapter.entity, ground.clock)
    paired_table = PairedTable(ground.table, legacy, ground.adapter, ground.registry)
    paired = Paired(
        ground.handler(paired_table),
        ground.decider,
        ground.table,
        legacy,
        ground.adapter,
        ground.registry,
        ground.clock,
    )
    paths: dict[str, Path] = {
        "legacy": ground.legacy_led(legacy, dual=False),
        "dual": paired,
        "led": paired,
        "events": ground.handler(),
    }
    end = End.of(ground, phases, tables, completed)
    verification = ground.verification(legacy, lambda _: None)
    facade = Facade(phases, paths, end.usage, ground.telemetry)
    mover = Mover(phases, PairedTurn(ground.lead), Guard(completed, verification, end.completion), ground.clock)
    return Parts(ground.adapter, ground.notes, ground.samples, legacy, phases, facade, mover, paired, verification, end)
