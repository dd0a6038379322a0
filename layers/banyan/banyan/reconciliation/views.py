"""A ``ViewProjection`` against its fold: rows that many streams share, compared at one cut through all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from banyan.errors import StreamCorrupted
from banyan.projections.base import ViewProjection
from banyan.projections.check import ViewFold
from banyan.projections.memory import changed_row
from banyan.projections.rows import RowChange, add, merge
from banyan.projections.upkeep import Upkeep, named_row, row_name
from banyan.projections.views import Generation, RowKey, ViewRow, Views, WatermarkMoved
from banyan.reconciliation.cells import Cells
from banyan.reconciliation.checksum import canonical
from banyan.reconciliation.contents import difference
from banyan.reconciliation.feeds import Clock, Feeds, Listed, Marks
from banyan.reconciliation.report import Finding
from banyan.reconciliation.shadows import ShadowSide, Unfoldable, view_content
from banyan.reconciliation.sides import Content, Feed, Listing, NotRepairable, Verdict
from banyan.reconciliation.states import Resume
from banyan.store import EventStore
from banyan.streams import BEGINNING_OF_TIME, StreamId

REPAIR_ATTEMPTS: Final = 5

Rows = Mapping[RowKey, ViewRow]


class ViewRowSide:
    """The rows of a ``ViewProjection`` as they are.

    Parameters
    ----------
    generation : Generation
    upkeep : Upkeep
    cells : Cells
    """

    def __init__(self, generation: Generation, upkeep: Upkeep, cells: Cells) -> None:
        self.name = f"rows:{generation}"
        self.generation = generation
        self.feed: Feed = Feeds(Listed(cells, self.name, self._page), Marks(cells, str(generation)))
        self._upkeep = upkeep

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """As in ``Side``."""
        return {row_name(key): view_content(row) for key, row in self.rows(ids).items()}

    def rows(self, ids: Iterable[str]) -> Rows:
        """Rows by key: one read for 100 rows."""
        return self._upkeep.read_rows(self.generation, list(map(named_row, ids)))

    def _page(self, position: str, limit: int) -> Listing:
        keys, rest = self._upkeep.list_rows(self.generation, position, limit)
        return Listing(tuple(map(row_name, keys)), rest)


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows of both sides, and where each stream stood between two reads of them.

    Parameters
    ----------
    actual : Mapping[RowKey, ViewRow]
    moving : frozenset[RowKey]
        Rows that were written while they were read.
    expected : Mapping[RowKey, ViewRow]
        The fold, carried forward and back to where the read model stood.
    behind : Mapping[RowKey, datetime]
        Rows that lack an event, and when the oldest of those was recorded.
    unsure : Mapping[str, str]
        Tenants with a stream that cannot be folded, and why.
    """

    actual: Rows
    moving: frozenset[RowKey]
    expected: Rows
    behind: Mapping[RowKey, datetime]
    unsure: Mapping[str, str]


