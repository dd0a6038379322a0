"""A legacy system against the read model that takes its place, while both are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from banyan.errors import StreamCorrupted
from banyan.migration.checks.rows_side import UNREADABLE, LegacySide
from banyan.migration.migration import Migration
from banyan.migration.stores.legacy import FoundRow
from banyan.migration.sync.repair import LegacyRepair
from banyan.migration.writes.primary import Primary
from banyan.projections.views import StateRow
from banyan.reconciliation.feeds import Clock
from banyan.reconciliation.report import Finding
from banyan.reconciliation.rows import ReadModelSide
from banyan.reconciliation.sides import Side, Verdict, judged
from banyan.store import EventStore
from banyan.store.chain import timestamp
from banyan.streams import StreamId

MANY: Final = 10_000
UNREADABLE_ROW: Final = "unreadable_row"


class LegacyComparison:
    """Rows of both sides; the primary is believed.

    Contents are compared where both sides stand at the same version of the stream, and where a row was written
    behind the facade's back. Where one side is behind, the write is on its way as long as a worker is about to
    complete it and it is younger than the fence.

    Parameters
    ----------
    migration : Migration
    primary : Primary
    legacy : LegacySide
    shown : ReadModelSide
    store : EventStore
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
        """As in ``Comparison``: read models first and legacy rows after, so that these are never behind in between."""
        fence = self._fence()
        shown = self._shown.rows(ids)
        rows = self._legacy.rows(ids)
        verdicts = {id: self._content(id, rows.get(id), id in shown, shown.get(id)) for id in ids}
        apart = [id for id in ids if _may_be_late(verdicts[id]) and _apart(rows.get(id), shown.get(id))]
        return verdicts | (self._on_their_way(apart, verdicts, rows, shown, fence) if apart else {})

    def repair(self, finding: Finding) -> str:
        """As in ``Comparison``: the side that is not primary follows the other one."""
        return self._repair(StreamId.parse(finding.where))

    def _content(self, id: str, row: FoundRow | None, exists: bool, shown: StateRow | None) -> Verdict:
        legacy = self._legacy.content(row) if row else None
        if legacy and UNREADABLE in legacy:
            why = str(legacy[UNREADABLE])
            return Verdict(Finding(where=id, kind=UNREADABLE_ROW, detail=why), evidence=why)
        seen = self._shown.content(shown) if exists else None
        verdict = judged(id, legacy, seen) if self._leads else judged(id, seen, legacy)
        return replace(verdict, finding=_told(verdict.finding, row, exists)) if verdict.finding else verdict

    def _on_their_way(
        self,
        ids: Sequence[str],
        verdicts: Mapping[str, Verdict],
        rows: Mapping[str, FoundRow],
        shown: Mapping[str, StateRow | None],
        fence: datetime,
    ) -> dict[str, Verdict]:
        """Differences of which one side may only be behind: whoever still has to complete a write says since when."""
        missing = {id: self._missing(id, rows.get(id), shown.get(id)) for id in ids}
        owned = {str(each.stream): each.since for each in self._migration.half_done(MANY)}
        return {id: _late(verdicts[id], missing[id] or owned.get(id), missing[id] is not None, fence) for id in ids}

    def _missing(self, id: str, row: FoundRow | None, shown: StateRow | None) -> datetime | None:
        """When the first event was recorded that the read model lacks and the row tells."""
        version = shown.version if shown else 0
        if row is None or row.stream_version <= version:
            return None
        try:
            commit = next(self._store.commits(StreamId.parse(id), version), None)
        except StreamCorrupted:
            return None
        return commit.recorded_at if commit else None


def _may_be_late(verdict: Verdict) -> bool:
    return verdict.finding is not None and verdict.finding.kind != UNREADABLE_ROW


def _told(finding: Finding, row: FoundRow | None, exists: bool) -> Finding:
    """A difference with what is known of its cause."""
    if row is None:
        return finding.model_copy(update={"detail": "the legacy system has no such row"})
    if not row.in_sync:
        return finding.model_copy(update={"detail": "no event tells of the row as it is"})
    return finding if exists else finding.model_copy(update={"detail": "the read model has no such row"})


def _apart(row: FoundRow | None, shown: StateRow | None) -> bool:
    """Whether the sides stand at different versions of the stream, as far as they know of one."""
    if row is None:
        return True
    return row.in_sync and row.stream_version != (shown.version if shown else 0)


def _late(verdict: Verdict, since: datetime | None, recorded: bool, fence: datetime) -> Verdict:
    """What to say of a side that is behind; what the event store has, the read model's own comparison speaks of."""
    if since is None or verdict.finding is None:
        return verdict
    if recorded or since > fence:
        return Verdict(moving=True, since=since)
    detail = f"a write of {timestamp(since)} did not arrive"
    return replace(verdict, finding=verdict.finding.model_copy(update={"detail": detail}), since=since)
