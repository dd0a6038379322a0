"""The tables of a legacy system as lines: one row, one line of canonical JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from banyan.streams import StreamId


@dataclass(frozen=True, slots=True)
class TablePage:
    """Some rows of a table.

    Parameters
    ----------
    lines : Sequence[bytes]
        A row each, the same bytes for the same content.
    after : str, optional
        Where the next page begins; ``None`` behind the last one.
    unaligned : Sequence[str]
        Streams whose row was written behind the facade's back, where the table itself tells.
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
        """Up to ``limit`` rows behind a place. Raises ``StoreUnavailable``."""

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
