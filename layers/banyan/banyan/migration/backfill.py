"""Backfill: every row that no stream knows becomes an event, while the system is in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from banyan.errors import Conflict, InvalidEvent, RowRaced
from banyan.events import CamelModel
from banyan.migration.legacy import AnyRepository, AnyRow
from banyan.migration.notes import Notes
from banyan.migration.phases import Phases
from banyan.migration.steps import Phase
from banyan.streams import StreamId

PAGE: Final = 100
RACES: Final = 5
UNITS_PER_MILLION: Final = 1_000_000
INDEXED: Final = 2
"""An event is written to the table and to its index."""


class Aligner(Protocol):
    """Tells streams of rows."""

    def align(self, stream: StreamId) -> bool:
        """Whether there was anything to tell."""


class Progress(CamelModel):
    """How far a backfill has come.

    Parameters
    ----------
    after : StreamId, optional
        The last row it has looked at.
    seen, imported : int
        Rows looked at, and rows that became events.
    failed : Mapping[str, str]
        Rows that cannot become events, and why.
    finished : bool
    """

    after: StreamId | None = None
    seen: int = 0
    imported: int = 0
    failed: Mapping[str, str] = {}
    finished: bool = False


class Preview(CamelModel):
    """What a backfill will cost, by a sample of rows.

    Parameters
    ----------
    rows : int
        About how many there are.
    write_units : int
    price : float
        In the currency of the unit price.
    """

    rows: int
    write_units: int
    price: float


class Backfill:
    """Imports the rows of an entity.

    Parameters
    ----------
    repository : LegacyRepository
    aligner : Aligner
    relay : Callable[[], Any]
        Completes what the aligner left to others.
    phases : Phases
    notes : Notes
        Where progress is kept, so that a backfill that was cut short goes on.
    """

    def __init__(
        self,
        repository: AnyRepository,
        aligner: Aligner,
        relay: Callable[[], Any],
        phases: Phases,
        notes: Notes,
    ) -> None:
        self._repository = repository
        self._aligner = aligner
        self._relay = relay
        self._phases = phases
        self._notes = notes

    def preview(self, write_unit_price: float) -> Preview:
        """Tell the cost beforehand; a price is that of a million write units."""
        rows = self._repository.count()
        sample = self._repository.scan(None, PAGE)
        size = sum(map(_kilobytes, sample)) / len(sample) if sample else 0
        units = round(rows * size * INDEXED)
        return Preview(rows=rows, write_units=units, price=units * write_unit_price / UNITS_PER_MILLION)

    def progress(self) -> Progress:
        """How far it has come."""
        return kept_progress(self._notes)

    def run(self, report: Callable[[Progress], None] = lambda _: None, pages: int | None = None) -> Progress:
        """Go on to the end, or for some pages.

        Parameters
        ----------
        report : Callable[[Progress], None]
            Hears of every page.
        pages : int, optional

        Raises
        ------
        Conflict
            ``backfill_out_of_phase``: events follow every write only while both sides are written.
        StoreUnavailable
            Start again; it goes on behind the last page that was finished.
        """
        self._check_phase()
        progress = self.progress()
        if progress.finished:
            progress = Progress()
        while not progress.finished and pages != 0:
            progress = self._page(progress)
            self._notes.put("backfill", progress.model_dump_json())
            report(progress)
            pages = pages - 1 if pages else None
        return progress

    def _check_phase(self) -> None:
        phase = self._phases.refreshed().step.phase
        if phase not in (Phase.DUAL_WRITE, Phase.CANARY):
            raise Conflict("backfill_out_of_phase", f"a backfill runs in dual_write or canary, not in {phase}")

    def _page(self, progress: Progress) -> Progress:
        rows = self._repository.scan(progress.after, PAGE)
        imported, failed = progress.imported, dict(progress.failed)
        for row in rows:
            try:
                imported += not row.aligned and self._aligned(row.stream)
            except InvalidEvent as error:
                failed[str(row.stream)] = str(error)
        self._relay()
        after = rows[-1].stream if rows else progress.after
        return Progress(
            after=after, seen=progress.seen + len(rows), imported=imported, failed=failed, finished=not rows
        )

    def _aligned(self, stream: StreamId) -> bool:
        for _ in range(RACES):
            try:
                return self._aligner.align(stream)
            except RowRaced:
                continue
        return self._aligner.align(stream)


def kept_progress(notes: Notes) -> Progress:
    """How far the backfill of an entity has come."""
    kept = notes.get("backfill")
    return Progress.model_validate_json(kept) if kept else Progress()


def _kilobytes(row: AnyRow) -> int:
    """Write units of the event that tells a row."""
    return len(row.data.model_dump_json()) // 1024 + 1
