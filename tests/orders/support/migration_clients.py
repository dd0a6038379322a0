"""A platform whose orders come from a legacy system, as its clients and its operators see it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from tests.orders.support.http import CONTEXT, event
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order
from tests.orders.support.platform import InProcessPlatform
from tests.support.engines import DynamoDBEngine

OURS = "platform"
"""Name of the platform's sessions in the legacy database."""
LONG = "a reason so long that ten letters cannot hold it"


class Clients:
    """A platform whose orders come from a legacy system, as its clients see it."""

    def __init__(self, engine: DynamoDBEngine, legacy: OnPostgres | OnDynamoDB) -> None:
        self.legacy = legacy
        where = (
            {"BANYAN_LEGACY_STORE": "postgres", "BANYAN_LEGACY_URL": f"{legacy.url}&application_name={OURS}"}
            if isinstance(legacy, OnPostgres)
            else {"BANYAN_LEGACY_STORE": "dynamodb", "BANYAN_LEGACY_NAME": legacy.table}
        )
        self.platform = InProcessPlatform(engine, ARCHIVE_BUCKET="archive", **where)

    def send(self, path: str, body: Any, **headers: Any) -> tuple[int, Any]:
        """The answer to a command."""
        answer = self.platform.apis["banyan-CommandApi"](event("POST", path, body, **headers), CONTEXT)
        return answer["statusCode"], {**json.loads(answer["body"]), **answer["headers"]}

    def get(self, path: str) -> tuple[int, Any]:
        """The answer to a query."""
        answer = self.platform.apis["banyan-QueryApi"](event("GET", path), CONTEXT)
        return answer["statusCode"], json.loads(answer["body"])

    def cancel(self, number: int, reason: str = LONG, **headers: Any) -> tuple[int, Any]:
        """Cancel an order."""
        return self.send(f"/orders/{order(number).id}/cancel", {"reason": reason}, **headers)

    def told(self, name: str = "", body: Any = None) -> Any:
        """What an operator is told."""
        answer = self.platform.ask(f"/admin/migration/{name}".rstrip("/"), body)
        assert answer["statusCode"] == 200, answer
        return json.loads(answer["body"])

    def backfill(self) -> Any:
        """Run a backfill to its end; its progress."""
        self.told("backfill", {})
        self.platform.functions.run()
        return self.told("backfill")["progress"]

    def go(self, *steps: tuple[str, int]) -> None:
        """Move the migration, and finish the moves."""
        for phase, percentage in steps:
            body = {"reason": "test", "to": {"phase": phase, "percentage": percentage}}
            answer = self.platform.ask("/admin/migration/move", body)
            assert answer["statusCode"] == 200, answer
            self.platform.functions.run()


def alter(legacy: OnPostgres, statement: str) -> None:
    """Change the legacy schema, as its owner may at any time."""
    with psycopg.connect(legacy.url, autocommit=True) as connection:
        for each in [statement] if "$$" in statement else statement.split(";"):
            connection.execute(each.encode())
