"""The legacy database's address: out of a secret, read when it is needed, renewed when it is refused, never shown."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws
from psycopg.conninfo import conninfo_to_dict
from tests.orders.integration.migration.test_setup import application
from tests.support.engines import DynamoDBEngine
from tests.support.postgres import Server

from banyan.adapters.clients import secrets_client
from banyan.errors import ConfigurationError, StoreUnavailable
from banyan.migration.stores.connections import Connections, FixedAddress, SecretAddress, conninfo

PASSWORD = "p@ss word'\\%/?"
RDS = {"engine": "postgres", "host": "db", "port": 5433, "username": "ann", "password": PASSWORD, "dbname": "orders"}
URL = "postgresql://ann:hunter2@127.0.0.1:1/orders"
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:legacy-AbCdEf"


class Secrets:
    """Secrets Manager with one secret."""

    def __init__(self, *values: str, error: Exception | None = None) -> None:
        self.values = list(values)
        self.error = error
        self.asked: list[str] = []

    def get_secret_value(self, **request: Any) -> Mapping[str, Any]:
        self.asked.append(request["SecretId"])
        if self.error:
            raise self.error
        return {"SecretString": self.values[0] if len(self.values) == 1 else self.values.pop(0)}

    def address(self) -> SecretAddress:
        return SecretAddress(lambda: self, ARN)


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of moto's Secrets Manager."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("secretsmanager")


@pytest.mark.parametrize("form", ["url", "rds"])
def test_a_secret_is_read_at_the_first_connection_and_again_only_when_it_was_refused(
    manager: Any, postgres_server: Server, form: str
) -> None:
    known = conninfo_to_dict(postgres_server)
    right = postgres_server
    if form == "rds":
        names = {"host": "host", "port": "port", "user": "username", "password": "password", "dbname": "dbname"}
        right = json.dumps({"password": ""} | {name: known[key] for key, name in names.items() if key in known})
    made = manager.create_secret(Name="legacy", SecretString=URL)
    connections = Connections(SecretAddress(secrets_client, made["ARN"]))
    with pytest.raises(StoreUnavailable), connections.transaction():
        pass
    manager.put_secret_value(SecretId=made["ARN"], SecretString=right)
    for _ in range(2):
        with connections.transaction() as cursor:
            assert cursor.execute("SELECT 1").fetchone() == (1,)
    manager.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)
    with connections.transaction() as first, connections.transaction() as second:
        assert first is not second
    connections.close()


def test_one_request_is_enough_and_a_refused_address_costs_one_more(postgres_server: Server) -> None:
    secrets = Secrets(URL, postgres_server)
    connections = Connections(secrets.address())
    assert secrets.asked == []
    for _ in range(3):
        with connections.transaction(), connections.transaction():
            pass
    assert secrets.asked == [ARN, ARN]
    connections.close()


def test_an_address_that_is_still_the_same_is_not_tried_twice() -> None:
    secrets = Secrets(URL)
    assert (secrets.address().current(), FixedAddress(URL).renewed(URL)) == (URL, None)
    address = secrets.address()
    address.current()
    assert address.renewed(URL) is None


def test_an_address_that_another_thread_renewed_meanwhile_is_tried_without_another_request() -> None:
    secrets = Secrets(URL, "postgresql://new")
    address = secrets.address()
    refused = address.current()
    assert [address.renewed(refused) for _ in range(2)] == ["postgresql://new"] * 2
    assert secrets.asked == [ARN, ARN]


def test_the_form_that_rds_keeps_is_understood_whatever_the_password_holds() -> None:
    found = conninfo_to_dict(conninfo(json.dumps(RDS)))
    assert found == {"host": "db", "port": "5433", "user": "ann", "password": PASSWORD, "dbname": "orders"}
    assert conninfo_to_dict(conninfo(json.dumps({k: v for k, v in RDS.items() if k != "port"})))["port"] == "5432"


def without(*names: str) -> str:
    return json.dumps({name: value for name, value in RDS.items() if name not in names})


MALFORMED: list[tuple[str, str]] = [
    ("", "amiss: its form"),
    ("hunter2", "amiss: its form"),
    (json.dumps([RDS]), "amiss: its form"),
    (f"mysql://ann:{PASSWORD}@db/orders", "amiss: its form"),
    (without("host", "dbname"), "amiss: dbname, host"),
    (json.dumps(RDS | {"port": PASSWORD}), "amiss: port"),
    (json.dumps(RDS | {"username": {"hunter2": PASSWORD}}), "amiss: username"),
]
"""Secrets that cannot be used, and what is told of them."""


@pytest.mark.parametrize(("secret", "told"), MALFORMED)
def test_a_secret_of_another_form_is_refused_without_what_it_holds(secret: str, told: str) -> None:
    shown = everything_told(lambda: open_one(Secrets(secret)), ConfigurationError)
    assert told in shown
    assert not_in(shown, PASSWORD, "hunter2", "ann")


def open_one(secrets: Secrets) -> None:
    with Connections(secrets.address()).transaction():
        pass


def everything_told(work: Callable[[], object], kind: type[Exception]) -> str:
    """What a log with a whole traceback would show of a failure."""
    with pytest.raises(kind) as caught:
        work()
    return "".join(traceback.format_exception(caught.value)) + repr(caught.value)


def not_in(text: str, *secrets: str) -> bool:
    return not any(secret in text for secret in secrets)


@pytest.mark.parametrize("url", [URL, "postgresql://ann:hunter2@127.0.0.1:x/orders", "postgresql://ann:hunter2@["])
def test_neither_a_refused_nor_a_broken_url_is_shown(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = everything_told(lambda: open_one(Secrets(url)), Exception)
    assert not_in(shown + caplog.text, "hunter2", "ann")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "hunter2"}}, "G"), "AccessDeniedException"),
        (ConnectTimeoutError(endpoint_url="https://secrets"), "ConnectTimeoutError"),
    ],
)
def test_a_secret_that_cannot_be_read_is_an_outage_that_says_why(error: Exception, told: str) -> None:
    shown = everything_told(lambda: open_one(Secrets(URL, error=error)), StoreUnavailable)
    assert told in shown
    assert not_in(shown, "hunter2")


def test_a_function_reads_the_secret_when_it_needs_it_and_shows_it_nowhere(moto: DynamoDBEngine) -> None:
    app = application(moto, legacy_store="postgres", legacy_database_secret_arn=ARN)
    assert app.migration is not None
    assert ARN in repr(app.settings)
