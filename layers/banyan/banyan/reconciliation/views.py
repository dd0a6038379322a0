"""A ``ViewProjection`` against its fold: rows that many streams share, compared at one cut through all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from banyan.documents import Key
from banyan.errors import StoreUnavailable, StreamCorrupted
from banyan.projections.base import Value, ViewProjection
from banyan.projections.check import ViewFold
from banyan.projections.memory import changed_row
from banyan.projections.rows import RowChange, add, merge
from banyan.projections.views import Generation, ViewKey, ViewRow, ViewUpdate, WriteConflict, named_row, row_name
from banyan.reconciliation.content import canonical
from banyan.reconciliation.feeds import SHARDS, Clock, CompositeFeed, DirtySet, FullListing, LogFeed, shard_of
from banyan.reconciliation.report import Finding
from banyan.reconciliation.rows import Histories, Sources, while_it_moves
from banyan.reconciliation.sides import Content, Feed, Listing, NotRepairable, Verdict, difference
from banyan.store import Commit
from banyan.store.base import timestamp
from banyan.store.reader import whole
from banyan.streams import BEGINNING_OF_TIME, StreamId


class Unfoldable(NotRepairable):
    """A stream whose events add up to nothing, so that the rows it touches cannot be verified."""


class ExpectedSide:
    """Rows by the events alone. Only the reconciliation writes them, in one process at a time.

    A chunk of streams is written down as a whole before it is carried out, so that one that was interrupted is
    carried out again, not added again.
    """

    def __init__(
        self, projection: ViewProjection, generation: Generation, sources: Sources, histories: Histories
    ) -> None:
        self.name = f"fold:{generation}"
        self.streams = LogFeed(histories.log, sources.documents, self.name, projection.entities)
        self.marks = DirtySet(sources.documents, self.name)
        self.feed: Feed = self.marks
        self._projection = projection
        self._store = sources.store
        self._histories = histories
        self._documents = sources.documents
        self._intent = Key("intents", self.name)

    def apply(self, ids: Sequence[str], *, fresh: bool = False) -> None:
        """Carry the rows on to the heads of streams, as they are now or as this run has read them already."""
        self._finish()
        streams = list(map(StreamId.parse, ids))
        applied = self.applied(streams)
        moves = [move for stream in streams if (move := self._readable(stream, applied.get(stream, 0), fresh=fresh))]
        changes = merge(moves)
        rows = self.rows(list(changes))
        documents: dict[Key, str | None] = {}
        for key, change in changes.items():
            row = changed_row(key, rows.get(key), change, BEGINNING_OF_TIME)
            documents[self._row_key(key)] = _encode(row) if row else None
        documents |= {self._applied_key(move.stream): str(move.to_version) for move in moves}
        if moves:
            self._documents.put(self._intent, orjson.dumps([[*key, text] for key, text in documents.items()]).decode())
            self._finish()

    def move(self, stream: StreamId, after: int, upto: int | None = None) -> ViewUpdate | None:
        """What a stream does to the rows after a version; ``None`` when that is nothing.

        Raises
        ------
        Unfoldable
            The stream is damaged, or its events cannot be applied.
        """
        return self._moved(stream, after, lambda: self._store.commits(stream, after), upto)

    def _readable(self, stream: StreamId, after: int, *, fresh: bool) -> ViewUpdate | None:
        with suppress(Unfoldable):
            if fresh:
                return self.move(stream, after)
            return self._moved(stream, after, lambda: self._histories.recent(stream))
        return None

    def _moved(
        self, stream: StreamId, after: int, read: Callable[[], Iterable[Commit]], upto: int | None = None
    ) -> ViewUpdate | None:
        try:
            commits = [c for c in read() if c.position > after and (upto is None or c.last <= upto)]
            writes = [self._writes(parts) for parts in whole(commits)]
        except StoreUnavailable:
            raise
        except Exception as error:
            raise Unfoldable(f"{stream} cannot be folded: {type(error).__name__}") from error
        return ViewUpdate(stream, after, commits[-1].last, commits[-1].recorded_at, writes) if commits else None

    def applied(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """How far the rows hold each stream."""
        keys = {self._applied_key(stream): stream for stream in streams}
        return {keys[key]: int(version) for key, version in self._documents.get_many(list(keys)).items()}

    def rows(self, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        """Rows by key."""
        places = {self._row_key(key): key for key in keys}
        return {places[key]: _decode(places[key], text) for key, text in self._documents.get_many(list(places)).items()}

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        found = self.rows(list(map(named_row, ids)))
        return {row_name(key): view_content(row) for key, row in found.items()}

    def forget(self, limit: int) -> bool:
        """Remove up to ``limit`` of what is kept, to start again; returns whether there is more."""
        self._documents.put(self._intent, None)
        self.streams.rewind()
        rows = self._first("shadow", limit)
        self.marks.add([key.sort for key in rows], BEGINNING_OF_TIME)
        self._documents.put_many(dict.fromkeys(rows or self._first("taken", limit)))
        return bool(rows or self._first("taken", 1))

    def _finish(self) -> None:
        """Carry out what was written down."""
        text = self._documents.get(self._intent)
        if text:
            documents = {Key(partition, sort): content for partition, sort, content in orjson.loads(text)}
            rows = [key.sort for key in documents if key.partition.startswith("shadow#")]
            self.marks.add(rows, BEGINNING_OF_TIME)
            self._documents.put_many(documents)
            self._documents.put(self._intent, None)

    def _writes(self, parts: Sequence[Commit]) -> list[Any]:
        return [w for part in parts for event in self._store.decode(part) for w in self._projection.apply(event)]

    def _first(self, kind: str, limit: int) -> list[Key]:
        found: list[Key] = []
        for shard in SHARDS:
            partition = self._partition(kind, shard)
            found += [Key(partition, sort) for sort, _ in self._documents.page(partition, limit - len(found))]
            if len(found) == limit:
                break
        return found

    def _row_key(self, key: ViewKey) -> Key:
        name = row_name(key)
        return Key(self._partition("shadow", shard_of(name)), name)

    def _applied_key(self, stream: StreamId) -> Key:
        return Key(self._partition("taken", shard_of(str(stream))), str(stream))

    def _partition(self, kind: str, shard: str) -> str:
        return f"{kind}#{self.name}#{shard}"


def view_content(row: ViewRow) -> Content:
    """What is compared of a view row."""
    return {"(commits)": row.version, **row.fields}


def _encode(row: ViewRow) -> str:
    fields = {name: [isinstance(value, str), str(value)] for name, value in row.fields.items()}
    return orjson.dumps([row.version, timestamp(row.recorded_at), fields]).decode()


def _decode(key: ViewKey, text: str) -> ViewRow:
    version, recorded_at, fields = orjson.loads(text)
    values: Iterator[tuple[str, Value]] = (
        (name, value if is_text else Decimal(value)) for name, (is_text, value) in fields.items()
    )
    moment = datetime.fromisoformat(recorded_at)
    return ViewRow(key.partition, key.sort, dict(values), version, moment, BEGINNING_OF_TIME)


Rows = Mapping[ViewKey, ViewRow]


class ViewRowSide:
    """The rows of a ``ViewProjection`` as they are."""

    def __init__(self, generation: Generation, sources: Sources) -> None:
        self.name = f"rows:{generation}"
        self.generation = generation
        self.feed: Feed = CompositeFeed(
            FullListing(sources.documents, self.name, self._page), DirtySet(sources.documents, str(generation))
        )
        self._row_repair = sources.row_repair

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        return {row_name(key): view_content(row) for key, row in self.rows(ids).items()}

    def rows(self, ids: Iterable[str]) -> Rows:
        """Rows by key: one read for 100 rows."""
        return self._row_repair.read_rows(self.generation, list(map(named_row, ids)))

    def _page(self, position: str, limit: int) -> Listing:
        keys, rest = self._row_repair.list_rows(self.generation, position, limit)
        return Listing(tuple(map(row_name, keys)), rest)


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows of both sides, and where each stream stood between two reads of them.

    Parameters
    ----------
    moving : frozenset[ViewKey]
        Rows that were written while they were read.
    expected : Mapping[ViewKey, ViewRow]
        The fold, carried forward and back to where the read model stood.
    lagging : Mapping[ViewKey, datetime]
        Rows that lack an event, and when the oldest of those was recorded.
    unsure : Mapping[str, str]
        Tenants with a stream that cannot be folded, and why.
    """

    actual: Rows
    moving: frozenset[ViewKey]
    expected: Rows
    lagging: Mapping[ViewKey, datetime]
    unsure: Mapping[str, str]


