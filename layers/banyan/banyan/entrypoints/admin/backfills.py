"""Routes over what the migration's controller does in slices: the backfill, and the archive of the legacy system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import Field

from banyan.entrypoints.admin.migrations import CurrentMigration
from banyan.events import CamelModel
from banyan.migration.archive.manifest import TableContent
from banyan.migration.archive.tables import Archive, Restoration
from banyan.migration.sync.backfill import BackfillPreview, BackfillProgress

router = Router()  # type: ignore[no-untyped-call]

Name = Annotated[str, Field(pattern="^[A-Za-z0-9]{1,64}$")]


class BackfillAnswer(CamelModel):
    """How far the newest backfill has come, if one was begun; and, unless it goes on, what a whole one costs."""

    progress: BackfillProgress | None
    preview: BackfillPreview | None


class ArchiveRequest(CamelModel):
    """An archive; ``anew`` even if there is one."""

    anew: bool = False


class RestoreRequest(CamelModel):
    """Which archive to restore: the newest unless told otherwise."""

    archive: Name | None = None


class ArchiveProgress(CamelModel):
    """How far an archive has come: ``rows`` read into ``parts``, of which ``checked`` were read back."""

    id: str
    begun_at: datetime
    stage: Literal["writing", "checking", "verified", "damaged"]
    rows: int
    parts: int
    checked: int
    tables: Sequence[TableContent]
    manifest_sha256: str
    verified_at: datetime | None
    damage: str


class RestorationProgress(CamelModel):
    """How far a restoration has come: parts ``checked``, parts ``written``, and rows read back to be compared."""

    archive: str
    begun_at: datetime
    checked: int
    written: int
    compared: int
    ended_at: datetime | None
    damage: str


class ArchiveAnswer(CamelModel):
    """How far the newest archive has come, and the newest restoration, where there is one."""

    archive: ArchiveProgress | None
    restoration: RestorationProgress | None


@router.get("/admin/migration/backfill", operation_id="showBackfill", summary="How far the backfill has come")
def show_backfill(asked: CurrentMigration) -> BackfillAnswer:
    """Show the backfill; or, unless one goes on, what a whole one costs."""
    return _backfill(asked)


@router.post("/admin/migration/backfill", operation_id="backfill", summary="Tell the event store of every row")
def start_backfill(asked: CurrentMigration) -> BackfillAnswer:
    """Start a backfill, or go on with one that was begun; it goes on by itself."""
    asked.migration.backfill.begin()
    asked.start_controller()
    return _backfill(asked)


@router.get("/admin/migration/archive", operation_id="showArchive", summary="How far archive and restoration have come")
def show_archive(asked: CurrentMigration) -> ArchiveAnswer:
    """Show the newest archive and the newest restoration."""
    return _archive(asked)


@router.post("/admin/migration/archive", operation_id="archive", summary="Archive the legacy system")
def archive(body: ArchiveRequest, asked: CurrentMigration) -> ArchiveAnswer:
    """Start an archive, or go on with one that was begun; it goes on by itself."""
    asked.migration.archives.begin(again=body.anew)
    asked.start_controller()
    return _archive(asked)


@router.post("/admin/migration/restore", operation_id="restore", summary="Restore the legacy system from an archive")
def restore(body: RestoreRequest, asked: CurrentMigration) -> ArchiveAnswer:
    """Put an archive back into empty tables, or go on with one that was begun; it goes on by itself."""
    asked.migration.archives.restore(body.archive)
    asked.start_controller()
    return _archive(asked)


def _backfill(asked: CurrentMigration) -> BackfillAnswer:
    backfill, settings = asked.migration.backfill, asked.call.application.settings
    progress = backfill.progress()
    goes_on = progress is not None and not progress.finished
    return BackfillAnswer(progress=progress, preview=None if goes_on else backfill.preview(settings.write_unit_price))


def _archive(asked: CurrentMigration) -> ArchiveAnswer:
    archive, restoration = asked.migration.archives.progress(), asked.migration.archives.restoration()
    return ArchiveAnswer(
        archive=_archived(archive) if archive else None, restoration=_restored(restoration) if restoration else None
    )


def _archived(archive: Archive) -> ArchiveProgress:
    return ArchiveProgress(
        id=archive.id,
        begun_at=archive.begun_at,
        stage=archive.stage.value,
        rows=archive.reading.rows,
        parts=archive.parts,
        checked=archive.checked,
        tables=archive.reading.tables,
        manifest_sha256=archive.manifest_sha256,
        verified_at=archive.verified_at,
        damage=archive.damage,
    )


def _restored(restoration: Restoration) -> RestorationProgress:
    return RestorationProgress(
        archive=restoration.archive,
        begun_at=restoration.begun_at,
        checked=restoration.checked,
        written=restoration.written,
        compared=restoration.reading.rows if restoration.reading else 0,
        ended_at=restoration.ended_at,
        damage=restoration.damage,
    )
