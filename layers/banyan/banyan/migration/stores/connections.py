"""Connections to PostgreSQL: few, kept, bounded in time, and silent about what they carry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, Protocol

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from psycopg import Connection, Cursor
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from pydantic import BaseModel, SecretStr, ValidationError

from banyan.errors import ConfigurationError, RowRaced, StoreUnavailable

SCHEMES: Final = ("postgresql://", "postgres://")
CONNECT_SECONDS: Final = 3
SESSION: Final = "SET timezone = 'UTC'; SET lock_timeout = 4000; SET statement_timeout = 8000"
RACES: Final = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
OF_THE_DATABASE: Final = frozenset(
    {"08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58", "F0", "HV", "XX"}
)
"""Classes of SQLSTATE that say something about the database or the connection, and nothing about a row."""
BUSY: Final = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)
"""The database is there, only slow."""


class Address(Protocol):
    """What connects to the database: never logged, nor part of any error."""

    def current(self) -> str:
        """As it is known. Raises ``ConfigurationError``, ``StoreUnavailable``."""

    def renewed(self, refused: str) -> str | None:
        """Another one than the one that was refused; ``None`` when there is no other. Raises as ``current``."""


class FixedAddress:
    """An address that does not change."""

    def __init__(self, url: str) -> None:
        self._url = url

    def current(self) -> str:
        return self._url

    def renewed(self, refused: str) -> str | None:  # noqa: ARG002
        return None


class ReadsSecrets(Protocol):
    """As much of a Secrets Manager client as is needed."""

    def get_secret_value(self, **request: Any) -> Mapping[str, Any]:
        """The value of a secret."""


class SecretAddress:
    """An address in Secrets Manager: read at the first connection and kept until the database refuses it.

    Parameters
    ----------
    client : Callable[[], ReadsSecrets]
        Called when the secret is needed, not before.
    """

    def __init__(self, client: Callable[[], ReadsSecrets], arn: str) -> None:
        self._client = client
        self._arn = arn
        self._known: str | None = None
        self._lock = Lock()

    def current(self) -> str:
        """One request at the first call."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

    def renewed(self, refused: str) -> str | None:
        """One request, unless another thread has made it since."""
        with self._lock:
            if self._known in (None, refused):
                self._known = self._read()
            return self._known if self._known != refused else None

    def _read(self) -> str:
        try:
            value = self._client().get_secret_value(SecretId=self._arn)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise StoreUnavailable(f"the legacy database's secret cannot be read: {code}") from None
        except BotoCoreError as error:
            raise StoreUnavailable(f"the legacy database's secret cannot be read: {type(error).__name__}") from None
        return conninfo(str(value.get("SecretString", "")))


class DatabaseSecret(BaseModel):
    """A secret in the form in which RDS keeps them."""

    host: str
    port: int = 5432
    username: str
    password: SecretStr
    dbname: str


def conninfo(secret: str) -> str:
    """What to connect with, out of the text of a secret: a PostgreSQL URL, or the JSON object that RDS keeps.

    Raises
    ------
    ConfigurationError
        It is neither; says which fields are amiss, and nothing of what they hold.
    """
    if secret.startswith(SCHEMES):
        return secret
    try:
        found = DatabaseSecret.model_validate_json(secret)
    except ValidationError as error:
        fields = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}))
        raise ConfigurationError(
            "the legacy database's secret must be a postgresql:// URL, or a JSON object with host, port, username, "
            f"password and dbname; amiss: {fields or 'its form'}"
        ) from None
    return make_conninfo(
        host=found.host,
        port=found.port,
        user=found.username,
        password=found.password.get_secret_value(),
        dbname=found.dbname,
    )


def is_refusal(error: psycopg.Error) -> bool:
    """Whether an error is about what was to be written: a check, a trigger, a type, a size."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError | psycopg.IntegrityError)
    return error.sqlstate[:2] not in OF_THE_DATABASE


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

        When the database itself is in the way (shut down, read-only, failed over), no kept connection is trusted
        any longer.

        Raises
        ------
        RowRaced
            Nothing was written; try again.
        StoreUnavailable
            The outcome is unknown.
        psycopg.Error
            As ``is_refusal`` says: nothing was written, and the same would be refused again.
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
        except psycopg.Error as error:
            if is_refusal(error):
                raise
            if not isinstance(error, BUSY):
                self.close()
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
        try:
            connection.execute(SESSION)
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def _opened(self) -> Connection[TupleRow]:
        """A new connection; one that is refused, as after a rotation of the password, is tried with a newer address."""
        known = self._address.current()
        try:
            return _connect(known)
        except psycopg.OperationalError:
            renewed = self._address.renewed(known)
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