class ViewComparison:
    """Rows of a ``ViewProjection`` against its fold.

    Parameters
    ----------
    projection : ViewProjection
    expected : ShadowSide
    actual : ViewRowSide
    store : EventStore
    views : Views
    upkeep : Upkeep
    cells : Cells
    clock : Callable[[], datetime]
    fence : Callable[[], datetime]
        Events recorded before should be in the rows, and rows written before stand still.
    resume : Callable[[str, StreamId], object]
        Brings a stream up to date in a projection, also a parked one.
    """

    def __init__(
        self,
        projection: ViewProjection,
        expected: ShadowSide,
        actual: ViewRowSide,
        store: EventStore,
        views: Views,
        upkeep: Upkeep,
        cells: Cells,
        clock: Clock,
        fence: Clock,
        resume: Resume,
    ) -> None:
        self.name = projection.name
        self.expected = expected
        self.actual = actual
        self.lagging = Marks(cells, f"lagging:{actual.generation}")
        self._projection = projection
        self._store = store
        self._views = views
        self._upkeep = upkeep
        self._clock = clock
        self._fence = fence
        self._resume = resume

    def take(self, ids: Sequence[str], *, fresh: bool = False) -> None:
        """Carry the fold on to the heads of streams, and remember those that the read model lacks."""
        self.expected.take(ids, fresh=fresh)
        streams = list(map(StreamId.parse, ids))
        taken, live = self._versions(streams)
        self.lagging.add([str(s) for s in streams if live.get(s, 0) != taken.get(s, 0)], BEGINNING_OF_TIME)

    def judge(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        """As in ``Comparison``."""
        fence, cut = self._fence(), self._cut(ids)
        return {id: self._judged(id, named_row(id), cut, fence) for id in ids}

    def judge_streams(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        """Whether streams that the read model lacked have arrived."""
        streams, fence = list(map(StreamId.parse, ids)), self._fence()
        taken, live = self._versions(streams)
        return {str(s): self._arrived(s, taken.get(s, 0), live.get(s, 0), fence) for s in streams}

    def repair(self, finding: Finding) -> str:
        """As in ``Comparison``: the row is put in the place of the wrong one, unless somebody writes it meanwhile."""
        if finding.kind == "stale_stream":
            self._resume(self.name, StreamId.parse(finding.where))
            return "the stream was taken in again from the event table"
        if finding.kind == "unfoldable_stream":
            raise NotRepairable(finding.detail)
        for _ in range(REPAIR_ATTEMPTS):
            try:
                return self._replace(named_row(finding.where))
            except WatermarkMoved:
                continue
        raise NotRepairable(f"{finding.where} keeps moving")

    def _replace(self, key: RowKey) -> str:
        id = row_name(key)
        cut = self._cut([id])
        if key in cut.moving:
            raise WatermarkMoved
        if key.tenant in cut.unsure:
            raise NotRepairable(cut.unsure[key.tenant])
        old, new = cut.actual.get(key), cut.expected.get(key)
        row = replace(new, projected_at=self._clock()) if new else None
        self._upkeep.replace_row(self.actual.generation, key, old, row)
        return "the row was written anew" if row else "the row was removed"

    def _judged(self, id: str, key: RowKey, cut: Cut, fence: datetime) -> Verdict:
        row, since = cut.actual.get(key), cut.behind.get(key)
        finding = difference(id, *map(_content, (cut.expected.get(key), row)))
        if key in cut.moving or (finding and row and row.projected_at > fence):
            return Verdict(moving=True)
        if finding and key.tenant in cut.unsure:
            finding = Finding(where=id, kind="unverifiable_row", detail=cut.unsure[key.tenant])
        if finding:
            return Verdict(finding, evidence=_evidence(finding))
        return Verdict(moving=since is not None, since=since)

    def _arrived(self, stream: StreamId, taken: int, live: int, fence: datetime) -> Verdict:
        try:
            missing = next(self._store.commits(stream, live), None)
            self._changes(stream, taken, live)
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
        taken, live = self._versions(streams)
        expected = dict(self.expected.rows(list(keys)))
        again = self.actual.rows(ids)
        moving = frozenset(key for key in keys if first.get(key) != again.get(key))
        return self._carried(keys, expected, again, moving, {s: (taken.get(s, 0), live.get(s, 0)) for s in streams})

    def _carried(
        self,
        keys: Set[RowKey],
        expected: dict[RowKey, ViewRow],
        actual: Rows,
        moving: frozenset[RowKey],
        places: Mapping[StreamId, tuple[int, int]],
    ) -> Cut:
        """Carry the fold of each stream to where the read model holds it."""
        behind: dict[RowKey, datetime] = {}
        unsure: dict[str, str] = {}
        for stream, (taken, live) in places.items():
            try:
                changes = self._changes(stream, taken, live)
            except Unfoldable as error:
                unsure[stream.tenant] = str(error)
                continue
            for key in keys & changes.keys():
                row, change = expected.get(key), changes[key]
                if live > taken:
                    carried = changed_row(key, row, change, BEGINNING_OF_TIME)
                else:
                    carried = self._without(key, row, change, stream, live, actual.get(key))
                    behind[key] = min(behind.get(key, change.recorded_at), change.recorded_at)
                _set(expected, key, carried)
        return Cut(actual, moving, expected, behind, unsure)

    def _changes(self, stream: StreamId, taken: int, live: int) -> Mapping[RowKey, RowChange]:
        if taken == live:
            return {}
        move = self.expected.move(stream, min(taken, live), max(taken, live))
        if move is None or move.to_version < live:
            raise Unfoldable(f"{stream} is shorter than what the rows hold of it")
        return merge([move])

    def _without(
        self, key: RowKey, row: ViewRow | None, change: RowChange, stream: StreamId, live: int, actual: ViewRow | None
    ) -> ViewRow | None:
        """The row before a change; one that is not just added to belongs to its stream alone."""
        if change.removed or change.fields:
            fold = ViewFold(self._projection, self._store)
            fold.take(stream, live)
            return fold.rows().get(key)
        if row is None or row.version == change.commits:
            return None
        fields = dict(row.fields) | {n: add(row.fields.get(n, 0), -amount) for n, amount in change.numbers.items()}
        kept = {n: v for n, v in fields.items() if v != Decimal(0) or (actual and n in actual.fields)}
        return replace(row, fields=kept, version=row.version - change.commits)

    def _versions(self, streams: Sequence[StreamId]) -> tuple[Mapping[StreamId, int], Mapping[StreamId, int]]:
        return self.expected.taken(streams), self._views.watermarks(self.actual.generation, streams)

    def _unsettled(self) -> list[StreamId]:
        """Streams that the fold and the read model may hold up to different versions."""
        return sorted(map(StreamId.parse, {*self.lagging.all(), *self.expected.streams.recent()}))


def _set(rows: dict[RowKey, ViewRow], key: RowKey, row: ViewRow | None) -> None:
    if row is None:
        rows.pop(key, None)
    else:
        rows[key] = row


def _content(row: ViewRow | None) -> Content | None:
    return view_content(row) if row else None


def _evidence(finding: Finding) -> str:
    return canonical([[field.name, field.expected, field.actual] for field in finding.fields]).decode() + finding.kind
