"""What a projection keeps for each stream against folds, each at its own version: lag is not a difference."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from banyan.documents import Documents
from banyan.errors import StreamCorrupted
from banyan.projections.base import AnyRowsProjection, AnyStreamProjection
from banyan.projections.views import Generation, RowRepair, StateRow, Views, WriteConflict
from banyan.reconciliation.feeds import Clock, CompositeFeed, DirtySet, FullListing, LogFeed, SharedLog
from banyan.reconciliation.kept import KeptByStream, kept_by_stream
from banyan.reconciliation.report import Finding
from banyan.reconciliation.sides import Content, Feed, Listing, NotRepairable, Verdict, difference
from banyan.store import Commit, EventStore
from banyan.store.base import timestamp
from banyan.streams import StreamId

KEPT_COMMITS: Final = 20_000
UNREADABLE: Final[Content] = {"(unreadable)": True}
REPAIR_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Sources:
    """What rows are read and put right through.

    Parameters
    ----------
    documents : Documents
        Where the reconciliation keeps what it knows.
    resume : Callable[[str, StreamId], object]
        Brings a stream up to date in a projection, also a parked one.
    """

    store: EventStore
    views: Views
    row_repair: RowRepair
    documents: Documents
    resume: Callable[[str, StreamId], object]
    clock: Clock

    def kept(self, projection: AnyStreamProjection | AnyRowsProjection, generation: Generation) -> KeptByStream:
        """What a projection keeps for each stream."""
        return kept_by_stream(projection, generation, self.views, self.row_repair, self.clock)


class Histories:
    """Keeps what was read last, up to a bound; every comparison folds the same streams.

    Parameters
    ----------
    limit : int
        Commits that are kept.

    Attributes
    ----------
    log : SharedLog
        Where the feeds of all comparisons read which streams got commits.
    """

    def __init__(self, store: EventStore, limit: int = KEPT_COMMITS) -> None:
        self.log = SharedLog(store)
        self._store = store
        self._limit = limit
        self._kept: OrderedDict[StreamId, tuple[Commit, ...]] = OrderedDict()
        self._count = 0

    def read(self, stream: StreamId) -> tuple[Commit, ...]:
        """All commits of a stream as it is now. Raises ``StreamCorrupted``."""
        return self.keep(stream, tuple(self._store.commits(stream)))

    def keep(self, stream: StreamId, commits: tuple[Commit, ...]) -> tuple[Commit, ...]:
        """Keep what was read elsewhere and found undamaged, instead of what was read before."""
        self._drop(stream)
        self._kept[stream] = commits
        self._count += len(commits)
        while self._count > self._limit:
            self._drop(next(iter(self._kept)))
        return commits

    def recent(self, stream: StreamId) -> Sequence[Commit]:
        """All commits of a stream as it was when it was read last, in this run. Raises ``StreamCorrupted``."""
        return self._kept[stream] if stream in self._kept else self.read(stream)

    def _drop(self, stream: StreamId) -> None:
        self._count -= len(self._kept.pop(stream, ()))


class FoldSide:
    """What the rows of a projection should be, by the events."""

    def __init__(
        self,
        projection: AnyStreamProjection | AnyRowsProjection,
        generation: Generation,
        sources: Sources,
        histories: Histories,
    ) -> None:
        self.name = f"fold:{generation}"
        self.marks = DirtySet(sources.documents, self.name)
        self.feed: Feed = CompositeFeed(
            LogFeed(histories.log, sources.documents, self.name, projection.entities), self.marks
        )
        self._kept = sources.kept(projection, generation)
        self._store = sources.store
        self._histories = histories

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """Content of rows: one read of each stream that no comparison has read yet."""
        found = {id: self.fold(_undamaged(self._histories.recent, StreamId.parse(id))) for id in ids}
        return {id: content for id, content in found.items() if content is not None}

    def commits(self, stream: StreamId) -> Sequence[Commit] | None:
        """All commits of a stream as it is now; ``None`` when it is damaged."""
        return _undamaged(self._histories.read, stream)

    def fold(self, commits: Sequence[Commit] | None) -> Content | None:
        """The content of a row that holds these commits."""
        try:
            row = self.row(commits)
        except NotRepairable:
            return UNREADABLE
        return self._kept.content(row) if row else None

    def row(self, commits: Sequence[Commit] | None) -> Any:
        """The row that holds these commits. Raises ``NotRepairable`` when they are damaged or cannot be folded."""
        if commits is None:
            raise NotRepairable("the stream is damaged: restore it first")
        try:
            return self._kept.fold(self._store, commits)
        except Exception as error:
            raise NotRepairable(f"the events cannot be folded: {type(error).__name__}") from error


class StateRowSide:
    """The rows of a projection as they are."""

    def __init__(
        self, projection: AnyStreamProjection | AnyRowsProjection, generation: Generation, sources: Sources
    ) -> None:
        self.name = f"rows:{generation}"
        self.generation = generation
        self.feed: Feed = CompositeFeed(
            FullListing(sources.documents, self.name, self.page), DirtySet(sources.documents, str(generation))
        )
        self.kept = sources.kept(projection, generation)
        self._row_repair = sources.row_repair

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """Content of rows: one batch read for 100."""
        return {id: self.content(row) for id, row in self.rows(ids).items()}

    def rows(self, ids: Sequence[str]) -> Mapping[str, Any]:
        """Rows of streams; ``None`` stands for one that is no longer a row."""
        streams = list(map(StreamId.parse, ids))
        try:
            return {str(stream): row for stream, row in self.kept.read(streams).items()}
        except (KeyError, ValueError, zlib.error):
            if len(ids) == 1:
                return {ids[0]: None}
            return {id: row for each in ids for id, row in self.rows([each]).items()}

    def content(self, row: Any) -> Content:
        """What is compared of a row; ``None`` stands for one that is no longer a row."""
        try:
            return self.kept.content(row) if row else UNREADABLE
        except ValueError:
            return UNREADABLE

    def page(self, position: str, limit: int) -> Listing:
        """Some of the rows there are."""
        streams, rest = self._row_repair.list_states(self.generation, position, limit)
        return Listing(tuple(map(str, streams)), rest)


class StateComparison:
    """What a projection keeps for each stream against folds.

    Parameters
    ----------
    fence : Callable[[], datetime]
        A row that lacks an event recorded before is stale.

    Attributes
    ----------
    touched : DirtySet
        Where a stream is marked that was changed behind the store's back.
    """

    def __init__(
        self,
        projection: AnyStreamProjection | AnyRowsProjection,
        generation: Generation,
        sources: Sources,
        histories: Histories,
        fence: Clock,
    ) -> None:
        self.name = generation.projection
        self.expected = FoldSide(projection, generation, sources, histories)
        self.actual = StateRowSide(projection, generation, sources)
        self.touched = self.expected.marks
        self._sources = sources
        self._fence = fence

    def judge(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        """Read rows first, streams after, so that a row is never ahead of its stream."""
        fence = self._fence()
        rows = self.actual.rows(ids)
        return {id: self.judge_row(id, id in rows, rows.get(id), fence) for id in ids}

    def repair(self, finding: Finding) -> str:
        """Write the row that the fold gives, unless a projector writes it meanwhile."""
        stream = StreamId.parse(finding.where)
        if finding.kind == "stale_row":
            self._sources.resume(self.name, stream)
        return while_it_moves(lambda: self._rewrite(stream), f"the row of {stream}")

    def judge_row(self, id: str, exists: bool, row: Any, fence: datetime) -> Verdict:
        """The verdict on a row that was read just before; a ``stale_row`` is right up to its own version."""
        commits = self.expected.commits(StreamId.parse(id))
        if commits is None:
            return _found(id, "unverifiable_row", "its stream is damaged") if exists else Verdict()
        if not exists:
            return self._without_row(id, commits, fence)
        return self._with_row(id, row, commits, fence)

    def _without_row(self, id: str, commits: Sequence[Commit], fence: datetime) -> Verdict:
        if not commits:
            return Verdict()
        if commits[0].recorded_at > fence:
            return Verdict(moving=True, since=commits[0].recorded_at)
        return _found(id, "missing_row", "the stream has no row")

    def _with_row(self, id: str, row: Any, commits: Sequence[Commit], fence: datetime) -> Verdict:
        version = row.version if row else 0
        applied = [commit for commit in commits if commit.last <= version]
        whole = bool(applied) and applied[-1].last == version
        content = self.actual.content(row)
        finding = difference(id, self.expected.fold(applied if whole else commits), content)
        if finding:
            return Verdict(finding, evidence="/".join(field.name for field in finding.fields) or finding.kind)
        missing = commits[len(applied) :]
        if not missing:
            return Verdict()
        if missing[0].recorded_at > fence:
            return Verdict(moving=True, since=missing[0].recorded_at)
        stale = difference(id, self.expected.fold(commits), content) or Finding(where=id, kind="stale_row")
        detail = f"the event of version {version + 1}, of {timestamp(missing[0].recorded_at)}, is missing"
        return Verdict(
            stale.model_copy(update={"kind": "stale_row", "version": version + 1, "detail": detail}),
            evidence=f"stale at {version}",
            since=missing[0].recorded_at,
        )

    def _rewrite(self, stream: StreamId) -> str:
        id = str(stream)
        rows = self.actual.rows([id])
        if id in rows and rows[id] is None:
            raise NotRepairable(f"the row of {stream} is no longer a row: remove it by hand")
        old, new = rows.get(id), self.expected.row(self.expected.commits(stream))
        if new is None:
            if old:
                self.actual.kept.remove(old)
            return "the row was removed"
        if old is None or self.actual.content(old) != self.actual.content(new):
            self.actual.kept.replace(old, new)
        return f"the row was replaced, at version {new.version}"


def while_it_moves(write: Callable[[], str], what: str) -> str:
    """Write a row again while it changes in between. Raises ``NotRepairable`` when it never stands still."""
    for _ in range(REPAIR_ATTEMPTS):
        try:
            return write()
        except WriteConflict:
            continue
    raise NotRepairable(f"{what} keeps moving")


def _undamaged(read: Callable[[StreamId], Sequence[Commit]], stream: StreamId) -> Sequence[Commit] | None:
    try:
        return read(stream)
    except StreamCorrupted:
        return None


def _found(id: str, kind: str, detail: str) -> Verdict:
    return Verdict(Finding(where=id, kind=kind, detail=detail), evidence=kind)


def read_model_name(generation: Generation) -> str:
    """Name of the side that holds what the rows of a generation show."""
    return f"shown:{generation}"


class ReadModelSide:
    """What a read model shows: its rows without their versions and their places in lookups.

    Their changes are forwarded to this side by the comparison of the rows with their fold.
    """

    def __init__(self, projection: AnyStreamProjection, generation: Generation, sources: Sources) -> None:
        rows = StateRowSide(projection, generation, sources)
        self.name = read_model_name(generation)
        self.feed: Feed = CompositeFeed(
            FullListing(sources.documents, self.name, rows.page), DirtySet(sources.documents, self.name)
        )
        self.rows = rows.rows
        self._projection = projection

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """Content of rows: one batch read for 100."""
        return {id: self.content(row) for id, row in self.rows(ids).items()}

    def content(self, row: StateRow | None) -> Content:
        """What is compared of a row."""
        try:
            return self._projection.state.model_validate_json(row.state).model_dump() if row else UNREADABLE
        except ValueError:
            return UNREADABLE
