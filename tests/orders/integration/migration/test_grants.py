"""Every request of a migration on DynamoDB is one that its function's role allows, up to a restoration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import boto3
import pytest
from tests.orders.support.http import CONTEXT, ITEM, ORDER, event
from tests.orders.support.legacies import OnDynamoDB, order, row
from tests.orders.support.platform import FOREVER, InProcessPlatform
from tests.support.engines import DynamoDBEngine

from banyan.entrypoints.work import reconcile
from banyan_tools.local.physical import REGION
from banyan_tools.local.template import Template
from banyan_tools.runtime.needs import Need, table_needs
from banyan_tools.runtime.permissions import role_of
from banyan_tools.runtime.sandbox import folder_name, load_template

ROWS = 3
BUCKET = "archive"
PATH = "/admin/migration"


class Recorded:
    """Requests to DynamoDB by the function that sends them."""

    def __init__(self, engine: DynamoDBEngine, legacy: str) -> None:
        self._function: ContextVar[str] = ContextVar("function", default="")
        self._legacy = legacy
        tables = engine.tables.model_dump()
        self._names = {table: f"banyan-{name.capitalize()}Table" for name, table in tables.items()} | {legacy: legacy}
        self.needs: set[tuple[str, Need]] = set()
        engine.client.meta.events.register("provide-client-params.dynamodb", self._record)

    @contextmanager
    def by(self, function: str) -> Iterator[None]:
        """Let requests within the block be a function's."""
        token = self._function.set(function)
        yield
        self._function.reset(token)

    def of_legacy(self, function: str) -> set[str]:
        """What a function did to the legacy table."""
        return {n.action for f, n in self.needs if f == function and n.resource.endswith(f"/{self._legacy}")}

    def _record(self, params: Any, model: Any, **_: Any) -> None:
        for need in table_needs(model.name, params) if self._function.get() else ():
            arn, _slash, rest = need.resource.partition("/")
            table, *index = rest.split("/")
            resource = "/".join([arn, self._names[table], *index])
            self.needs.add((self._function.get(), Need(need.action, resource)))


class Journey:
    """A whole migration off a table, each function with its own requests."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        self.legacy = OnDynamoDB(engine)
        for number in range(1, ROWS + 1):
            self.legacy.write_directly(order(number), row(order(number), customer=f"c-{number}"))
        given = {"BANYAN_LEGACY_STORE": "dynamodb", "BANYAN_LEGACY_NAME": self.legacy.table}
        self.platform = InProcessPlatform(engine, ARCHIVE_BUCKET=BUCKET, BANYAN_COMPARED_PERCENT="100", **given)
        self.recorded = Recorded(engine, self.legacy.table)

    def ask(self, name: str, body: Any = None) -> Any:
        """Ask the console, then let the functions that it started run."""
        with self.recorded.by("console"):
            answer = self.platform.ask(f"{PATH}/{name}".rstrip("/"), body)
        assert answer["statusCode"] == 200, answer
        self.run_maintenance()

    def run_maintenance(self) -> None:
        with self.recorded.by("migration_controller"):
            self.platform.run_maintenance()

    def send(self, function: str, name: str, *request: Any) -> None:
        with self.recorded.by(name):
            answer = self.platform.apis[function](event(*request, tenant="acme"), CONTEXT)
        assert answer["statusCode"] < 300, answer

    def use(self, id: str) -> None:
        """A client's day: an order, more of it, a look at it; and what the platform does behind it."""
        self.send("banyan-CommandApi", "command_api", "POST", "/orders", {**ORDER, "orderId": id})
        self.send("banyan-CommandApi", "command_api", "POST", f"/orders/{id}/items", ITEM)
        self.platform.deliver()
        self.send("banyan-QueryApi", "query_api", "GET", f"/orders/{id}")
        with self.recorded.by("reactor"):
            self.platform.react()
        with self.recorded.by("reconciler"):
            reconcile({"full": True, "repair": True}, self.platform.app.reconciler, lambda: FOREVER)

    def whole(self) -> None:
        """From the first step to the archive, and back out of it."""
        because = {"reason": "because"}
        self.ask("start", because)
        self.use("a")
        self.ask("backfill", {"dryRun": True})
        self.ask("backfill", {})
        for percentage in (50, 100):
            self.ask("move", because | {"to": {"phase": "canary", "percentage": percentage}})
            self.use(f"b{percentage}")
            self.ask("")
        self.ask("advance", because | {"noWayBack": True})
        self.ask("archive", {})
        self.empty()
        self.ask("restore", {})

    def empty(self) -> None:
        client, table = self.platform.app.gateway.client, self.legacy.table
        for item in client.scan(TableName=table)["Items"]:
            client.delete_item(TableName=table, Key={name: item[name] for name in ("tenant", "id")})


@pytest.fixture
def journey(moto: DynamoDBEngine) -> Journey:
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return Journey(moto)


def missing(template: Template, recorded: Recorded) -> set[tuple[str, Need]]:
    """What was sent and is not allowed."""
    roles = {folder_name(f): role_of(template, f) for f in template.resources("AWS::Lambda::Function")}
    return {(function, need) for function, need in recorded.needs if roles[function].missing([need])}


@pytest.mark.slow
def test_a_migration_needs_no_more_than_its_functions_are_granted(journey: Journey) -> None:
    journey.whole()
    recorded = journey.recorded
    assert missing(load_template(LegacyStore="dynamodb", LegacyName=journey.legacy.table), recorded) == set()
    assert recorded.of_legacy("query_api") == {"dynamodb:GetItem"}
    assert recorded.of_legacy("command_api") == {"dynamodb:GetItem", "dynamodb:UpdateItem"}
    assert "dynamodb:PutItem" in recorded.of_legacy("migration_controller")
