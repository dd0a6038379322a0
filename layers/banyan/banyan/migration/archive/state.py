"""How far an archive has come, and how far its restoration."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from banyan.events import CamelModel
from banyan.migration.archive.manifest import ArchivePart, TableContent
from banyan.migration.archive.reading import TableReading


class ArchiveStage(StrEnum):
    """What is done to an archive."""

    WRITING = "writing"
    CHECKING = "checking"
    """Its objects are read back."""
    VERIFIED = "verified"
    DAMAGED = "damaged"


class Archive(CamelModel):
    """An archive of the legacy system.

    Parameters
    ----------
    id : str
    begun_at : datetime
    phase_version : int
        Version of the migration's stream when it was begun.
    stage : ArchiveStage
    reading : TableReading
    parts : int
        ArchiveObjects written so far, without the manifest.
    newest_part : ArchivePart, optional
        The last of them.
    manifest_sha256 : str
        Of the manifest's object, once it is written.
    ended_at : datetime, optional
        When the tables were read to their end; the manifest says so, whoever writes it.
    checked : int
        ArchiveObjects read back.
    found : tuple[TableContent, ...]
        What they held.
    verified_at : datetime, optional
    damage : str
    """

    id: str
    begun_at: datetime
    phase_version: int
    stage: ArchiveStage = ArchiveStage.WRITING
    reading: TableReading
    parts: int = 0
    newest_part: ArchivePart | None = None
    manifest_sha256: str = ""
    ended_at: datetime | None = None
    checked: int = 0
    found: tuple[TableContent, ...] = ()
    verified_at: datetime | None = None
    damage: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do to it."""
        return self.stage in (ArchiveStage.VERIFIED, ArchiveStage.DAMAGED)


class Restoration(CamelModel):
    """A restoration of an archive into an empty legacy system.

    Parameters
    ----------
    archive : str
        Its id.
    begun_at : datetime
    manifest_sha256 : str
        Of the manifest's object, where it is known.
    checked, written : int
        ArchiveObjects that were read and found whole, and objects whose rows were inserted.
    reading : TableReading, optional
        How far the restored tables were read, to be compared with the manifest.
    ended_at : datetime, optional
    damage : str
        Why it was given up.
    """

    archive: str
    begun_at: datetime
    manifest_sha256: str = ""
    checked: int = 0
    written: int = 0
    reading: TableReading | None = None
    ended_at: datetime | None = None
    damage: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do to it."""
        return self.ended_at is not None or bool(self.damage)
