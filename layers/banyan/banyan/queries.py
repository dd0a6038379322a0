"""Answering queries: from a read model, or from the stream itself when the read model is not there yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import takewhile
from math import ceil
from types import MappingProxyType
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel

from banyan.answers import Answer, Provenance, milliseconds, of_rows, of_stream
from banyan.errors import EventError, NotFound, ReadModelLagging, ReadModelsApart, StreamCorrupted, VersionNotReached
from banyan.events import Event
from banyan.projections.base import RowsProjection, StreamProjection, ViewProjection
from banyan.projections.owned import UnusableRow
from banyan.projections.owned_reads import OwnedPlace, OwnedReads
from banyan.projections.pages import Page, SortOrder, SortRange, another_list, make_cursor, read_place
from banyan.projections.rows import current_state, readable_state
from banyan.projections.views import Generation, LookupPage, OwnedRow, StateRow, ViewRow, Views
from banyan.store import Commit, EventStore
from banyan.store.eventstore import Clock, utc_now
from banyan.streams import StreamId

S = TypeVar("S", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)
V = TypeVar("V")
E = TypeVar("E")
Row = TypeVar("Row", StateRow, OwnedRow)

_ByStream = StreamProjection[S] | RowsProjection[S, Any]

NOTHING: Final[Mapping[StreamId, int]] = MappingProxyType({})
POLL_MS: Final = 20
MAX_PAGES: Final = 10
"""Rows that a list may read, in pages of its length, when a filter leaves many of them out."""


@dataclass(frozen=True, slots=True)
class _Kept(Generic[S]):
    """A row that can be gone on with, and its state."""

    row: StateRow
    state: S

    @property
    def version(self) -> int:
        return self.row.version


class Queries:
    """Reads read models and streams.

    Parameters
    ----------
    wait_ms : int
        How long a read waits for a read model to reach a version, ms.
    generation : Callable[[str], Generation]
        The live generation of a projection.
    sleep : Callable[[float], None]
        Seconds.
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        *,
        wait_ms: int = 200,
        generation: Callable[[str], Generation] = Generation,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._views = views
        self._polls = wait_ms // POLL_MS
        self._generation = generation
        self._clock = clock
        self._sleep = sleep

    def get(self, projection: StreamProjection[S], stream: StreamId, min_version: int = 0) -> Answer[S] | None:
        """The state of a stream at ``min_version`` or later; ``None`` when there is no such stream.

        Raises
        ------
        VersionNotReached
            When the stream itself has not got that far.
        """
        kept = self._kept(projection, stream)
        if _version(kept) < min_version:
            kept = self._wait(projection, stream, min_version)
        missing = next(self._store.commits(stream, _version(kept)), None)
        if kept and (missing is None or kept.version >= min_version):
            return Answer(kept.state, self._of_row(kept.row, missing))
        return self._fold(projection, stream, kept) if missing else None

    def stored(
        self, projection: StreamProjection[S] | RowsProjection[S, Any], stream: StreamId, min_version: int = 0
    ) -> Answer[S] | None:
        """The row of a stream, without a look at the event table; ``None`` when there is no row.

        Of a ``RowsProjection`` what it carries.

        How old the answer is says when the row's newest event was recorded, and how long it took to arrive.

        Raises
        ------
        ReadModelLagging
            When the row has not got to ``min_version`` by the end of the wait.
        """
        kept = self._stored(projection, stream, min_version)
        return Answer(kept.state, of_rows([kept.row])) if kept else None

    def _stored(self, projection: _ByStream[S], stream: StreamId, min_version: int) -> _Kept[S] | None:
        """A row at a version or later, without a look at the event table.

        Raises
        ------
        ReadModelLagging
            Also when there is a row that cannot be shown, as another version of the projection made it.
        """
        kept = self._kept(projection, stream)
        if _version(kept) < min_version:
            kept = self._poll(projection, stream, min_version)
        wanted = min_version if kept else max(min_version, self._reached_by_any(projection, stream))
        if _version(kept) < wanted:
            raise ReadModelLagging(projection.name, stream, wanted, _version(kept))
        return kept

    def _reached_by_any(self, projection: _ByStream[S], stream: StreamId) -> int:
        """The version of a row that may not be shown; at least 1 if there is one."""
        row = self._views.states(self._generation(projection.name), [stream]).get(stream)
        return max(row.version, 1) if row else 0

    def settled(self, read: Callable[[], V], holds: Callable[[V], bool]) -> V:
        """What ``read`` finds once that ``holds``, read again for as long as a read waits for a version.

        For what is read from rows of several streams, which are brought up to date one by one.

        Raises
        ------
        ReadModelsApart
            It does not hold by the end of the wait.
        """
        found = read()
        for _ in range(self._polls):
            if holds(found):
                return found
            self._sleep(POLL_MS / 1000)
            found = read()
        if not holds(found):
            raise ReadModelsApart("the read models are on their way to this moment: ask again in a second")
        return found

    def at(self, projection: StreamProjection[S], stream: StreamId, version: int) -> Answer[S] | None:
        """The state of a stream as it was at a version; ``None`` when there is no such stream.

        Raises
        ------
        NotFound
            ``version_not_found`` when the stream has not got that far.
        """
        events = tuple(self._store.read(stream, to_version=version))
        if not events:
            return None
        if events[-1].version < version:
            raise NotFound("version_not_found", f"the last version is {events[-1].version}", "atVersion")
        state = reduce(projection.evolve, events, projection.initial())
        return Answer(state, of_stream(version, events[-1].timestamp))

    def as_recorded(self, projection: StreamProjection[S], stream: StreamId, moment: datetime) -> Answer[S] | None:
        """The state of a stream as it was known at a moment; ``None`` when nothing was recorded by then."""
        events = takewhile(lambda event: event.timestamp <= moment, self._store.read(stream))
        return _state_of(projection, tuple(events), min(moment, self._clock()))

    def as_happened(self, projection: StreamProjection[S], stream: StreamId, moment: datetime) -> Answer[S] | None:
        """The state of a stream as it was at a moment, by all that is known of it today.

        What had happened by then, in the order in which it happened, however late it was recorded; ``None`` when
        nothing had. The first event comes first: what happened before it counts from then on.
        """
        events = tuple(self._store.read(stream))
        happened = [max(event.occurred_at, events[0].occurred_at) for event in events]
        in_order = sorted(zip(happened, events, strict=True), key=lambda each: each[0])
        return _state_of(
            projection, [event for happened, event in in_order if happened <= moment], min(moment, self._clock())
        )

    def events(self, stream: StreamId, after: int, limit: int) -> Answer[Sequence[Event]] | None:
        """Up to ``limit`` events after a version; ``None`` when there is no such stream."""
        head = self._store.head(stream)
        if head.version == 0:
            return None
        last = min(after + limit, head.version)
        events = tuple(self._store.read(stream, after, to_version=last)) if after < last else ()
        return Answer(events, of_stream(head.version, self._clock()))

    def between(self, stream: StreamId, first: int, last: int) -> Sequence[Event]:
        """Events from one version to another, both included."""
        return tuple(self._store.read(stream, first - 1, to_version=last)) if first <= last else ()

    def behind(self, stream: StreamId, version: int, most: int) -> Answer[Sequence[Event]]:
        """The events after a version that a commit ends with, which is where a row of the stream stands.

        One read when there are none. The answer is as of now, or of the time of the first commit that it leaves out:
        there is too much, or it cannot be read.

        Parameters
        ----------
        most : int
            Characters of the commits that are read, before the last one of them.
        """
        now, events, read = self._clock(), list[Event](), 0
        for commit in self._store.commits(stream, version):
            if read > most and commit.part == 1:
                return Answer(events, self._reached(version, commit, "stream"))
            try:
                events += self._store.decode(commit)
            except (EventError, StreamCorrupted):
                return Answer(events, self._reached(version, commit, "stream"))
            version, read = commit.last, read + len(commit.events)
        return Answer(events, of_stream(version, now))

    def lookup(
        self,
        projection: StreamProjection[S],
        tenant: str,
        name: str,
        partition: str,
        limit: int,
        cursor: str | None = None,
        where: Callable[[S], bool] = lambda _: True,
        *,
        from_sort: str = "",
        to_sort: str | None = None,
        order: SortOrder = "descending",
    ) -> Answer[Page[tuple[S, int]]]:
        """States of a lookup with ``from_sort <= sort <= to_sort``, with their versions; newest first.

        A page may hold fewer than ``limit`` when ``where`` leaves many out. A row that does not fit the model any more
        is folded from its stream.

        Raises
        ------
        InvalidCursor
        """
        generation = self._generation(projection.name)
        index = [lookup.name for lookup in projection.lookups].index(name) + 1
        wanted = SortRange(from_sort, to_sort, order)

        def entry(row: StateRow) -> tuple[S, int] | None:
            found = self._listed(projection, row)
            return found if where(found[0]) else None

        def page(size: int, cursor: str | None) -> LookupPage[StateRow]:
            return self._views.lookup(generation, tenant, index, partition, size, cursor, wanted)

        return _listing(page, entry, limit, cursor)

    def rows(
        self,
        projection: ViewProjection,
        tenant: str,
        partitions: Iterable[str],
        from_sort: str = "",
        to_sort: str | None = None,
        *,
        order: SortOrder = "ascending",
        limit: int | None = None,
        cursor: str | None = None,
        min_versions: Mapping[StreamId, int] = NOTHING,
    ) -> Answer[Page[ViewRow]]:
        """Rows of a view with ``from_sort <= sort <= to_sort``, partition by partition.

        Parameters
        ----------
        partitions : Iterable[str]
            In ascending order; in descending order the last one is read first.
        limit : int, optional
            Rows of a page; all unless given.
        cursor : str, optional
            Where the page before ended; it fits no other partitions, range or order.
        min_versions : Mapping[StreamId, int]
            Versions that the rows must show, by stream.

        Raises
        ------
        InvalidCursor
        VersionNotReached
            When a stream itself has not got that far.
        ReadModelLagging
            When a stream was not applied that far by the end of the wait.
        """
        generation = self._generation(projection.name)
        self._reach(generation, min_versions)
        wanted = SortRange(from_sort, to_sort, order)
        listed = list(dict.fromkeys(partitions))[:: -1 if wanted.descending else 1]
        query = [generation.name, tenant, listed, from_sort, to_sort, order]
        start, after = _place(cursor, query, listed, wanted) if cursor else (0, None)
        rows = self._walked(generation, tenant, listed[start:], wanted, after, limit and limit + 1)
        page = rows[:limit]
        more = make_cursor(query, page[-1].partition, page[-1].sort) if len(rows) > len(page) else None
        return Answer(Page(page, more), of_rows(page))

    def owned(
        self,
        projection: RowsProjection[Any, R],
        stream: StreamId,
        from_sort: str = "",
        to_sort: str | None = None,
        *,
        order: SortOrder = "ascending",
        limit: int | None = None,
        cursor: str | None = None,
        min_version: int = 0,
        fold: bool = True,
    ) -> Answer[Page[tuple[str, R]]] | None:
        """Rows that a stream owns with ``from_sort <= sort <= to_sort``, with their sorts; ``None`` without a stream.

        Parameters
        ----------
        limit : int, optional
            Rows of a page; all unless given.
        cursor : str, optional
            Where the page before ended; it fits no other stream, range or order.
        fold : bool
            Whether the events that the rows lack at ``min_version`` are folded into the answer. Unless so the event
            table is not read at all.

        Raises
        ------
        InvalidCursor
        VersionNotReached
            When the stream itself has not got that far.
        ReadModelLagging
            When the rows have not got that far and nothing is to be folded.
        """
        wanted, query = SortRange(from_sort, to_sort, order), [projection.name, stream.name, from_sort, to_sort, order]
        after = _sort_of(cursor, query, wanted) if cursor else None
        reads = OwnedReads(projection, self._generation(projection.name), self._store, self._views, self._clock)
        read = self._owned if fold else self._owned_as_stored
        found = read(projection, stream, min_version, reads, (wanted, after, limit and limit + 1))
        if found is None:
            return None
        rows, provenance = found
        page = rows[:limit]
        more = make_cursor(query, page[-1][0]) if len(rows) > len(page) else None
        return Answer(Page(page, more), provenance)

    def lookup_owned(
        self,
        projection: RowsProjection[Any, R],
        tenant: str,
        name: str,
        partition: str,
        limit: int,
        cursor: str | None = None,
        where: Callable[[R], bool] = lambda _: True,
        *,
        from_sort: str = "",
        to_sort: str | None = None,
        order: SortOrder = "descending",
    ) -> Answer[Page[tuple[StreamId, R]]]:
        """Rows of a lookup with ``from_sort <= sort <= to_sort``, with the streams that own them; newest first.

        A page may hold fewer than ``limit`` when ``where`` leaves many out, or many have expired. A row that does not
        fit the model any more is folded from its stream.

        Raises
        ------
        InvalidCursor
        """
        generation, now = self._generation(projection.name), self._clock()
        index = [lookup.name for lookup in projection.lookups].index(name) + 1
        wanted = SortRange(from_sort, to_sort, order)
        reads = OwnedReads(projection, generation, self._store, self._views, self._clock)

        def entry(row: OwnedRow) -> tuple[StreamId, R] | None:
            found = None if row.expired(now) else reads.row(row)
            return (row.stream, found) if found is not None and where(found) else None

        def page(size: int, cursor: str | None) -> LookupPage[OwnedRow]:
            return self._views.lookup_owned(generation, tenant, index, partition, size, cursor, wanted)

        return _listing(page, entry, limit, cursor)

    def _owned(
        self,
        projection: RowsProjection[Any, R],
        stream: StreamId,
        min_version: int,
        reads: OwnedReads[R],
        place: OwnedPlace,
    ) -> tuple[Sequence[tuple[str, R]], Provenance] | None:
        """Rows as the table holds them if it has what is asked for, else by all events."""
        kept = self._kept(projection, stream)
        if _version(kept) < min_version:
            kept = self._wait(projection, stream, min_version)
        missing = next(self._store.commits(stream, _version(kept)), None)
        if kept and (missing is None or kept.version >= min_version):
            with suppress(UnusableRow):
                rows, row = reads.stored(kept.row, *place)
                return rows, self._of_row(row, missing)
            kept = None
        elif missing is None:
            return None
        rows, version = reads.folded(stream, kept.row if kept else None, *place)
        return rows, of_stream(version, self._clock())

    def _owned_as_stored(
        self,
        projection: RowsProjection[Any, R],
        stream: StreamId,
        min_version: int,
        reads: OwnedReads[R],
        place: OwnedPlace,
    ) -> tuple[Sequence[tuple[str, R]], Provenance] | None:
        kept = self._stored(projection, stream, min_version)
        if kept is None:
            return None
        with suppress(UnusableRow):
            rows, row = reads.stored(kept.row, *place)
            return rows, of_rows([row])
        raise ReadModelLagging(projection.name, stream, min_version, _version(kept))

    def _walked(
        self,
        generation: Generation,
        tenant: str,
        partitions: Sequence[str],
        wanted: SortRange,
        after: str | None,
        limit: int | None,
    ) -> Sequence[ViewRow]:
        """Rows of partitions after a place in the first one, until there are so many."""
        rows: list[ViewRow] = []
        for partition in partitions:
            left = limit and limit - len(rows)
            rows += self._views.rows(generation, tenant, partition, wanted, after=after, limit=left)
            if len(rows) == limit:
                break
            after = None
        return rows

    def _reach(self, generation: Generation, min_versions: Mapping[StreamId, int]) -> None:
        """Wait until streams are applied as far as a caller asks for."""
        lagging = self._lagging(generation, min_versions)
        for stream in lagging:
            self._require_version(stream, min_versions[stream])
        for _ in range(self._polls if lagging else 0):
            self._sleep(POLL_MS / 1000)
            lagging = self._lagging(generation, min_versions)
            if not lagging:
                return
        for stream, actual in lagging.items():
            raise ReadModelLagging(generation.projection, stream, min_versions[stream], actual)

    def _lagging(self, generation: Generation, min_versions: Mapping[StreamId, int]) -> Mapping[StreamId, int]:
        """Checkpoints of streams that are not applied as far as asked for."""
        if not any(min_versions.values()):
            return {}
        reached = self._views.checkpoints(generation, list(min_versions))
        checkpoints = {stream: reached.get(stream, 0) for stream in min_versions}
        return {stream: actual for stream, actual in checkpoints.items() if actual < min_versions[stream]}

    def _require_version(self, stream: StreamId, version: int) -> None:
        actual = self._store.get_stream_version(stream)
        if actual < version:
            raise VersionNotReached(stream, version, actual)

    def _kept(self, projection: _ByStream[S], stream: StreamId) -> _Kept[S] | None:
        row = self._views.states(self._generation(projection.name), [stream]).get(stream)
        state = current_state(projection, row) if row and not row.unfinished else None
        return _Kept(row, state) if row and state is not None else None

    def _listed(self, projection: StreamProjection[S], row: StateRow) -> tuple[S, int]:
        state = readable_state(projection, row)
        if state is not None:
            return state, row.version
        answer = self._fold(projection, row.stream, None)
        return answer.value, answer.provenance.version

    def _wait(self, projection: _ByStream[S], stream: StreamId, min_version: int) -> _Kept[S] | None:
        actual = self._store.get_stream_version(stream)
        if 0 < actual < min_version:
            raise VersionNotReached(stream, min_version, actual)
        return self._poll(projection, stream, min_version) if actual else None

    def _poll(self, projection: _ByStream[S], stream: StreamId, min_version: int) -> _Kept[S] | None:
        kept = None
        for _ in range(self._polls):
            self._sleep(POLL_MS / 1000)
            kept = self._kept(projection, stream)
            if _version(kept) >= min_version:
                break
        return kept

    def _fold(self, projection: StreamProjection[S], stream: StreamId, kept: _Kept[S] | None) -> Answer[S]:
        state = kept.state if kept else projection.initial()
        version = _version(kept)
        for commit in self._store.commits(stream, version):
            state = reduce(projection.evolve, self._store.decode(commit), state)
            version = commit.last
        return Answer(state, of_stream(version, self._clock()))

    def _of_row(self, row: StateRow, missing: Commit | None) -> Provenance:
        return self._reached(row.version, missing, "projection")

    def _reached(
        self, version: int, missing: Commit | None, served_from: Literal["projection", "stream"]
    ) -> Provenance:
        """Of what shows a stream up to a version, behind which a commit follows or none."""
        now = self._clock()
        as_of = min(missing.recorded_at, now) if missing else now
        return Provenance(version=version, as_of=as_of, staleness_ms=milliseconds(now - as_of), served_from=served_from)


