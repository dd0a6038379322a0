"""eventsourcing as a contestant: on SQLite, its usual store, or with eventsourcing-dynamodb."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError

from bench.peers.protocol import Act, note, serve

ON_DYNAMODB: Final = os.environ.get("PERSISTENCE_MODULE") == "eventsourcing_dynamodb"
SAVED_AT_ONCE: Final = 1000
TABLE: Final = "eventsourcing"


class Account(Aggregate):
    """Counts and adds up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.balance = 0
        self.movements = 0

    @staticmethod
    def create_id(name: str) -> UUID:
        """The id of the aggregate that stands for a stream."""
        return uuid5(NAMESPACE_OID, name)

    @event("Deposited")
    def deposit(self, amount: int, note: str) -> None:  # noqa: ARG002
        """Add an amount; the note stands in the event only."""
        self.balance += amount
        self.movements += 1


def application() -> Any:
    """Where aggregates are kept."""
    if not ON_DYNAMODB:
        folder = Path(tempfile.mkdtemp())
        return Application(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "events")})
    create_table()
    return Application(env={"DYNAMO_TABLE": TABLE, "DYNAMO_ENDPOINT_URL": os.environ["BENCH_ENDPOINT"]})


def create_table() -> None:
    """Make the table, unless another process has made it."""
    import boto3

    client = boto3.client("dynamodb", endpoint_url=os.environ["BENCH_ENDPOINT"])
    if TABLE not in client.list_tables()["TableNames"]:
        client.create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": "originator_id", "KeyType": "HASH"},
                {"AttributeName": "originator_version", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "originator_id", "AttributeType": "S"},
                {"AttributeName": "originator_version", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )


APPLICATION: Final = application()


def extend(account: Any, first: int, size: int) -> None:
    """Append one commit."""
    for number in range(first, first + size):
        account.deposit(number, note(number))
    APPLICATION.save(account)


def fill(stream: str, count: int, size: int) -> Act:  # noqa: ARG001
    """Write a stream; how many events are saved at once leaves no trace in what is stored."""

    def act() -> int:
        account = Account(stream)
        for first in range(1, 1 + count, SAVED_AT_ONCE):
            extend(account, first, min(SAVED_AT_ONCE, 1 + count - first))
        return count

    return act


def append(stream: str, size: int, times: int) -> Act:
    """Append commits to a new stream."""
    account = Account(stream)
    APPLICATION.save(account)

    def act() -> int:
        for number in range(times):
            extend(account, 1 + number * size, size)
        return size * times

    return act


def load(stream: str) -> Act:
    """Load an aggregate, and say how many events it got."""
    return lambda: APPLICATION.repository.get(Account.create_id(stream)).movements


def race(stream: str) -> Act:
    """Let two writers append who read the same version: how many are accepted."""
    both = [APPLICATION.repository.get(Account.create_id(stream)) for _ in range(2)]

    def accepted(account: Any) -> bool:
        try:
            extend(account, 1, 1)
        except IntegrityError:
            return False
        return True

    return lambda: sum(map(accepted, both))


if __name__ == "__main__":
    serve({act.__name__: act for act in (fill, append, load, race)})
