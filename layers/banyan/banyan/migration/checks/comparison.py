"""The rows of a legacy system against the read model that takes their place, while both are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from banyan.documents import Documents
from banyan.errors import StreamCorrupted, UnreadableRow
from banyan.migration.phases.aggregate import Phase
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import AnyRepository, FoundRow, TracksChanges, side_name
from banyan.migration.stores.rows import key_at, nameable, place_of, readable
from banyan.migration.sync.contents import view_of
from banyan.migration.sync.repair import LegacyRepair
from banyan.migration.writes.primary import Primary
from banyan.projections.base import AnyStreamProjection
from banyan.projections.state import ProjectionState
from banyan.projections.views import StateRow
from banyan.reconciliation.feeds import Clock, CompositeFeed, FullListing, RestartingFeed
from banyan.reconciliation.report import Finding
from banyan.reconciliation.rows import ReadModelSide, Sources
from banyan.reconciliation.sides import Content, Feed, Listing, Side, Verdict, judged
from banyan.reconciliation.tree import DigestTree, path_of
from banyan.store import EventStore
from banyan.store.base import timestamp
from banyan.streams import StreamId

if TYPE_CHECKING:
    from banyan.migration.migration import Migration


UNREADABLE: Final = "(unreadable)"
"""Stands in the place of what a bad row shows."""
MANY: Final = 10_000
UNREADABLE_ROW: Final = "unreadable_row"
BOTH_WRITTEN: Final = frozenset({Phase.DUAL_WRITE, Phase.CANARY})


class LegacySide:
    """The rows of a legacy system, as a read model shows them.

    Parameters
    ----------
    projection : str
        One of the adapter's ``views``.
    """

    def __init__(self, repository: AnyRepository, adapter: AnyAdapter, projection: str, documents: Documents) -> None:
        self.name = side_name(adapter.entity)
        self.feed = self._feed(documents, repository)
        self._repository = repository
        self._adapter = adapter
        self._projection = projection

    def rows(self, ids: Sequence[str]) -> Mapping[str, FoundRow]:
        """Rows of streams."""
        return {str(stream): row for stream, row in self._repository.rows(list(map(StreamId.parse, ids))).items()}

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """One read for 100 rows."""
        return {id: self.content(row) for id, row in self.rows(ids).items()}

    def content(self, row: FoundRow) -> Content:
        """What is compared of a row; of one that is bad, why it is."""
        try:
            found = readable(row)
            content: Content = view_of(self._adapter, self._projection, found.data).model_dump() if found else {}
        except UnreadableRow as error:
            return {UNREADABLE: error.detail}
        return content

    def _feed(self, documents: Documents, repository: AnyRepository) -> Feed:
        """All rows that are or were, and then what changed; all in every run where nothing records changes."""

        def rows(position: str, limit: int) -> Listing:
            found = repository.scan(key_at(position) if position else None, limit)
            streams = [nameable(key_at(place_of(row)), self._adapter.entity) for row in found]
            return Listing(tuple(map(str, filter(None, streams))), place_of(found[-1]) if found else None)

        def known(position: str, limit: int) -> Listing:
            tree.forget_root()  # what was listed before has changed it
            ids = tuple(tree.ids(position, limit))
            return Listing(ids, path_of(ids[-1]) if ids else None)

        tree = DigestTree(documents, self.name)
        everything = CompositeFeed(
            FullListing(documents, f"known:{self.name}", known), FullListing(documents, self.name, rows)
        )
        tracked = repository.changes(documents) if isinstance(repository, TracksChanges) else None
        if tracked is None:
            return RestartingFeed(documents, self.name, everything)
        origin = tracked.origin
        return RestartingFeed(documents, self.name, CompositeFeed(everything, tracked.feed), lambda _: origin)


class LegacyComparison:
    """Rows of both sides; the primary is believed.

    Contents are compared where both sides stand at the same version of the stream, and where a row was written
    behind the facade's back. Where one side lags, the write is on its way as long as a worker is about to
    complete it and it is younger than the fence.

    Parameters
    ----------
    fence : Callable[[], datetime]
        A write made before should have arrived.
    """

    name = "legacy"

    def __init__(
        self,
        migration: Migration,
        primary: Primary,
        legacy: LegacySide,
        shown: ReadModelSide,
        store: EventStore,
        fence: Clock,
    ) -> None:
        self._migration = migration
        self._leads = primary is Primary.LEGACY
        self._legacy = legacy
        self._shown = shown
        self._store = store
        self._fence = fence
        self._repair = LegacyRepair(migration, store)
        self.expected: Side = legacy if self._leads else shown
        self.actual: Side = shown if self._leads else legacy

    def judge(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        """Read models first and legacy rows after, so that these never lag in between."""
        fence = self._fence()
        shown = self._shown.rows(ids)
        rows = self._legacy.rows(ids)
        verdicts = {id: self._content(id, rows.get(id), id in shown, shown.get(id)) for id in ids}
        apart = [id for id in ids if _may_be_late(verdicts[id]) and _apart(rows.get(id), shown.get(id))]
        return verdicts | (self._on_their_way(apart, verdicts, rows, shown, fence) if apart else {})

    def repair(self, finding: Finding) -> str:
        """The side that is not primary follows the other one."""
        return self._repair(StreamId.parse(finding.where))

    def _content(self, id: str, row: FoundRow | None, exists: bool, shown: StateRow | None) -> Verdict:
        legacy = self._legacy.content(row) if row else None
        if legacy and UNREADABLE in legacy:
            why = str(legacy[UNREADABLE])
            return Verdict(Finding(where=id, kind=UNREADABLE_ROW, detail=why), evidence=why)
        seen = self._shown.content(shown) if exists else None
        verdict = judged(id, legacy, seen) if self._leads else judged(id, seen, legacy)
        return replace(verdict, finding=_explained(verdict.finding, row, exists)) if verdict.finding else verdict

    def _on_their_way(
        self,
        ids: Sequence[str],
        verdicts: Mapping[str, Verdict],
        rows: Mapping[str, FoundRow],
        shown: Mapping[str, StateRow | None],
        fence: datetime,
    ) -> dict[str, Verdict]:
        """Differences where one side may only lag: the worker that has to complete a write says since when."""
        missing = {id: self._missing(id, rows.get(id), shown.get(id)) for id in ids}
        owned = {str(each.stream): each.since for each in self._migration.half_done(MANY)}
        return {id: _late(verdicts[id], missing[id] or owned.get(id), missing[id] is not None, fence) for id in ids}

    def _missing(self, id: str, row: FoundRow | None, shown: StateRow | None) -> datetime | None:
        """When the first event was recorded that the read model lacks and the row has."""
        version = shown.version if shown else 0
        if row is None or row.stream_version <= version:
            return None
        try:
            commit = next(self._store.commits(StreamId.parse(id), version), None)
        except StreamCorrupted:
            return None
        return commit.recorded_at if commit else None


def compared(migration: Migration) -> str:
    """Name of the projection that rows are compared with."""
    return next(iter(migration.adapter.views))


def is_due(migration: Migration) -> bool:
    """Whether both sides are written, and every row that was there before has been imported."""
    backfill = migration.backfill.progress()
    return backfill is not None and backfill.finished and migration.phases.refreshed().step.phase in BOTH_WRITTEN


def comparisons(
    migration: Migration, projection: AnyStreamProjection, state: ProjectionState, sources: Sources, fence: Clock
) -> Sequence[LegacyComparison]:
    """The comparison of the legacy system with a projection; none while there is nothing to compare.

    Rows that another version of the projection made are not what it shows: they are compared after its rebuild.
    """
    if not is_due(migration) or state.outdated(projection.version):
        return ()
    legacy = LegacySide(migration.repository, migration.adapter, projection.name, sources.documents)
    shown = ReadModelSide(projection, state.generation(), sources)
    return (LegacyComparison(migration, migration.phases.current().primary, legacy, shown, sources.store, fence),)


def _may_be_late(verdict: Verdict) -> bool:
    return verdict.finding is not None and verdict.finding.kind != UNREADABLE_ROW


def _explained(finding: Finding, row: FoundRow | None, exists: bool) -> Finding:
    """A difference with what is known of its cause."""
    if row is None:
        return finding.model_copy(update={"detail": "the legacy system has no such row"})
    if not row.in_sync:
        return finding.model_copy(update={"detail": "no event has the row as it is"})
    return finding if exists else finding.model_copy(update={"detail": "the read model has no such row"})


def _apart(row: FoundRow | None, shown: StateRow | None) -> bool:
    """Whether the sides stand at different versions of the stream, as far as they know of one."""
    if row is None:
        return True
    return row.in_sync and row.stream_version != (shown.version if shown else 0)


def _late(verdict: Verdict, since: datetime | None, recorded: bool, fence: datetime) -> Verdict:
    """What to say of a side that lags; what the event store has is left to the read model's own comparison."""
    if since is None or verdict.finding is None:
        return verdict
    if recorded or since > fence:
        return Verdict(moving=True, since=since)
    detail = f"a write of {timestamp(since)} did not arrive"
    return replace(verdict, finding=verdict.finding.model_copy(update={"detail": detail}), since=since)
