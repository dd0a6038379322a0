"""A legacy system on PostgreSQL: its own tables, and Banyan's beside them, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.resources import files
from typing import Any, Final, Generic, TypeVar

import psycopg
from psycopg import Cursor, sql
from psycopg.rows import TupleRow
from pydantic import BaseModel

from banyan.documents import Documents
from banyan.errors import BanyanError, ConfigurationError, LegacyWritesOff, PrimaryChanged, RowRaced, RowRefused
from banyan.events import Metadata
from banyan.migration.stores.adapter import LegacyAdapter, SqlMapping, written_content
from banyan.migration.stores.connections import Connections
from banyan.migration.stores.legacy import BadRow, ChangeFeed, LegacyRow, NamedRow, OutboxEntry, SyncPoint, Unit
from banyan.migration.stores.rows import LegacyKey, key_at, nameable, place_of, read_row, readable, words
from banyan.migration.stores.rows import refused as refused_row
from banyan.migration.writes.primary import Primary, already_made
from banyan.reconciliation.sides import Changes
from banyan.streams import MAX_STREAM_BYTES, StreamId

R = TypeVar("R", bound=BaseModel)

ENTRY: Final = (
    "tenant, id, version, count, row_version, commit_id, content, metadata, state, written_at, imported, relay"
)

OURS: Final = "banyan_"
ONE: Final = "WHERE r.tenant = %s AND r.id = %s"
NAMEABLE: Final = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
CONSTRAINED: Final = """
    SELECT a.attname, false FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    WHERE c.conname = %(name)s AND c.conrelid = to_regclass(%(table)s)
    UNION SELECT a.attname, i.indisprimary FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE c.relname = %(name)s AND i.indrelid = to_regclass(%(table)s)"""
COLUMNS: Final = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = ANY (%s::text[]::regclass[]) AND attnum > 0 AND NOT attisdropped"""
CHANGED: Final = """
    SELECT tenant, id, number FROM banyan_changes
    WHERE entity = %s AND number > seen AND changed_at <= %s ORDER BY number LIMIT %s"""
SEEN: Final = """
    UPDATE banyan_changes AS changes SET seen = found.number
    FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS found(tenant, id, number)
    WHERE changes.entity = %s AND changes.tenant = found.tenant AND changes.id = found.id"""


