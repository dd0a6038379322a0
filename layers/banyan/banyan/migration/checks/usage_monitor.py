"""The watch over a legacy system that nobody should use any more: what was seen, and since when nothing was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from banyan.events import CamelModel
from banyan.migration.archive.tables import LegacyTables, Signs
from banyan.migration.checks.usage import Usage
from banyan.migration.phases.phases import Phases
from banyan.migration.stores.kept import Kept
from banyan.migration.stores.notes import Notes
from banyan.store.eventstore import Clock

Seen = tuple[datetime, str]


class Quiet(CamelModel):
    """What the watch knows.

    Parameters
    ----------
    since : datetime
        Nothing was seen since.
    looked_at : datetime
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


class Watch:
    """Looks for any use of the legacy system. What it counts only grows, so that nothing between two looks is missed.

    Parameters
    ----------
    tables : LegacyTables
    phases : Phases
    usage : Usage
    half_done : Callable[[], int]
        Completes what is half done and tells what is left.
    notes : Notes
    clock : Callable[[], datetime]
    """

    def __init__(
        self,
        tables: LegacyTables,
        phases: Phases,
        usage: Usage,
        half_done: Callable[[], int],
        notes: Notes,
        clock: Clock,
    ) -> None:
        self._tables = tables
        self._phases = phases
        self._usage = usage
        self._half_done = half_done
        self._clock = clock
        self._kept = Kept(notes, "quiet", Quiet)

    def known(self) -> Quiet | None:
        """What it knew when it last looked. Raises ``StoreUnavailable``."""
        return self._kept.read()

    def look(self) -> Quiet:
        """Look, and keep what was seen.

        Raises
        ------
        Conflict
            ``overtaken``: somebody else looked at the same time.
        StoreUnavailable
        """
        signs, known, now = self._tables.signs(), self._kept.read(), self._clock()
        before = known or self._first(signs, now)
        latest = max(self._seen(before, signs, now), default=None)
        return self._kept.save(_after(before, signs, now, latest), instead_of=known)

    def saw(self, what: str) -> Quiet:
        """Keep what somebody else saw just now. Raises as ``look``."""
        signs, known, now = self._tables.signs(), self._kept.read(), self._clock()
        after = _after(known or self._first(signs, now), signs, now, (now, what))
        return self._kept.save(after, instead_of=known)

    def _first(self, signs: Signs, now: datetime) -> Quiet:
        """Before the first look: what was noticed so far was before legacy writes were off."""
        moved_at = self._phases.refreshed().moved_at or now
        return Quiet(since=moved_at, looked_at=moved_at, noticed=signs.noticed)

    def _seen(self, before: Quiet, signs: Signs, now: datetime) -> Iterator[Seen]:
        if signs.refused > before.refused:
            yield now, f"{signs.refused - before.refused} direct writes were refused"
        if signs.noticed > before.noticed:
            row = f", the last to {signs.last[0]}" if signs.last else ""
            yield now, f"{signs.noticed - before.noticed} direct writes{row}"
        half_done = self._half_done()
        if half_done:
            yield now, f"{half_done} writes are half done"
        for kind, moment in self._usage.last().items():
            if moment > before.since:
                yield moment, f"a {kind} through the facade"


def _after(before: Quiet, signs: Signs, now: datetime, latest: Seen | None) -> Quiet:
    since, seen_at, what = (latest[0], *latest) if latest else (before.since, before.seen_at, before.seen)
    return Quiet(
        since=since,
        looked_at=now,
        looks=before.looks + 1,
        noticed=signs.noticed,
        refused=signs.refused,
        seen=what,
        seen_at=seen_at,
    )
