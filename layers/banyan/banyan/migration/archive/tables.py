"""The tables of a legacy system as lines of JSON: a port, how far they were read, and what was done with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from banyan.events import CamelModel
from banyan.migration.archive.manifest import ArchivePart, TableContent
from banyan.streams import StreamId

PAGE: Final = 500
PIECE_BYTES: Final = 4 * 2**20
"""A piece ends with the page that makes it larger: what one process holds at a time."""
NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class TablePage:
    """Some rows of a table.

    Parameters
    ----------
    lines : Sequence[bytes]
        A row each, the same bytes for the same content.
    after : str, optional
        Where the next page begins; ``None`` after the last one.
    unaligned : Sequence[str]
        Streams whose row was written behind the facade's back, as far as the table itself says.
    """

    lines: Sequence[bytes]
    after: str | None
    out_of_sync: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DirectWrites:
    """What the legacy system itself noticed of programs that use it; the counts only grow.

    Parameters
    ----------
    noticed, refused : int
        Writes that were noticed, and attempts that were refused.
    last : tuple[StreamId, datetime], optional
        The row that was written last, and when.
    """

    noticed: int = 0
    refused: int = 0
    last: tuple[StreamId, datetime] | None = None


class LegacyTables(Protocol):
    """Tables of one entity's legacy system."""

    kind: str
    """What they stand on."""
    line_format: int
    """How rows are written as lines; those of an older format can still be read, compared and restored."""

    def in_format(self, line_format: int) -> LegacyTables:
        """The same tables, with lines of another format."""

    def names(self) -> Sequence[str]:
        """Names of the tables, those that others refer to first."""

    def page(self, table: str, after: str | None, limit: int) -> TablePage:
        """Up to ``limit`` rows after a place. Raises ``StoreUnavailable``."""

    def insert(self, table: str, lines: Sequence[bytes]) -> None:
        """Insert rows; those that stand there already stay as they are.

        Raises
        ------
        Conflict
            ``not_restorable``: the table refuses one of them.
        StoreUnavailable
        """

    def rehearse(self, table: str, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Restore rows out of everyone's sight, and read them back, in the same order. Raises as ``insert``."""

    def end_restoration(self) -> None:
        """Do what is left when every row is back. Raises ``StoreUnavailable``."""

    def filled(self) -> str | None:
        """Name of a table that holds rows, if there is one. Raises ``StoreUnavailable``."""

    def direct_writes(self) -> DirectWrites:
        """What was noticed so far. Raises ``StoreUnavailable``."""


class TableReading(CamelModel):
    """How far the tables were read, and what they hold so far.

    Parameters
    ----------
    tables : tuple[TableContent, ...]
        Every table; those after the place hold nothing yet.
    table : int
        Index of the table that is read.
    after : str, optional
        Where in it.
    line_format : int
        Of the lines that were read.
    unaligned : tuple[str, ...]
        Some streams whose row was written behind the facade's back.
    """

    tables: tuple[TableContent, ...]
    table: int = 0
    after: str | None = None
    line_format: int = 1
    unaligned: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether every table was read to its end."""
        return self.table == len(self.tables)

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return sum(table.rows for table in self.tables)


def begin(tables: LegacyTables) -> TableReading:
    """Before the first row."""
    return TableReading(
        tables=tuple(TableContent(name=name) for name in tables.names()), line_format=tables.line_format
    )


def read_on(tables: LegacyTables, reading: TableReading) -> tuple[Sequence[bytes], TableReading]:
    """The lines of the next piece, all of one table, and where to continue. Raises ``StoreUnavailable``."""
    rows, after, lines, out_of_sync = reading.tables[reading.table], reading.after, list[bytes](), list[str]()
    while sum(map(len, lines)) < PIECE_BYTES:
        page = tables.in_format(reading.line_format).page(rows.name, after, PAGE)
        lines += page.lines
        out_of_sync += page.out_of_sync
        after = page.after
        if after is None:
            break
    known = (*reading.tables[: reading.table], rows.with_lines(lines), *reading.tables[reading.table + 1 :])
    named = (*reading.unaligned, *out_of_sync)[:NAMED]
    place = {"tables": known, "table": reading.table + (after is None), "after": after, "unaligned": named}
    return lines, reading.model_copy(update=place)


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
    phase_version : int
        Version of the migration's stream when it was begun.
    parts : int
        Objects written so far, without the manifest.
    newest_part : ArchivePart, optional
        The last of them.
    manifest_sha256 : str
        Of the manifest's object, once it is written.
    ended_at : datetime, optional
        When the tables were read to their end; the manifest says so.
    checked : int
        Objects read back.
    found : tuple[TableContent, ...]
        What they held.
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
    manifest_sha256 : str
        Of the manifest's object, where it is known.
    checked, written : int
        Objects that were read and found whole, and objects whose rows were inserted.
    reading : TableReading, optional
        How far the restored tables were read, to be compared with the manifest.
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
