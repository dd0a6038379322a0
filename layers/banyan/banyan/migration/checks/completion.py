"""The last step: only when the legacy system was not used for long enough, and its archive is known to be whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from banyan.errors import Conflict
from banyan.events import CamelModel
from banyan.jobs import Job
from banyan.migration.archive.tables import Archive, ArchiveStage, TableReading, begin, read_on
from banyan.migration.archive.worker import Archives
from banyan.migration.checks.usage import LegacyUsageMonitor, UsageReport
from banyan.store.base import timestamp
from banyan.store.eventstore import Clock

FRESH: Final = timedelta(hours=6)
"""How old a comparison may be."""
SECONDS: Final = 8.0
"""How long a caller waits while tables are compared with their archive."""


class Rereading(CamelModel):
    """The tables, read once more to be compared with an archive.

    Parameters
    ----------
    archive : str
        Its id.
    """

    archive: str
    begun_at: datetime
    reading: TableReading
    ended_at: datetime | None = None


class Completion:
    """Says whether a migration may be completed.

    Parameters
    ----------
    quiet : timedelta
        How long nothing must have been seen.
    ticks : Callable[[], float]
        Seconds that only go forward.
    """

    def __init__(
        self,
        archives: Archives,
        monitor: LegacyUsageMonitor,
        quiet: timedelta,
        clock: Clock,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._archives = archives
        self._watch = monitor
        self._quiet = quiet
        self._clock = clock
        self._ticks = ticks
        self._document = archives.documents.of("rereading", Rereading)

    def evidence(self) -> Mapping[str, Any]:
        """Expect that nothing stands in the way, and say why.

        Raises
        ------
        Conflict
            ``legacy_in_use``, ``not_quiet_for_long_enough``, ``not_archived``, ``archive_too_young``;
            ``still_comparing``: ask again.
        StoreUnavailable
        """
        quiet = self._watch.check()
        self._expect_quiet(quiet)
        archive = self._expect_archive()
        rereading = self._reread(archive)
        self._expect_unchanged(archive, rereading)
        return {
            "quiet": quiet.model_dump(mode="json", by_alias=True),
            "archive": archive.id,
            "manifestSha256": archive.manifest_sha256,
            "tables": [rows.model_dump(by_alias=True) for rows in archive.reading.tables],
            "comparedAt": timestamp(rereading.begun_at),
        }

    def go_on(self) -> None:
        """Continue a comparison that was begun. Raises as ``evidence``."""
        archive, known = self._archives.progress(), self._document.read()
        if archive and known and known.archive == archive.id and not known.ended_at:
            with suppress(Conflict):
                self._reread(archive)

    def _expect_quiet(self, quiet: UsageReport) -> None:
        if quiet.looked_at - quiet.since >= self._quiet:
            return
        if quiet.seen_at == quiet.since:
            raise Conflict(
                "legacy_in_use",
                f"the legacy system is in use: {quiet.seen}, seen at {timestamp(quiet.since)};"
                f" nothing may be seen for {self._quiet}",
            )
        raise Conflict(
            "not_quiet_for_long_enough",
            f"nothing was seen of the legacy system since {timestamp(quiet.since)}, which is not yet {self._quiet}",
        )

    def _expect_archive(self) -> Archive:
        archive = self._archives.progress()
        if archive is None or archive.stage is not ArchiveStage.VERIFIED or archive.ended_at is None:
            stage = f"{archive.stage} {archive.damage}".rstrip() if archive else "missing"
            raise Conflict("not_archived", f"the archive of the legacy system is {stage}")
        if self._clock() - archive.ended_at < self._quiet:
            raise Conflict(
                "archive_too_young",
                f"the archive of {timestamp(archive.ended_at)} is compared with the tables when {self._quiet} old",
            )
        return archive

    def _reread(self, archive: Archive) -> Rereading:
        deadline = self._ticks() + SECONDS
        job = Job(lambda place: [self._next(place)], self._document.save, lambda place: place.ended_at is not None)
        rereading = job.run(self._begun(archive), lambda: self._ticks() <= deadline)
        if not rereading.ended_at:
            raise Conflict(
                "still_comparing",
                f"{rereading.reading.rows} of {archive.reading.rows} rows are compared with the archive: ask again",
            )
        return rereading

    def _begun(self, archive: Archive) -> Rereading:
        known, now = self._document.read(), self._clock()
        if known and known.archive == archive.id and now - known.begun_at < FRESH:
            return known
        fresh = Rereading(archive=archive.id, begun_at=now, reading=begin(self._archives.tables))
        return self._document.save(fresh, instead_of=known)

    def _next(self, rereading: Rereading) -> Rereading:
        if rereading.reading.finished:
            return rereading.model_copy(update={"ended_at": self._clock()})
        reading = read_on(self._archives.tables, rereading.reading)[1]
        return rereading.model_copy(update={"reading": reading})

    def _expect_unchanged(self, archive: Archive, rereading: Rereading) -> None:
        if rereading.reading.tables == archive.reading.tables:
            return
        what = f"other rows than were archived{_named(archive.reading, rereading.reading)}: archive again"
        self._watch.report_use(what)
        raise Conflict("legacy_in_use", f"the legacy system is in use: {what}, seen at {_moment(rereading)}")


def _named(before: TableReading, after: TableReading) -> str:
    """The rows that are known to have been written, or else the tables."""
    rows = [name for name in after.unaligned if name not in before.unaligned]
    tables = [b.name for a, b in zip(before.tables, after.tables, strict=True) if a != b]
    return f" ({', '.join(rows or tables)})"


def _moment(rereading: Rereading) -> str:
    moment: datetime = rereading.ended_at or rereading.begun_at
    return timestamp(moment)
