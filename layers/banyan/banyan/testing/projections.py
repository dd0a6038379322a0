"""Given / then for projections: the rows that events make, in whatever way they are delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from banyan.events import DomainEvent, EventRegistry, Metadata
from banyan.projections.base import (
    AnyRowsProjection,
    AnyStreamProjection,
    Projection,
    RowsProjection,
    StreamProjection,
    Value,
    ViewProjection,
)
from banyan.projections.check import ViewFold, fold_state
from banyan.projections.memory import MemoryViews
from banyan.projections.owned import StreamRows, fold_owned, read_row, stored_rows
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Generation, Views
from banyan.store import Commit, EventStore, Expected
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from banyan.testing.specs import assert_same

T = TypeVar("T")

SHUFFLES: Final = 5


def deliveries(commits: Sequence[T]) -> Iterator[tuple[str, Sequence[Sequence[T]]]]:
    """Name each way and give its batches; every stream's last commit arrives in each of them.

    Parameters
    ----------
    commits : Sequence
        In the order of recording.
    """
    one_by_one = [[commit] for commit in commits]
    yield "in one batch", [commits]
    yield "one by one", one_by_one
    yield "twice", [commits, commits]
    yield "backwards", one_by_one[::-1]
    for seed in range(SHUFFLES):
        yield f"shuffled with duplicates ({seed})", _shuffled(commits, Random(seed))


def _shuffled(commits: Sequence[T], random: Random) -> list[list[T]]:
    dealt = [*commits, *random.choices(commits, k=len(commits))] if commits else []
    random.shuffle(dealt)
    size = random.randint(1, 4)
    return [dealt[start : start + size] for start in range(0, len(dealt), size)]


START: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)

Rows = Mapping[tuple[str, str], Mapping[str, Value]]


@dataclass(frozen=True)
class Given:
    """One commit: some events of a stream, and when they happened in the world."""

    stream: StreamId
    events: tuple[DomainEvent, ...]
    occurred_at: datetime | None = None


@dataclass(frozen=True)
class ProjectionSpec:
    """One projection under test.

    Each ``then_…`` compares what a plain fold gives, then delivers the commits to the engine in one batch, one by
    one, twice, backwards, and shuffled with duplicates, and expects the same each time.

    Parameters
    ----------
    registry : EventRegistry
        Of the domain whose events it reads.
    history : tuple[Given, ...]
        Commits in the order of recording, one second apart from ``START``.
    """

    projection: Projection
    registry: EventRegistry
    history: tuple[Given, ...] = ()

    def given(
        self, stream: StreamId | str, *events: DomainEvent, occurred_at: datetime | None = None
    ) -> ProjectionSpec:
        """Add one commit to what happened."""
        name = StreamId.parse(stream) if isinstance(stream, str) else stream
        return replace(self, history=(*self.history, Given(name, events, occurred_at)))

    def then_state(self, stream: StreamId | str, state: BaseModel | None) -> None:
        """Expect the row of one stream in a ``StreamProjection``; ``None`` for no row.

        Raises
        ------
        AssertionError
        """
        projection = _stream_projection(self.projection)
        name = StreamId.parse(stream) if isinstance(stream, str) else stream
        store = self.recorded()
        events = list(store.read(name))
        assert_same(f"state of {name}", state, fold_state(projection, events) if events else None)
        for way, views in self._delivered(store):
            row = views.states(self._generation, [name]).get(name)
            found = projection.state.model_validate_json(row.state) if row else None
            assert_same(f"state of {name}, delivered {way}", state, found)

    def then_listed(self, lookup: str, partition: str, *streams: str, tenant: str | None = None) -> None:
        """Expect these streams, and no others, in this order under a lookup of a ``StreamProjection``.

        Raises
        ------
        AssertionError
        """
        index = [each.name for each in _stream_projection(self.projection).lookups].index(lookup) + 1
        for way, views in self._delivered(self.recorded()):
            page = views.lookup(self._generation, tenant or self._tenant, index, partition, len(self.history) + 1)
            found = [str(row.stream) for row in page.rows]
            assert_same(f"{lookup} {partition!r}, delivered {way}", list(streams), found)

    def then_rows(self, rows: Rows, tenant: str | None = None) -> None:
        """Expect exactly these rows of a ``ViewProjection``, by partition and sort.

        Parameters
        ----------
        rows : Mapping[tuple[str, str], Mapping]
            Fields by partition and sort; numbers compare by value.
        tenant : str, optional
            The first given stream's unless named.

        Raises
        ------
        AssertionError
        """
        assert isinstance(self.projection, ViewProjection), f"{self.projection.name} keeps states, not rows"
        store, tenant = self.recorded(), tenant or self._tenant
        fold = ViewFold(self.projection, store)
        for stream in dict.fromkeys(given.stream for given in self.history):
            fold.apply(stream)
        assert_same("rows", dict(rows), _rows(fold.rows(), tenant))
        for way, views in self._delivered(store):
            assert_same(f"rows, delivered {way}", dict(rows), rows_of(views, self._generation, tenant))

    def then_owned(
        self,
        stream: StreamId | str,
        rows: Mapping[str, BaseModel],
        carried: BaseModel | None = None,
        at: datetime = START,
    ) -> None:
        """Expect exactly these rows of one stream in a ``RowsProjection``, by sort.

        Parameters
        ----------
        carried : State, optional
            What the stream carries, unless it does not matter.
        at : datetime
            Rows that have expired by then do not count.

        Raises
        ------
        AssertionError
        """
        projection = self.projection
        assert isinstance(projection, RowsProjection), f"{projection.name} has no rows that a stream owns"
        name = StreamId.parse(stream) if isinstance(stream, str) else stream
        store = self.recorded()
        folded = fold_owned(projection, store, list(store.commits(name)), at)
        found = [("", folded)] + [
            (f", delivered {way}", owned_by(views, self._generation, name, at)) for way, views in self._delivered(store)
        ]
        for way, of_stream in found:
            assert_same(f"rows of {name}{way}", dict(rows), owned_models(projection, of_stream))
            if carried is not None:
                state = of_stream and projection.state.model_validate_json(of_stream.carried.state)
                assert_same(f"what {name} carries{way}", carried, state)

    @property
    def _generation(self) -> Generation:
        return Generation(self.projection.name)

    @property
    def _tenant(self) -> str:
        return self.history[0].stream.tenant

    def recorded(self) -> EventStore:
        """A store that holds what happened."""
        moments = (START + SECOND * count for count in range(len(self.history)))
        store = EventStore(MemoryTable(), self.registry, lambda: next(moments))
        for index, given in enumerate(self.history):
            metadata = Metadata(occurred_at=given.occurred_at)
            store.append(given.stream, Expected.ANY, given.events, commit_id=f"commit-{index}", metadata=metadata)
        return store

    def _delivered(self, store: EventStore) -> list[tuple[str, MemoryViews]]:
        return [(way, self.projected(store, batches)) for way, batches in deliveries(all_commits(store))]

    def projected(self, store: EventStore, batches: Iterable[Iterable[Commit]]) -> MemoryViews:
        """What the engine makes of some batches."""
        views = MemoryViews()
        retry_policy = RetryPolicy(clock=lambda: START, sleep=lambda _: None)
        runner = ProjectionProcessor(store, views, [self.projection], retry_policy=retry_policy)
        for batch in batches:
            assert not runner.project(batch), f"{self.projection.name} fails under the engine"
        return views


def all_commits(store: EventStore) -> list[Commit]:
    """Every commit of a store, in the order of recording."""
    streams = dict.fromkeys(entry.stream for entry in store.log(0))
    commits = [commit for stream in streams for commit in store.commits(stream)]
    return sorted(commits, key=lambda commit: commit.recorded_at)


def rows_of(views: MemoryViews, generation: Generation, tenant: str) -> dict[tuple[str, str], dict[str, Value]]:
    """A tenant's rows of a generation, by partition and sort."""
    return _rows(views.all_rows(generation), tenant)


def owned_by(views: Views, generation: Generation, stream: StreamId, at: datetime) -> StreamRows | None:
    """What a stream owns in a generation, without what has expired."""
    carried = views.states(generation, [stream]).get(stream)
    return stored_rows(views, generation, carried, at) if carried else None


def owned_models(projection: AnyRowsProjection, found: StreamRows | None) -> dict[str, BaseModel]:
    """Rows of a stream, by sort."""
    return {sort: read_row(projection, row) for sort, row in sorted(found.rows.items())} if found else {}


def _stream_projection(projection: Projection) -> AnyStreamProjection:
    assert isinstance(projection, StreamProjection), f"{projection.name} keeps rows, not states"
    return projection


def _rows(rows: Mapping[Any, Any], tenant: str) -> dict[tuple[str, str], dict[str, Value]]:
    return {(key.partition, key.sort): dict(row.fields) for key, row in rows.items() if key.tenant == tenant}