class PostgresLegacy(Generic[R]):
    """Rows and outbox of one entity in a PostgreSQL database.

    Parameters
    ----------
    adapter : LegacyAdapter
        With an ``sql`` mapping.

    Raises ``ConfigurationError``.
    """

    def __init__(self, connections: Connections, adapter: LegacyAdapter[R, Any]) -> None:
        if adapter.sql is None:
            raise ConfigurationError(f"the adapter of {adapter.entity!r} has no SQL mapping")
        self._connections = connections
        self._adapter = adapter
        self._mapping: SqlMapping = adapter.sql
        self._entity = adapter.entity

    def install(self, package: str) -> None:
        """Create what is missing: Banyan's tables, and the schema file of a domain's package."""
        with self._connections.transaction() as cursor:
            for where, name in ((__package__, "postgres.sql"), (package, self._mapping.schema)):
                cursor.execute(_trusted(files(where).joinpath(name).read_text()))
            cursor.execute(
                "INSERT INTO banyan_lead (entity, leader) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (self._entity, Primary.LEGACY),
            )

    def close(self) -> None:
        """Close idle connections."""
        self._connections.close()

    def load(self, stream: StreamId) -> LegacyRow[R] | None:
        return readable(next(iter(self._found(ONE, (stream.tenant, stream.id))), None))

    def rows(self, streams: Sequence[StreamId]) -> Mapping[StreamId, LegacyRow[R] | BadRow]:
        """One statement."""
        which = "WHERE (r.tenant, r.id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
        found = self._found(which, _names(streams))
        return {stream: row for row in found if (stream := nameable(key_at(place_of(row)), self._entity))}

    def changes(self, documents: Documents) -> ChangeFeed:  # noqa: ARG002
        """The triggers, which are there as long as the tables are."""
        return ChangeFeed("triggers", PostgresChanges(self._connections, self._entity))

    def scan(self, after: NamedRow | None, limit: int) -> Sequence[LegacyRow[R] | BadRow]:
        behind, values = ("WHERE (r.tenant, r.id) > (%s, %s)", (after.tenant, after.id)) if after else ("", ())
        return self._found(f"{behind} ORDER BY r.tenant, r.id LIMIT %s", (*values, limit))

    def count(self) -> int:
        with self._connections.transaction() as cursor:
            return int(_one(cursor, f"SELECT count(*) FROM ({self._mapping.rows}) AS r", ()))

    def out_of_sync(self, limit: int) -> Sequence[StreamId]:
        with self._connections.transaction() as cursor:
            cursor.execute(
                _trusted(
                    f"SELECT r.tenant, r.id FROM ({self._mapping.rows}) AS r LEFT JOIN banyan_link l"
                    " ON l.entity = %s AND l.tenant = r.tenant AND l.id = r.id"
                    " WHERE l.row_version IS DISTINCT FROM r.version AND r.tenant ~ %s AND r.id ~ %s"
                    " AND length(r.tenant) + length(r.id) <= %s ORDER BY r.tenant, r.id LIMIT %s"
                ),
                (self._entity, NAMEABLE, NAMEABLE, MAX_STREAM_BYTES - len(f":{self._entity}:"), limit),
            )
            return [StreamId(tenant, self._entity, id) for tenant, id in cursor.fetchall()]

    @contextmanager
    def unit(self, stream: StreamId, primary: Primary) -> Iterator[Unit[R]]:
        unit: PostgresUnit[R] | None = None
        try:
            with self._locked(stream, primary) as cursor:
                found = self._select(cursor, ONE, (stream.tenant, stream.id))
                row, content = found[0] if found else (None, "")
                sync_point = row.sync_point if row else self._sync_point(cursor, stream)
                unit = PostgresUnit(self._adapter, cursor, stream, row, sync_point, content)
                yield unit
        except psycopg.Error as error:
            raise self._refusal(error, unit.written if unit else None) from None

    @contextmanager
    def _locked(self, stream: StreamId, primary: Primary) -> Iterator[Cursor[TupleRow]]:
        """A transaction that holds the primary, and a row, locked."""
        with self._connections.transaction() as cursor:
            cursor.execute("SET LOCAL banyan.facade = 'on'")
            found = _one(cursor, "SELECT leader FROM banyan_lead WHERE entity = %s FOR SHARE", (self._entity,))
            if found == Primary.OFF != primary:
                raise LegacyWritesOff
            if found != primary:
                raise PrimaryChanged(f"{found} is primary, not {primary}")
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(stream),))
            cursor.execute(_trusted(self._mapping.lock), {"tenant": stream.tenant, "id": stream.id})
            yield cursor

    def _refusal(self, error: psycopg.Error, written: Any) -> BanyanError:
        """What it means that the database refuses a row: another program came first, or it cannot hold the row."""
        about, reason = error.diag, type(error)
        table = f'"{about.schema_name}"."{about.table_name}"'
        with self._connections.transaction() as cursor:
            cursor.execute(CONSTRAINED, {"name": about.constraint_name, "table": table})
            constrained = cursor.fetchall()
            cursor.execute(COLUMNS, (list(self._mapping.tables),))
            columns = dict(cursor.fetchall())
        key = any(primary for _, primary in constrained) or str(about.table_name).startswith(OURS)
        if isinstance(error, psycopg.errors.UniqueViolation) and key:
            return RowRaced("another transaction wrote the row first")
        named = [about.column_name, *(name for name, _ in constrained)]
        names = frozenset(name for name in named if name)
        return refused_row(written, reason, names, columns) if written else RowRefused(words(reason))

    def primary(self) -> Primary:
        with self._connections.transaction() as cursor:
            return Primary(_one(cursor, "SELECT leader FROM banyan_lead WHERE entity = %s", (self._entity,)))

    def transfer(self, primary: Primary, token: int) -> bool:
        """The lock waits for every transaction that holds the row for share."""
        with self._connections.transaction() as cursor:
            found = _one(cursor, "SELECT token FROM banyan_lead WHERE entity = %s FOR UPDATE", (self._entity,))
            if already_made(found, token):
                return False
            cursor.execute(
                "UPDATE banyan_lead SET leader = %s, token = %s WHERE entity = %s", (primary, token, self._entity)
            )
            return True

    def pending(
        self, stream: StreamId | None = None, limit: int = 100, without: Collection[StreamId] = ()
    ) -> Sequence[OutboxEntry]:
        only, names = "AND (tenant, id) <> ALL (SELECT * FROM unnest(%s::text[], %s::text[]))", _names(without)
        if stream:
            only, names = "AND tenant = %s AND id = %s", (stream.tenant, stream.id)
        with self._connections.transaction() as cursor:
            cursor.execute(
                _trusted(
                    f"SELECT {ENTRY} FROM banyan_outbox WHERE entity = %s AND relay {only} ORDER BY number LIMIT %s"
                ),
                (self._entity, *names, limit),
            )
            return [_entry(self._entity, row) for row in cursor.fetchall()]

    def relayed(self, entry: OutboxEntry) -> None:
        with self._connections.transaction() as cursor:
            cursor.execute(
                "UPDATE banyan_outbox SET relay = false"
                " WHERE entity = %s AND tenant = %s AND id = %s AND commit_id = %s",
                (self._entity, entry.stream.tenant, entry.stream.id, entry.commit_id),
            )

    def _sync_point(self, cursor: Cursor[TupleRow], stream: StreamId) -> SyncPoint | None:
        cursor.execute(
            "SELECT row_version, version FROM banyan_link WHERE entity = %s AND tenant = %s AND id = %s",
            (self._entity, stream.tenant, stream.id),
        )
        found = cursor.fetchone()
        return SyncPoint(*found) if found else None

    def _found(self, which: str, values: Sequence[Any]) -> list[LegacyRow[R] | BadRow]:
        """Some rows; one by one when the adapter's query fails on one of them."""
        with suppress(psycopg.Error), self._connections.transaction() as cursor:
            return [row for row, _ in self._select(cursor, which, values)]
        with self._connections.transaction() as cursor:
            cursor.execute(_trusted(f"SELECT r.tenant, r.id FROM ({self._mapping.rows}) AS r {which}"), values)
            keys = [LegacyKey(*row) for row in cursor.fetchall()]
        return [row for key in keys for row in self._alone(key)]

    def _alone(self, key: LegacyKey) -> Sequence[LegacyRow[R] | BadRow]:
        try:
            with self._connections.transaction() as cursor:
                return [row for row, _ in self._select(cursor, ONE, key)]
        except psycopg.Error as error:
            why = f"the row cannot be read ({words(type(error))}): put it right in the legacy system"
            return [BadRow(key.tenant, self._entity, key.id, why)]

    def _select(
        self, cursor: Cursor[TupleRow], which: str, values: Sequence[Any]
    ) -> list[tuple[LegacyRow[R] | BadRow, str]]:
        """Rows, and what was read of each as JSON."""
        cursor.execute(
            _trusted(
                "SELECT r.tenant, r.id, r.version, r.row::text, l.row_version, l.version"
                f" FROM ({self._mapping.rows}) AS r LEFT JOIN banyan_link l"
                f" ON l.entity = %s AND l.tenant = r.tenant AND l.id = r.id {which}"
            ),
            (self._entity, *values),
        )
        return [(self._read(*row), row[3]) for row in cursor.fetchall()]

    def _read(
        self, tenant: str, id: str, version: int, content: str, linked_row: int | None, linked: int | None
    ) -> LegacyRow[R] | BadRow:
        sync_point = SyncPoint(linked_row, linked) if linked_row is not None and linked is not None else None
        return read_row(
            self._adapter,
            LegacyKey(tenant, id),
            version,
            sync_point,
            lambda: self._adapter.row.model_validate_json(content),
        )


