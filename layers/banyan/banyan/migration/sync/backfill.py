"""Backfill: every row that no stream knows becomes an event, while the system is in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Protocol

from banyan.errors import Conflict, PrimaryChanged, RowRaced
from banyan.events import CamelModel
from banyan.jobs import Job
from banyan.migration.documents import MigrationDocuments
from banyan.migration.phases.aggregate import Phase
from banyan.migration.phases.phases import Phases
from banyan.migration.stores.legacy import AnyRepository, AnyRow, BadRow, FoundRow, LegacyRow
from banyan.migration.stores.rows import key_at, place_of, readable
from banyan.migration.writes.parked import is_of_one_row, reason_of
from banyan.streams import StreamId

NOTE: Final = "backfill"
PAGE: Final = 25
SAMPLE: Final = 100
"""Rows by which a preview estimates."""
RACES: Final = 5
NAMED: Final = 100
"""Rows that failed and are named; the others are only counted."""
ENOUGH_SECONDS: Final = 10.0
"""A page takes less."""
UNITS_PER_MILLION: Final = 1_000_000
INDEXED: Final = 2
"""An event is written to the table and to its index."""


class RowImporter(Protocol):
    """Imports rows into their streams."""

    def import_row(self, stream: StreamId) -> bool:
        """Whether there was anything to import."""


class BackfillProgress(CamelModel):
    """How far a backfill has come.

    Parameters
    ----------
    rows : int
        About how many there were when it began.
    after : str, optional
        The last row it has looked at.
    seen, imported, failures : int
        Rows looked at, rows that became events, and rows that cannot become any.
    failed : Mapping[str, str]
        The first ``NAMED`` of these, and why.
    """

    rows: int = 0
    after: str | None = None
    seen: int = 0
    imported: int = 0
    failures: int = 0
    failed: Mapping[str, str] = {}
    finished: bool = False


class BackfillPreview(CamelModel):
    """What a backfill will cost, by a sample of rows.

    Parameters
    ----------
    rows : int
        About how many there are.
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
    relay : Callable[[], Any]
        Completes what the aligner left to others.
    documents : MigrationDocuments
        Where progress is kept, so that a backfill that was interrupted resumes.
    """

    def __init__(
        self,
        repository: AnyRepository,
        importer: RowImporter,
        relay: Callable[[], Any],
        phases: Phases,
        documents: MigrationDocuments,
    ) -> None:
        self._repository = repository
        self._importer = importer
        self._relay = relay
        self._phases = phases
        self._document = documents.of(NOTE, BackfillProgress)
        self._job = Job(
            lambda progress: [self._page(progress)], self._document.save, lambda progress: progress.finished
        )

    def preview(self, write_unit_price: float) -> BackfillPreview:
        """Estimate the cost; a price is that of a million write units."""
        rows = self._repository.count()
        sample = self._repository.scan(None, SAMPLE)
        sizes = [_kilobytes(row) for row in sample if isinstance(row, LegacyRow)]
        size = sum(sizes) / len(sample) if sample else 0
        units = round(rows * size * INDEXED)
        return BackfillPreview(rows=rows, write_units=units, price=units * write_unit_price / UNITS_PER_MILLION)

    def progress(self) -> BackfillProgress | None:
        """How far the newest one has come; ``None`` when none was begun. Raises ``StoreUnavailable``."""
        return self._document.read()

    def begin(self) -> BackfillProgress:
        """Ask for a backfill; one that was begun and is not finished continues.

        Raises
        ------
        Conflict
            ``backfill_out_of_phase``: events follow every write only while both sides are written;
            ``overtaken``: another process asked meanwhile.
        StoreUnavailable
        """
        self._check_phase()
        known = self._document.read()
        if known and not known.finished:
            return known
        return self._document.save(BackfillProgress(rows=self._repository.count()), instead_of=known)

    def go_on(self, remaining: Callable[[], float]) -> BackfillProgress | None:
        """Continue what was asked for, while there is time and the phase allows it.

        Parameters
        ----------
        remaining : Callable[[], float]
            Seconds that are left.

        Returns
        -------
        BackfillProgress or None
            How far it has come.

        Raises
        ------
        Conflict
            ``overtaken``: another process continues it.
        StoreUnavailable
            Try again later; what was done is done.
        """
        progress = self._document.read()
        if progress:
            with suppress(PrimaryChanged):
                for reached in self._job.places(progress, lambda: self._in_phase() and remaining() >= ENOUGH_SECONDS):
                    progress = reached
        return progress

    def run(
        self, report: Callable[[BackfillProgress], None] = lambda _: None, pages: int | None = None
    ) -> BackfillProgress:
        """Continue to the end, or for some pages.

        Parameters
        ----------
        report : Callable[[BackfillProgress], None]
            Gets the progress after every page.

        Raises
        ------
        Conflict
            As ``begin``.
        StoreUnavailable
            Start again; it continues after the last page that was finished.
        """
        progress = self.begin()
        for reached in islice(self._job.places(progress), pages):
            progress = reached
            report(progress)
        return progress

    def _check_phase(self) -> None:
        if not self._in_phase():
            phase = self._phases.current().step.phase
            raise Conflict("backfill_out_of_phase", f"a backfill runs in dual_write or canary, not in {phase}")

    def _in_phase(self) -> bool:
        return self._phases.refreshed().step.phase in (Phase.DUAL_WRITE, Phase.CANARY)

    def _page(self, progress: BackfillProgress) -> BackfillProgress:
        rows = self._repository.scan(key_at(progress.after) if progress.after else None, PAGE)
        imported, failed = 0, dict[str, str]()
        for row in rows:
            try:
                imported += self._import(row)
            except Exception as error:
                if not is_of_one_row(error):
                    raise
                failed[str(row if isinstance(row, BadRow) else row.stream)] = reason_of(error)
        self._relay()
        return BackfillProgress(
            rows=max(progress.rows, progress.seen + len(rows)),
            after=place_of(rows[-1]) if rows else progress.after,
            seen=progress.seen + len(rows),
            imported=progress.imported + imported,
            failures=progress.failures + len(failed),
            failed=dict(list({**progress.failed, **failed}.items())[:NAMED]),
            finished=not rows,
        )

    def _import(self, found: FoundRow) -> bool:
        row = readable(found)
        return row is not None and not row.in_sync and self._in_sync(row.stream)

    def _in_sync(self, stream: StreamId) -> bool:
        for _ in range(RACES):
            try:
                return self._importer.import_row(stream)
            except RowRaced:
                continue
        return self._importer.import_row(stream)


def _kilobytes(row: AnyRow) -> int:
    """Write units of the event that imports a row."""
    return len(row.data.model_dump_json()) // 1024 + 1
