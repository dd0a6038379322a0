"""The tables of a legacy system on PostgreSQL as lines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import orjson
from psycopg import sql

from banyan.errors import ConfigurationError
from banyan.migration.adapter import AnyAdapter
from banyan.migration.archive.tables import Page, Signs
from banyan.migration.connections import Connections
from banyan.streams import StreamId

LINKS: Final = "banyan_link"
KEY: Final = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(number, place), pg_attribute a
    WHERE i.indrelid = %s::regclass AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.number
    ORDER BY k.place"""
SEQUENCES: Final = """
    SELECT (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM banyan_change),
           (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM banyan_refused)"""
LAST: Final = "SELECT tenant, id, changed_at FROM banyan_changes WHERE entity = %s ORDER BY changed_at DESC LIMIT 1"


class PostgresTables:
    """Rows as the database's own ``jsonb``, which writes equal rows alike and keeps every digit.

    Parameters
    ----------
    connections : Connections
    adapter : LegacyAdapter
        Its ``sql.tables``, each with a primary key, are the tables; the links of rows and streams go with them.
    """

    kind = "postgres"

    def __init__(self, connections: Connections, adapter: AnyAdapter) -> None:
        self._connections = connections
        self._entity = adapter.entity
        self._names = (*(adapter.sql.tables if adapter.sql else ()), LINKS)
        self._key = cache(self._read_key)

    def names(self) -> Sequence[str]:
        """As in ``LegacyTables``."""
        return self._names

    def page(self, table: str, after: str | None, limit: int) -> Page:
        """As in ``LegacyTables``, in the order of the primary key."""
        key = self._key(table)
        columns = ", ".join(f't."{name}"' for name, _ in key)
        texts = ", ".join(f't."{name}"::text' for name, _ in key)
        behind = f"WHERE ({columns}) > ({', '.join(f'%s::{kind}' for _, kind in key)})" if after else ""
        with self._connections.transaction() as cursor:
            cursor.execute(
                _trusted(
                    f"SELECT to_jsonb(t)::text, ARRAY[{texts}] FROM {table} t {behind} ORDER BY {columns} LIMIT %s"
                ),
                (*(orjson.loads(after) if after else ()), limit),
            )
            rows = cursor.fetchall()
        end = orjson.dumps(rows[-1][1]).decode() if len(rows) == limit else None
        return Page([line.encode() for line, _ in rows], end)

    def insert(self, table: str, lines: Sequence[bytes]) -> None:
        """As in ``LegacyTables``; the triggers take it for a write of Banyan's own."""
        with self._connections.transaction() as cursor:
            cursor.execute("SET LOCAL banyan.facade = 'on'")
            cursor.execute(
                _trusted(
                    f"INSERT INTO {table} OVERRIDING SYSTEM VALUE"
                    f" SELECT * FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb) ON CONFLICT DO NOTHING"
                ),
                ((b"[%b]" % b",".join(lines)).decode(),),
            )

    def filled(self) -> str | None:
        """As in ``LegacyTables``."""
        return next((name for name in self._names if self._one(f"SELECT EXISTS (SELECT FROM {name})")), None)

    def signs(self) -> Signs:
        """As in ``LegacyTables``."""
        with self._connections.transaction() as cursor:
            cursor.execute(SEQUENCES)
            noticed, refused = cursor.fetchone() or (0, 0)
            cursor.execute(LAST, (self._entity,))
            last = cursor.fetchone()
        return Signs(noticed, refused, (StreamId(last[0], self._entity, last[1]), last[2]) if last else None)

    def _read_key(self, table: str) -> Sequence[tuple[str, str]]:
        with self._connections.transaction() as cursor:
            cursor.execute(KEY, (table,))
            found = cursor.fetchall()
        if not found:
            raise ConfigurationError(f"table {table!r} has no primary key to read it by")
        return [(name, kind) for name, kind in found]

    def _one(self, statement: str) -> Any:
        with self._connections.transaction() as cursor:
            cursor.execute(_trusted(statement))
            found = cursor.fetchone()
            return found[0] if found else None


def _trusted(statement: str) -> sql.SQL:
    """SQL that comes from code, never from a caller."""
    return sql.SQL(statement)
