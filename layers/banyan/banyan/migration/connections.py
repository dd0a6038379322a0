"""Connections to PostgreSQL: few, kept, bounded in time, and silent about what they carry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

import psycopg
from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from banyan.errors import ConfigurationError, RowRaced, StoreUnavailable
from banyan.migration.address import Address, FixedAddress

CONNECT_SECONDS: Final = 3
SESSION: Final = "SET timezone = 'UTC'; SET lock_timeout = 4000; SET statement_timeout = 8000"
RACES: Final = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)


class Connections:
    """A few open connections, shared between threads, one transaction each.

    Parameters
    ----------
    address : Address or str
        What to connect with, or a URL that does not change; never logged, nor part of any error.
    """

    def __init__(self, address: Address | str) -> None:
        self._address = FixedAddress(address) if isinstance(address, str) else address
        self._idle: list[Connection[TupleRow]] = []
        self._lock = Lock()

    @contextmanager
    def transaction(self) -> Iterator[Cursor[TupleRow]]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises
        ------
        RowRaced
            Nothing was written; try again.
        StoreUnavailable
            The outcome is unknown.
        """
        try:
            connection = self._take()
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    yield cursor
            finally:
                self._give_back(connection)
        except RACES as error:
            raise RowRaced(f"another transaction came first: {type(error).__name__}") from None
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"no answer from the legacy database: {type(error).__name__}") from None

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _take(self) -> Connection[TupleRow]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        connection = self._opened()
        connection.execute(SESSION)
        return connection

    def _opened(self) -> Connection[TupleRow]:
        """A new connection; one that is refused, as after a rotation of the password, is tried with a newer address."""
        try:
            return _connect(self._address.current())
        except psycopg.OperationalError:
            renewed = self._address.renewed()
            if renewed is None:
                raise
        return _connect(renewed)

    def _give_back(self, connection: Connection[TupleRow]) -> None:
        if connection.closed or connection.broken:
            return
        with self._lock:
            self._idle.append(connection)


def _connect(conninfo: str) -> Connection[TupleRow]:
    try:
        return psycopg.connect(conninfo, autocommit=True, connect_timeout=CONNECT_SECONDS, prepare_threshold=None)
    except psycopg.ProgrammingError:
        raise ConfigurationError("the legacy database's address is nothing that PostgreSQL can connect with") from None
