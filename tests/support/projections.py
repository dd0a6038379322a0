"""Two projections of accounts, and a runner over tables in memory unless others are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.support.clocks import ManualClock, RecordedNotices, no_sleep
from tests.support.ledger import ACCOUNTS, REGISTRY, Deposited, Withdrawn

from banyan.events import CamelModel, DomainEvent, Event
from banyan.projections.base import (
    Add,
    Entities,
    Lookup,
    Projection,
    Put,
    Remove,
    RowWrite,
    StreamProjection,
    ViewProjection,
)
from banyan.projections.catchup import CatchUp, LogCheckpoints
from banyan.projections.check import ViewFold, fold_row
from banyan.projections.memory import MemoryViews
from banyan.projections.operations import Operations, StatusReader
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.projections.state import CachedStates, ProjectionStates
from banyan.projections.views import FailureRecord, Generation, StateRow, ViewKey, ViewRow, Views
from banyan.store import Commit, CommitTable, EventStore, Expected
from banyan.store.memory import MemoryTable
from banyan.streams import BEGINNING_OF_TIME, StreamId

POISON = "poison"
BREAKER_LIMIT = 3


class Balance(CamelModel):
    total: int = 0
    amounts: tuple[int, ...] = ()


class Cured:
    """Whether the code that trips over poisoned events has been mended."""

    def __init__(self) -> None:
        self.cured = False

    def check(self, event: Event) -> None:
        if isinstance(event.payload, Deposited) and event.payload.note == POISON and not self.cured:
            raise KeyError(f"no account for {event.payload.note}")


def balances(cured: Cured, entity: Entities = "account") -> StreamProjection[Balance]:
    """One row per account, with every amount in order."""

    def evolve(balance: Balance, event: Event) -> Balance:
        cured.check(event)
        amount = signed(event.payload)
        return Balance(total=balance.total + amount, amounts=(*balance.amounts, amount))

    lookups: list[Lookup[Balance]] = [Lookup("all", lambda _: "all", lambda balance: f"{balance.total:09d}")]
    return StreamProjection("balances", entity, Balance, Balance, evolve, lookups)


def turnover(cured: Cured, entity: Entities = "account") -> ViewProjection:
    """Sums over all accounts of a tenant, and the accounts whose last movement was a deposit."""

    def apply(event: Event) -> Sequence[RowWrite]:
        cured.check(event)
        payload, account = event.payload, event.stream_id.id
        if isinstance(payload, Deposited):
            sums = [Add("sums", payload.note, {"in": payload.amount, "count": 1})]
            return [*sums, Put("growing", account, {"amount": payload.amount})]
        return [Add("sums", "", {"out": -signed(payload)}), Remove("growing", account)]

    return ViewProjection("turnover", entity, apply)


def signed(payload: DomainEvent) -> int:
    """What a movement adds to the balance."""
    return (
        payload.amount if isinstance(payload, Deposited) else -payload.amount if isinstance(payload, Withdrawn) else 0
    )


class CountingTelemetry:
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.durations: list[tuple[str, float]] = []
        self.gauges: dict[tuple[str, str], float] = {}

    def count(self, name: str, value: int = 1) -> None:
        self.counts[name] += value

    def duration(self, name: str, milliseconds: float) -> None:
        self.durations.append((name, milliseconds))

    def gauge(self, name: str, value: float, of: str = "") -> None:
        self.gauges[name, of] = value


class Ledger:
    """Accounts, both their projections, and a runner that sleeps by moving the clock."""

    def __init__(
        self,
        views: Views | None = None,
        table: CommitTable | None = None,
        snapshot_interval: int = 1000,
        projection_states: ProjectionStates | None = None,
        checkpoints: LogCheckpoints | None = None,
        entity: Entities = "account",
    ) -> None:
        self.clock = ManualClock()
        self.store = EventStore(table or MemoryTable(), REGISTRY, self.clock, no_sleep)
        self.views = views or MemoryViews()
        self.projection_states = projection_states or ProjectionStates()
        self.notices = RecordedNotices()
        self.telemetry = CountingTelemetry()
        self.waits: list[float] = []
        self.cured = Cured()
        self.balances, self.turnover = balances(self.cured, entity), turnover(self.cured, entity)
        self.projections: Sequence[Projection] = [self.balances, self.turnover]
        self.snapshot_interval = snapshot_interval
        self.checkpoints = checkpoints or LogCheckpoints()
        self.cached = CachedStates(self.projection_states, ["balances", "turnover"], 0)
        self.runner = self.make_runner()

    def make_runner(self) -> ProjectionProcessor:
        """Another runner over the same tables, as in a second container."""
        return ProjectionProcessor(
            self.store,
            self.views,
            self.projections,
            [ACCOUNTS],
            states=self.cached,
            snapshot_interval=self.snapshot_interval,
            retry_policy=self.retry_policy,
        )

    @property
    def retry_policy(self) -> RetryPolicy:
        """Two retries, and everything that is announced is kept."""
        return RetryPolicy(
            max_retries=2,
            breaker_parked_streams=BREAKER_LIMIT,
            clock=self.clock,
            sleep=self.sleep,
            notices=self.notices,
            telemetry=self.telemetry,
        )

    @property
    def catch_up(self) -> CatchUp:
        """What catches accounts up whose commits were not delivered."""
        return CatchUp(self.runner, self.store, self.checkpoints, self.clock, self.telemetry)

    @property
    def operations(self) -> Operations:
        """What an operator does."""
        projectors = self.runner.projectors
        return Operations(
            self.runner,
            self.catch_up,
            StatusReader(self.store, self.cached, projectors, self.checkpoints, self.clock),
            self.cached,
            self.views,
            self.retry_policy,
        )

    def soon(self) -> datetime:
        """A deadline that is not reached."""
        return self.clock.now + timedelta(hours=1)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.clock.move(timedelta(seconds=seconds))

    def append(self, stream: StreamId, *events: DomainEvent) -> tuple[Commit, ...]:
        """Append one commit and return its parts."""
        before = self.store.head(stream)
        self.store.append(stream, Expected.ANY, list(events))
        return tuple(self.store.commits(stream, before))

    def commit(self, stream: StreamId, *events: DomainEvent) -> Commit:
        """Append one commit that fits into one item."""
        (commit,) = self.append(stream, *events)
        return commit

    def balance(self, stream: StreamId) -> StateRow | None:
        """The account's row."""
        return self.views.states(Generation("balances"), [stream]).get(stream)

    def checkpoint(self, stream: StreamId) -> int:
        """How far the account has gone through ``turnover``."""
        return self.views.checkpoints(Generation("turnover"), [stream]).get(stream, 0)

    def failure(self, projection: str, stream: StreamId) -> FailureRecord | None:
        """Why the account stands still in a projection."""
        return self.views.failure(Generation(projection), stream)

    def turnover_rows(self) -> dict[ViewKey, ViewRow]:
        """Rows of ``turnover``, without the times that depend on how the batches were cut."""
        return timeless(dict(self.views.all_rows(Generation("turnover"))))

    def expected_balance(self, stream: StreamId, upto: int | None = None) -> StateRow | None:
        """The account's row by a fold."""
        return fold_row(self.balances, self.store, stream, upto)

    def expected_turnover(self, upto: dict[StreamId, int] | None = None) -> dict[ViewKey, ViewRow]:
        """Rows of ``turnover`` by a fold over all accounts, or over the first events of some."""
        fold = ViewFold(self.turnover, self.store)
        for stream in self.store.streams() if upto is None else upto:
            fold.apply(stream, None if upto is None else upto[stream])
        return timeless(dict(fold.rows()))


def timeless(rows: dict[ViewKey, ViewRow]) -> dict[ViewKey, ViewRow]:
    """Rows without their times."""
    return {
        key: ViewRow(row.partition, row.sort, row.fields, row.version, BEGINNING_OF_TIME, BEGINNING_OF_TIME)
        for key, row in rows.items()
    }


def same(row: StateRow | None, expected: StateRow | None) -> bool:
    """Whether two rows of a stream are equal but for when they were written."""
    if row is None or expected is None:
        return row is expected
    return (row.version, row.recorded_at, row.state, row.lookups) == (
        expected.version,
        expected.recorded_at,
        expected.state,
        expected.lookups,
    )
