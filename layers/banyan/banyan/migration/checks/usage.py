"""Who still uses a legacy system: the facade, to within a minute, and other programs, once its writes are off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from banyan.errors import BanyanError
from banyan.events import CamelModel
from banyan.migration.archive.tables import DirectWrites, LegacyTables
from banyan.migration.documents import MigrationDocuments
from banyan.migration.phases.phases import Phases
from banyan.store.base import timestamp
from banyan.store.eventstore import Clock

READ: Final = "read"
WRITE: Final = "write"
SILENCE: Final = timedelta(minutes=1)
"""What one process does not note again."""
Seen = tuple[datetime, str]


class FacadeUsage:
    """Notes uses of the legacy system through the facade."""

    def __init__(self, documents: MigrationDocuments, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._noted: dict[str, datetime] = {}

    def used(self, kind: str) -> None:
        """Note that the facade used it, unless that was noted within the last minute; never fails."""
        now = self._clock()
        if kind in self._noted and now - self._noted[kind] < SILENCE:
            return
        with suppress(BanyanError):
            self._documents.put(_name(kind), timestamp(now))
            self._noted[kind] = now

    def last(self) -> Mapping[str, datetime]:
        """When it was last used, by kind. Raises ``StoreUnavailable``."""
        found = {kind: self._documents.get(_name(kind)) for kind in (READ, WRITE)}
        return {kind: datetime.fromisoformat(moment) for kind, moment in found.items() if moment}


class UsageReport(CamelModel):
    """What the monitor knows.

    Parameters
    ----------
    since : datetime
        Nothing was seen since.
    looks : int
        How often it looked.
    noticed, refused : int
        Direct writes that the legacy system noticed and refused so far.
    seen : str
        What was seen last.
    seen_at : datetime, optional
        When it was seen.
    """

    since: datetime
    looked_at: datetime
    looks: int = 0
    noticed: int = 0
    refused: int = 0
    seen: str = ""
    seen_at: datetime | None = None


class LegacyUsageMonitor:
    """Looks for any use of the legacy system. What it counts only grows, so that nothing between two looks is missed.

    Parameters
    ----------
    half_done : Callable[[], int]
        Completes what is half done and returns how much is left.
    """

    def __init__(
        self,
        tables: LegacyTables,
        phases: Phases,
        usage: FacadeUsage,
        half_done: Callable[[], int],
        documents: MigrationDocuments,
        clock: Clock,
    ) -> None:
        self._tables = tables
        self._phases = phases
        self._usage = usage
        self._half_done = half_done
        self._clock = clock
        self._document = documents.of("quiet", UsageReport)

    def known(self) -> UsageReport | None:
        """What it knew when it last looked. Raises ``StoreUnavailable``."""
        return self._document.read()

    def check(self) -> UsageReport:
        """Look for uses, and keep what was seen.

        Raises
        ------
        Conflict
            ``overtaken``: another process looked at the same time.
        StoreUnavailable
        """
        direct_writes, known, now = self._tables.direct_writes(), self._document.read(), self._clock()
        before = known or self._first(direct_writes, now)
        latest = max(self._seen(before, direct_writes, now), default=None)
        return self._document.save(_after(before, direct_writes, now, latest), instead_of=known)

    def report_use(self, what: str) -> UsageReport:
        """Keep a use that was seen elsewhere just now. Raises as ``check``."""
        direct_writes, known, now = self._tables.direct_writes(), self._document.read(), self._clock()
        after = _after(known or self._first(direct_writes, now), direct_writes, now, (now, what))
        return self._document.save(after, instead_of=known)

    def _first(self, direct_writes: DirectWrites, now: datetime) -> UsageReport:
        """Before the first look: what was noticed so far was before legacy writes were off."""
        moved_at = self._phases.refreshed().moved_at or now
        return UsageReport(since=moved_at, looked_at=moved_at, noticed=direct_writes.noticed)

    def _seen(self, before: UsageReport, direct_writes: DirectWrites, now: datetime) -> Iterator[Seen]:
        if direct_writes.refused > before.refused:
            yield now, f"{direct_writes.refused - before.refused} direct writes were refused"
        if direct_writes.noticed > before.noticed:
            row = f", the last to {direct_writes.last[0]}" if direct_writes.last else ""
            yield now, f"{direct_writes.noticed - before.noticed} direct writes{row}"
        half_done = self._half_done()
        if half_done:
            yield now, f"{half_done} writes are half done"
        for kind, moment in self._usage.last().items():
            if moment > before.since:
                yield moment, f"a {kind} through the facade"


def _after(before: UsageReport, direct_writes: DirectWrites, now: datetime, latest: Seen | None) -> UsageReport:
    since, seen_at, what = (latest[0], *latest) if latest else (before.since, before.seen_at, before.seen)
    return UsageReport(
        since=since,
        looked_at=now,
        looks=before.looks + 1,
        noticed=direct_writes.noticed,
        refused=direct_writes.refused,
        seen=what,
        seen_at=seen_at,
    )


def _name(kind: str) -> str:
    return f"used/{kind}"