def _sort_of(cursor: str, query: Sequence[Any], wanted: SortRange) -> str:
    """The sort of the last row of the page before."""
    (sort,) = read_place(cursor, query, 1)
    if sort not in wanted:
        raise another_list()
    return sort


def _place(cursor: str, query: Sequence[Any], partitions: Sequence[str], wanted: SortRange) -> tuple[int, str]:
    """The place in a list of partitions where a page ended, and the sort of its last row."""
    partition, sort = read_place(cursor, query, 2)
    if partition not in partitions or sort not in wanted:
        raise another_list()
    return partitions.index(partition), sort


def _listing(
    read: Callable[[int, str | None], LookupPage[Row]],
    entry: Callable[[Row], E | None],
    limit: int,
    cursor: str | None,
) -> Answer[Page[E]]:
    """Up to ``limit`` entries of a lookup; rows without one are left out."""
    entries, rows, size = list[E](), list[Row](), limit
    while size:
        page = read(size, cursor)
        found, count = _selected(page.rows, entry, limit - len(entries))
        entries += found
        rows += page.rows[:count]
        cursor = page.cursor_after(count)
        size = _next_size(limit, len(entries), len(rows)) if cursor else 0
    return Answer(Page(entries, cursor), of_rows(rows))


def _selected(rows: Sequence[Row], entry: Callable[[Row], E | None], limit: int) -> tuple[Sequence[E], int]:
    """Up to ``limit`` entries, and how many rows had to be read for them."""
    entries: list[E] = []
    for count, row in enumerate(rows, 1):
        found = entry(row)
        if found is not None:
            entries.append(found)
        if len(entries) == limit:
            return entries, count
    return entries, len(rows)


def _next_size(limit: int, found: int, read: int) -> int:
    """How many rows to read next: so many that the page is likely to be full then; 0 when enough were read."""
    missing, left = limit - found, limit * MAX_PAGES - read
    likely = ceil(1.5 * missing * (read + 1) / (found + 1))
    return max(0, min(left, likely))


def _state_of(projection: StreamProjection[S], events: Sequence[Event], as_of: datetime) -> Answer[S] | None:
    if not events:
        return None
    state = reduce(projection.evolve, events, projection.initial())
    return Answer(state, of_stream(max(event.version for event in events), as_of.astimezone(UTC)))


def _version(kept: _Kept[Any] | None) -> int:
    return kept.version if kept else 0