class PostgresUnit(Generic[R]):
    """A transaction that holds the lock on a row."""

    def __init__(
        self,
        adapter: LegacyAdapter[R, Any],
        cursor: Cursor[TupleRow],
        stream: StreamId,
        row: LegacyRow[R] | BadRow | None,
        sync_point: SyncPoint | None,
        content: str,
    ) -> None:
        self.row = row
        self.written: R | None = None
        self.sync_point = sync_point
        self._adapter = adapter
        self._content = content
        self._cursor = cursor
        self._name = (stream.entity, stream.tenant, stream.id)

    def answered(self, commit_id: str) -> OutboxEntry | None:
        self._cursor.execute(
            _trusted(
                f"SELECT {ENTRY} FROM banyan_outbox WHERE entity = %s AND tenant = %s AND id = %s AND commit_id = %s"
            ),
            (*self._name, commit_id),
        )
        found = self._cursor.fetchone()
        return _entry(self._name[0], found) if found else None

    def write(self, row: LegacyRow[R], entries: Sequence[OutboxEntry]) -> None:
        self.written = row.data
        known = self.row if isinstance(self.row, LegacyRow) else None
        if known is None or (row.version, row.data) != (known.version, known.data):
            self._write_row(row, known)
        for entry in entries:
            self._add(entry)
        if row.sync_point and row.sync_point != self.sync_point:
            self._write_sync_point(row.sync_point)

    def _write_row(self, row: LegacyRow[R], known: LegacyRow[R] | None) -> None:
        content = self._content if known else ""
        values = {
            "tenant": row.stream.tenant,
            "id": row.stream.id,
            "version": row.version,
            "row": written_content(self._adapter.lines, known.data if known else None, content, row.data),
        }
        for statement in self._adapter.sql.write if self._adapter.sql else ():
            self._cursor.execute(_trusted(statement.replace("%(row)s", "%(row)s::jsonb")), values)

    def _write_sync_point(self, sync_point: SyncPoint) -> None:
        self._cursor.execute(
            "INSERT INTO banyan_link (entity, tenant, id, row_version, version) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (entity, tenant, id) DO UPDATE"
            " SET row_version = EXCLUDED.row_version, version = EXCLUDED.version",
            (*self._name, sync_point.row_version, sync_point.version),
        )

    def _add(self, entry: OutboxEntry) -> None:
        self._cursor.execute(
            _trusted(f"INSERT INTO banyan_outbox (entity, {ENTRY}) VALUES (%s{', %s' * 12})"),
            (
                *self._name,
                entry.version,
                entry.count,
                entry.row_version,
                entry.commit_id,
                entry.content,
                entry.metadata.model_dump_json(),
                entry.state,
                entry.written_at,
                entry.imported,
                entry.relay,
            ),
        )


