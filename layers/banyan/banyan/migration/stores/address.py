"""Where the legacy database is: a URL, or a secret that holds one and may be rotated at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from psycopg.conninfo import make_conninfo
from pydantic import BaseModel, SecretStr, ValidationError

from banyan.errors import ConfigurationError, StoreUnavailable

SCHEMES: Final = ("postgresql://", "postgres://")


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
    arn : str
    """

    def __init__(self, client: Callable[[], ReadsSecrets], arn: str) -> None:
        self._client = client
        self._arn = arn
        self._known: str | None = None
        self._lock = Lock()

    def current(self) -> str:
        """As in ``Address``: one request at the first call."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

    def renewed(self, refused: str) -> str | None:
        """As in ``Address``: one request, unless another thread has made it since."""
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
