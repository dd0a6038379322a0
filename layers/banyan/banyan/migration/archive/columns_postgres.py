"""The columns of a PostgreSQL table, and the SQL that writes a row as a line and reads it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Cursor
from psycopg.rows import TupleRow

JSONB: Final = 1
COLUMNS: Final = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated <> ''
    FROM pg_attribute a
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum"""
KEY: Final = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), false
    FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(number, place), pg_attribute a
    WHERE i.indrelid = %s::regclass AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.number
    ORDER BY k.place"""
NUMBERED: Final = """
    SELECT DISTINCT a.attname, s.seqrelid::regclass::text, s.seqincrement > 0
    FROM pg_attribute a
    JOIN pg_sequence s ON EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
    ) OR EXISTS (
        SELECT FROM pg_depend d JOIN pg_attrdef v ON d.classid = 'pg_attrdef'::regclass AND d.objid = v.oid
        WHERE v.adrelid = a.attrelid AND v.adnum = a.attnum AND d.refobjid = s.seqrelid
    )
    WHERE a.attrelid = %s::regclass AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)"""
"""Integer columns that a sequence fills: identities, serials, and defaults that name it."""
GO_ON: Final = """
    SELECT setval(s.seqrelid::regclass, f.number)
    FROM pg_sequence s, (SELECT {furthest}({column})::bigint AS number FROM {table}) f
    WHERE s.seqrelid = %s::regclass AND f.number BETWEEN s.seqmin AND s.seqmax
      AND COALESCE(f.number {further} pg_sequence_last_value(s.seqrelid), true)"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; PostgreSQL computes the value of one that is generated."""

    name: str
    type: str
    generated: bool

    @property
    def text(self) -> str:
        """SQL for the text of its value in row ``r``, by the output function of its type."""
        name = f"r.{identifier(self.name)}"
        return f"CASE WHEN {name} IS DISTINCT FROM NULL THEN format('%%s', {name}) END"


def columns_of(cursor: Cursor[TupleRow], table: str) -> Sequence[Column]:
    """The columns of a table, in order."""
    cursor.execute(COLUMNS, (table,))
    return [Column(*found) for found in cursor.fetchall()]


def key_of(cursor: Cursor[TupleRow], table: str) -> Sequence[Column]:
    """The columns of its primary key, in the key's order."""
    cursor.execute(KEY, (table,))
    return [Column(*found) for found in cursor.fetchall()]


def line_of(columns: Sequence[Column], line_format: int) -> tuple[str, Sequence[Any]]:
    """SQL, and its parameters, for the line of row ``r``: equal rows have equal lines."""
    if line_format == JSONB:
        return "to_jsonb(r.*)::text", ()
    texts = ", ".join(column.text for column in columns)
    return f"jsonb_object(%s::text[], ARRAY[{texts}]::text[])::text", ([column.name for column in columns],)


def inserted_values(table: str, columns: Sequence[Column], line_format: int) -> tuple[str, Sequence[Any]]:
    """SQL, and its parameters but the last one, which is an array of lines, for the values of these columns."""
    if line_format == JSONB:
        names = ", ".join(f"r.{identifier(column.name)}" for column in columns)
        return f"SELECT {names} FROM jsonb_populate_recordset(NULL::{literal_percent(table)}, %s::jsonb) r", ()
    values = ", ".join(f"(r ->> %s)::{literal_percent(column.type)}" for column in columns)
    return f"SELECT {values} FROM jsonb_array_elements(%s::jsonb) r", [column.name for column in columns]


def sequences_of(cursor: Cursor[TupleRow], table: str) -> Iterator[tuple[str, Sequence[Any]]]:
    """Statements that let each sequence of a table go on behind the rows that are there; never back."""
    cursor.execute(NUMBERED, (table,))
    for name, sequence, ascending in cursor.fetchall():
        furthest, further = ("max", ">") if ascending else ("min", "<")
        column, of = identifier(name), literal_percent(table)
        yield GO_ON.format(furthest=furthest, further=further, column=column, table=of), (sequence,)


def identifier(name: str) -> str:
    """A name, quoted, in a statement with parameters."""
    return '"' + literal_percent(name.replace('"', '""')) + '"'


def literal_percent(text: str) -> str:
    """SQL in a statement with parameters, where a percent sign begins one."""
    return text.replace("%", "%%")