class ViewComparison:
    """Rows of a ``ViewProjection`` against its fold.

    Parameters
    ----------
    fence : Callable[[], datetime]
        Events recorded before should be in the rows, and rows written before stand still.

    Attributes
    ----------
    lagging : DirtySet
        Streams that the fold and the read model hold up to different versions; those that were changed behind the
        store's back are marked here too.
    """

    def __init__(
        self, projection: ViewProjection, generation: Generation, sources: Sources, histories: Histories, fence: Clock
    ) -> None:
        self.name = projection.name
        self.expected = ExpectedSide(projection, generation, sources, histories)
        self.actual = ViewRowSide(generation, sources)
        self.touched = self.lagging = DirtySet(sources.documents, f"lagging:{generation}")
        self._projection = projection
        self._sources = sources
        self._fence = fence

    def apply(self, ids: Sequence[str], *, fresh: bool = False) -> None:
        """Carry the fold on to the heads of streams, and remember those that the read model lacks."""
        self.expected.apply(ids, fresh=fresh)
        streams = list(map(StreamId.parse, ids))
        applied, live = self._versions(streams)
        self.lagging.add([str(s) for s in streams if live.get(s, 0) != applied.get(s, 0)], BEGINNING_OF_TIME)

    def judge(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        fence, cut = self._fence(), self._cut(ids)
        return {id: self._judged(id, named_row(id), cut, fence) for id in ids}

    def judge_streams(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        """Whether streams that the read model lacked have arrived."""
        streams, fence = list(map(StreamId.parse, ids)), self._fence()
        applied, live = self._versions(streams)
        return {str(s): self._arrived(s, applied.get(s, 0), live.get(s, 0), fence) for s in streams}

    def repair(self, finding: Finding) -> str:
        """Replace the wrong row, unless a projector writes it meanwhile."""
        if finding.kind == "stale_stream":
            self._sources.resume(self.name, StreamId.parse(finding.where))
            return "the stream was applied again from the event table"
        if finding.kind == "unfoldable_stream":
            raise NotRepairable(finding.detail)
        return while_it_moves(lambda: self._replace(named_row(finding.where)), finding.where)

    def _replace(self, key: ViewKey) -> str:
        id = row_name(key)
        cut = self._cut([id])
        if key in cut.moving:
            raise WriteConflict
        if key.tenant in cut.unsure:
            raise NotRepairable(cut.unsure[key.tenant])
        old, new = cut.actual.get(key), cut.expected.get(key)
        row = replace(new, projected_at=self._sources.clock()) if new else None
        self._sources.row_repair.replace_row(self.actual.generation, key, old, row)
        return "the row was replaced" if row else "the row was removed"

    def _judged(self, id: str, key: ViewKey, cut: Cut, fence: datetime) -> Verdict:
        row, since = cut.actual.get(key), cut.lagging.get(key)
        finding = difference(id, *map(_content, (cut.expected.get(key), row)))
        if key in cut.moving or (finding and row and row.projected_at > fence):
            return Verdict(moving=True)
        if finding and key.tenant in cut.unsure:
            finding = Finding(where=id, kind="unverifiable_row", detail=cut.unsure[key.tenant])
        if finding:
            return Verdict(finding, evidence=_evidence(finding))
        return Verdict(moving=since is not None, since=since)

    def _arrived(self, stream: StreamId, applied: int, live: int, fence: datetime) -> Verdict:
        try:
            missing = next(self._sources.store.commits(stream, live), None)
            self._changes(stream, applied, live)
        except (Unfoldable, StreamCorrupted) as error:
            kind = "unfoldable_stream"
            return Verdict(Finding(where=str(stream), kind=kind, detail=str(error)), evidence=kind)
        if missing is None:
            return Verdict()
        if missing.recorded_at > fence:
            return Verdict(moving=True, since=missing.recorded_at)
        detail = "events of this stream are missing from the rows"
        finding = Finding(where=str(stream), kind="stale_stream", version=live + 1, detail=detail)
        return Verdict(finding, evidence=str(live), since=missing.recorded_at)

    def _cut(self, ids: Sequence[str]) -> Cut:
        """Read rows, then where the streams stand, then the rows again: what did not change was cut in one place."""
        keys = set(map(named_row, ids))
        first = self.actual.rows(ids)
        streams = self._unsettled()
        applied, live = self._versions(streams)
        expected = dict(self.expected.rows(list(keys)))
        again = self.actual.rows(ids)
        moving = frozenset(key for key in keys if first.get(key) != again.get(key))
        return self._carried(keys, expected, again, moving, {s: (applied.get(s, 0), live.get(s, 0)) for s in streams})

    def _carried(
        self,
        keys: Set[ViewKey],
        expected: dict[ViewKey, ViewRow],
        actual: Rows,
        moving: frozenset[ViewKey],
        places: Mapping[StreamId, tuple[int, int]],
    ) -> Cut:
        """Carry the fold of each stream to where the read model holds it."""
        lagging: dict[ViewKey, datetime] = {}
        unsure: dict[str, str] = {}
        for stream, (applied, live) in places.items():
            try:
                changes = self._changes(stream, applied, live)
            except Unfoldable as error:
                unsure[stream.tenant] = str(error)
                continue
            for key in keys & changes.keys():
                row, change = expected.get(key), changes[key]
                if live > applied:
                    carried = changed_row(key, row, change, BEGINNING_OF_TIME)
                else:
                    carried = self._without(key, row, change, stream, live, actual.get(key))
                    lagging[key] = min(lagging.get(key, change.recorded_at), change.recorded_at)
                _set(expected, key, carried)
        return Cut(actual, moving, expected, lagging, unsure)

    def _changes(self, stream: StreamId, applied: int, live: int) -> Mapping[ViewKey, RowChange]:
        if applied == live:
            return {}
        move = self.expected.move(stream, min(applied, live), max(applied, live))
        if move is None or move.to_version < live:
            raise Unfoldable(f"{stream} is shorter than what the rows hold of it")
        return merge([move])

    def _without(
        self, key: ViewKey, row: ViewRow | None, change: RowChange, stream: StreamId, live: int, actual: ViewRow | None
    ) -> ViewRow | None:
        """The row before a change; one that is not just added to belongs to its stream alone."""
        if change.removed or change.fields:
            fold = ViewFold(self._projection, self._sources.store)
            fold.apply(stream, live)
            return fold.rows().get(key)
        if row is None or row.version == change.commits:
            return None
        fields = dict(row.fields) | {n: add(row.fields.get(n, 0), -amount) for n, amount in change.numbers.items()}
        kept = {n: v for n, v in fields.items() if v != Decimal(0) or (actual and n in actual.fields)}
        return replace(row, fields=kept, version=row.version - change.commits)

    def _versions(self, streams: Sequence[StreamId]) -> tuple[Mapping[StreamId, int], Mapping[StreamId, int]]:
        return self.expected.applied(streams), self._sources.views.checkpoints(self.actual.generation, streams)

    def _unsettled(self) -> list[StreamId]:
        """Streams that the fold and the read model may hold up to different versions."""
        return sorted(map(StreamId.parse, {*self.lagging.all(), *self.expected.streams.recent()}))


def _set(rows: dict[ViewKey, ViewRow], key: ViewKey, row: ViewRow | None) -> None:
    if row is None:
        rows.pop(key, None)
    else:
        rows[key] = row


def _content(row: ViewRow | None) -> Content | None:
    return view_content(row) if row else None


def _evidence(finding: Finding) -> str:
    return canonical([[field.name, field.expected, field.actual] for field in finding.fields]).decode() + finding.kind
