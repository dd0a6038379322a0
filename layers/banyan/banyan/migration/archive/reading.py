"""Reading all tables of a legacy system, a piece at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from banyan.events import CamelModel
from banyan.migration.archive.manifest import TableContent
from banyan.migration.archive.tables import LegacyTables

PAGE: Final = 500
PIECE_BYTES: Final = 4 * 2**20
"""A piece ends with the page that makes it larger: what one process holds at a time."""
NAMED: Final = 20


class TableReading(CamelModel):
    """How far the tables were read, and what they hold so far.

    Parameters
    ----------
    tables : tuple[TableContent, ...]
        Every table; those behind the place hold nothing yet.
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
    """The lines of the next piece, all of one table, and where to go on. Raises ``StoreUnavailable``."""
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