class PostgresChanges:
    """A ``Feed`` of the rows that a trigger saw changing."""

    def __init__(self, connections: Connections, entity: str) -> None:
        self._connections = connections
        self._entity = entity

    def changed(self, before: datetime, limit: int) -> Changes:
        """Rows that no stream can be named after are passed over."""
        while True:
            with self._connections.transaction() as cursor:
                cursor.execute(CHANGED, (self._entity, before, limit))
                found = cursor.fetchall()
            streams = [nameable(LegacyKey(tenant, id), self._entity) for tenant, id, _ in found]
            changes = Changes(tuple(map(str, filter(None, streams))), found)
            if changes.ids or not found:
                return changes
            self.seen(changes)

    def seen(self, changes: Changes) -> None:
        """A row that changed again has a higher number, and stays."""
        rows: Any = changes.receipt
        with self._connections.transaction() as cursor:
            cursor.execute(SEEN, (*map(list, zip(*rows, strict=True)), self._entity))

    def rewind(self) -> None:
        """Triggers know of nothing but changes."""


def _entry(entity: str, row: TupleRow) -> OutboxEntry:
    tenant, id, version, count, row_version, commit_id, content, metadata, state, written_at, imported, relay = row
    return OutboxEntry(
        StreamId(tenant, entity, id),
        version,
        count,
        row_version,
        commit_id,
        content,
        Metadata.model_validate_json(metadata),
        state,
        written_at,
        imported,
        relay,
    )


def _names(streams: Collection[StreamId]) -> tuple[Any, Any]:
    return [stream.tenant for stream in streams], [stream.id for stream in streams]


def _one(cursor: Cursor[TupleRow], statement: str, values: Sequence[Any]) -> Any:
    cursor.execute(_trusted(statement), values)
    found = cursor.fetchone()
    return found[0] if found else None


def _trusted(statement: str) -> sql.SQL:
    """SQL that comes from code, never from a caller."""
    return sql.SQL(statement)
