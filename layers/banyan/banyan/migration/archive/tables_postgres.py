"""The tables of a legacy system on PostgreSQL as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson
import psycopg
from psycopg import Cursor, sql
from psycopg.rows import TupleRow

from banyan.errors import ConfigurationError, Conflict
from banyan.migration.archive.tables import DirectWrites, TablePage
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.connections import Connections
from banyan.streams import StreamId

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
LINKS: Final = "banyan_link"
TEXTS: Final = 2
"""Lines of this format hold each column as the text that PostgreSQL itself writes and reads; of format 1, ``jsonb``."""
TRIAL: Final = "banyan_trial"
SESSION: Final[Mapping[str, str]] = {
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "xmloption": "content",
}
"""What the text of a value depends on; the time zone is UTC in every session."""
SEQUENCES: Final = """
    SELECT (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM banyan_change),
           (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM banyan_refused)"""
LAST: Final = "SELECT tenant, id, changed_at FROM banyan_changes WHERE entity = %s ORDER BY changed_at DESC LIMIT 1"


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
    """Statements that let each sequence of a table continue after the rows that are there; never back."""
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


class PostgresTables:
    """Rows as PostgreSQL's own text of every column, as a dump has them.

    Parameters
    ----------
    adapter : LegacyAdapter
        Its ``sql.tables``, each with a primary key, are the tables; the links of rows and streams go with them.
    line_format : int
        How rows are written as lines.
    """

    kind = "postgres"

    def __init__(self, connections: Connections, adapter: AnyAdapter, line_format: int = TEXTS) -> None:
        self.line_format = line_format
        self._connections = connections
        self._adapter = adapter
        self._names = (*(adapter.sql.tables if adapter.sql else ()), LINKS)
        self._key = cache(self._read_key)

    def in_format(self, line_format: int) -> PostgresTables:
        return self if line_format == self.line_format else type(self)(self._connections, self._adapter, line_format)

    def names(self) -> Sequence[str]:
        return self._names

    def page(self, table: str, after: str | None, limit: int) -> TablePage:
        """In the order of the primary key."""
        key = self._key(table)
        names = ", ".join(f"r.{identifier(column.name)}" for column in key)
        behind = f"WHERE ({names}) > ({', '.join(f'%s::{literal_percent(column.type)}' for column in key)})"
        with self._transaction() as cursor:
            line, parameters = line_of(columns_of(cursor, table), self.line_format)
            cursor.execute(
                _trusted(
                    f"SELECT {line}, ARRAY[{', '.join(column.text for column in key)}]"
                    f" FROM {literal_percent(table)} r {behind if after else ''} ORDER BY {names} LIMIT %s"
                ),
                (*parameters, *(orjson.loads(after) if after else ()), limit),
            )
            rows = cursor.fetchall()
        end = orjson.dumps(rows[-1][1]).decode() if len(rows) == limit else None
        return TablePage([line.encode() for line, _ in rows], end)

    def insert(self, table: str, lines: Sequence[bytes]) -> None:
        """Without the triggers: what they did when a row was written is in the rows."""
        with self._transaction() as cursor:
            _without_triggers(cursor)
            with _refusals(table):
                self._insert(cursor, table, columns_of(cursor, table), lines)

    def rehearse(self, table: str, lines: Sequence[bytes]) -> Sequence[bytes]:
        """In a temporary table with the same columns and constraints."""
        with self._transaction() as cursor:
            columns = columns_of(cursor, table)
            _create_trial(cursor, table)
            with _refusals(table):
                self._insert(cursor, TRIAL, columns, lines)
            line, parameters = line_of(columns, self.line_format)
            cursor.execute(_trusted(f"SELECT {line} FROM {TRIAL} r"), parameters)
            return [found[0].encode() for found in cursor.fetchall()]

    def end_restoration(self) -> None:
        """Sequences continue after the rows that are there."""
        for table in self._names:
            with self._transaction() as cursor:
                for statement, parameters in sequences_of(cursor, table):
                    cursor.execute(_trusted(statement), parameters)

    def filled(self) -> str | None:
        return next((name for name in self._names if self._one(f"SELECT EXISTS (SELECT FROM {name})")), None)

    def direct_writes(self) -> DirectWrites:
        entity = self._adapter.entity
        with self._connections.transaction() as cursor:
            cursor.execute(SEQUENCES)
            noticed, refused = cursor.fetchone() or (0, 0)
            cursor.execute(LAST, (entity,))
            last = cursor.fetchone()
        return DirectWrites(noticed, refused, (StreamId(last[0], entity, last[1]), last[2]) if last else None)

    @contextmanager
    def _transaction(self) -> Iterator[Cursor[TupleRow]]:
        with self._connections.transaction() as cursor:
            cursor.execute("SET TRANSACTION READ WRITE")
            settings = ", ".join("set_config(%s, %s, true)" for _ in SESSION)
            cursor.execute(_trusted(f"SELECT {settings}"), [each for setting in SESSION.items() for each in setting])
            yield cursor

    def _insert(self, cursor: Cursor[TupleRow], table: str, columns: Sequence[Column], lines: Sequence[bytes]) -> None:
        known = orjson.loads(lines[0]).keys()
        written = [column for column in columns if column.name in known and not column.generated]
        values, parameters = inserted_values(table, written, self.line_format)
        names = ", ".join(identifier(column.name) for column in written)
        statement = (
            f"INSERT INTO {literal_percent(table)} ({names}) OVERRIDING SYSTEM VALUE {values} ON CONFLICT DO NOTHING"
        )
        cursor.execute(_trusted(statement), (*parameters, (b"[%b]" % b",".join(lines)).decode()))

    def _read_key(self, table: str) -> Sequence[Column]:
        with self._connections.transaction() as cursor:
            found = key_of(cursor, table)
        if not found:
            raise ConfigurationError(f"table {table!r} has no primary key to read it by")
        return found

    def _one(self, statement: str) -> Any:
        with self._connections.transaction() as cursor:
            cursor.execute(_trusted(statement))
            found = cursor.fetchone()
            return found[0] if found else None


@contextmanager
def _refusals(table: str) -> Iterator[None]:
    """Name what a table refuses, without the values that it refuses."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        what = error.diag.constraint_name or error.diag.column_name or ""
        reason = f"{type(error).__name__} {what}".rstrip()
        raise Conflict("not_restorable", f"rows of {table} cannot be inserted: {reason}") from None


def _without_triggers(cursor: Cursor[TupleRow]) -> None:
    """Let rows be written as they are; where the role may not ask for that, triggers take it for Banyan's own write."""
    cursor.execute("SET LOCAL banyan.facade = 'on'")
    cursor.execute("SAVEPOINT triggers")
    try:
        cursor.execute("SET LOCAL session_replication_role = 'replica'")
    except psycopg.errors.InsufficientPrivilege:
        cursor.execute("ROLLBACK TO SAVEPOINT triggers")


def _create_trial(cursor: Cursor[TupleRow], table: str) -> None:
    try:
        cursor.execute(_trusted(f"CREATE TEMPORARY TABLE {TRIAL} (LIKE {table} INCLUDING ALL) ON COMMIT DROP"))
    except psycopg.errors.InsufficientPrivilege:
        raise ConfigurationError(
            "the legacy database lets Banyan create no temporary tables, in which it tries a restoration:"
            " GRANT TEMPORARY ON DATABASE"
        ) from None


def _trusted(statement: str) -> sql.SQL:
    """SQL that comes from code, never from a caller."""
    return sql.SQL(statement)
