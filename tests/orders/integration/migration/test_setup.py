"""A migration is set up from the settings, and without them nothing of it is there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.orders.support.http import CONTEXT, ITEM, Answer, event
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL
from tests.support.engines import DynamoDBEngine

from banyan.adapters.dynamodb.idempotency import DynamoDBIdempotency
from banyan.bootstrap import Application, bootstrap
from banyan.commands.handler import CommandHandler, Outcome
from banyan.decision import Decision, Participant
from banyan.entrypoints.http.api import command_api
from banyan.errors import ConfigurationError
from banyan.migration.phases.aggregate import BeginMove
from banyan.migration.phases.controller import standing
from banyan.migration.writes.facade import Facade
from banyan.streams import StreamId
from orders.commands import CreateOrder
from orders.decider import ORDER
from orders.events import Item
from orders.inventory.decider import INVENTORY

CREATE = {"customer_id": "c-1", "items": (Item(sku="tea", quantity=1, price="1"),)}


def application(engine: DynamoDBEngine, **settings: str) -> Application:
    """The parts of a function with these settings."""
    tables = {f"{name.upper()}_TABLE": table for name, table in engine.tables.model_dump().items()}
    return bootstrap(
        {"BANYAN_DOMAIN": "orders", **tables, **{f"BANYAN_{n.upper()}": v for n, v in settings.items()}},
        client=lambda: engine.client,
    )


def settings_of(request: pytest.FixtureRequest, engine: DynamoDBEngine, kind: str) -> dict[str, str]:
    """Settings of a migration off a legacy system of a kind."""
    if kind == "dynamodb":
        return {"legacy_store": kind, "legacy_name": OnDynamoDB(engine).table}
    postgres: OnPostgres = request.getfixturevalue("postgres")
    return {"legacy_store": kind, "legacy_url": postgres.url}


def test_a_command_passes_the_facade_and_the_controller_looks_after_it(
    request: pytest.FixtureRequest, moto: DynamoDBEngine, kind: str
) -> None:
    app = application(moto, **settings_of(request, moto, kind))
    assert app.migration is not None
    app.migration.transitions.move(DUAL, reason="test")
    handler = app.handlers["order"]
    assert isinstance(handler, Facade)
    command: Any = CreateOrder(order_id=order().id, **CREATE)
    assert handler.handle(order(), command, commit_id="a").head.version == 1
    assert all(isinstance(other, CommandHandler) for entity, other in app.handlers.items() if entity != "order")
    found = standing(app.migration.controller.run())
    assert (found["step"], found["held"]) == ("dual_write", "not stable for long enough")
    assert [event.event_type for event in app.store.read(app.migration.phases.stream)] == ["Moved", "Held"]
    app.migration.close()


def test_answers_are_kept_while_a_migration_is_on(
    request: pytest.FixtureRequest, moto: DynamoDBEngine, kind: str
) -> None:
    """The side that has the commit may not be the one that is asked for it by a repeat."""
    app = application(moto, **settings_of(request, moto, kind))
    assert app.migration is not None
    api, table = command_api(app), DynamoDBIdempotency(app.gateway, app.tables.idempotency)

    def post(name: str) -> Answer:
        body = {"orderId": name, "customerId": "c-1", "items": [ITEM]}
        return api(event("POST", "/orders", body, idempotency_key=name), CONTEXT)

    first = {}
    for name, step in (("legacy", None), ("dual", DUAL), ("canary", CANARY), ("led", CUT_OVER)):
        if step:
            app.migration.phases.handle(BeginMove(to=step, reason="test", at=app.clock()))
            app.migration.transitions.finish()
        first[name] = post(name)
        record = table.get(f"acme#{name}")
        assert first[name]["statusCode"] == 201, first[name]
        assert record
        assert record.answer
        assert [post(each)["body"] for each in first] == [answer["body"] for answer in first.values()]
    app.migration.close()


@pytest.mark.parametrize("store", ["postgres", "dynamodb"])
def test_a_legacy_system_without_an_address_is_refused(moto: DynamoDBEngine, store: str) -> None:
    with pytest.raises(ConfigurationError, match=r"BANYAN_LEGACY_(DATABASE_SECRET_ARN|NAME) is missing"):
        _ = application(moto, legacy_store=store).migration


def test_the_address_of_a_database_is_never_shown(moto: DynamoDBEngine) -> None:
    app = application(moto, legacy_store="postgres", legacy_url="postgresql://ann:hunter2@db/orders")
    assert "hunter2" not in repr(app.settings) + app.settings.model_dump_json()


def test_without_a_legacy_system_nothing_of_a_migration_is_imported() -> None:
    code = (
        "import sys; from unittest.mock import Mock; import banyan.entrypoints.http.api;"
        "from banyan.bootstrap import bootstrap;"
        "app = bootstrap({'BANYAN_DOMAIN': 'orders'}, client=Mock); app.handlers; assert app.migration is None;"
        "print(sorted(n for n in sys.modules if n.startswith(('banyan.migration', 'psycopg', 'orders.legacy'))))"
    )
    path = os.pathsep.join(["layers/banyan", "layers/domains"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path})
    assert done.stdout.strip() == "[]", done.stderr


@dataclass(frozen=True)
class Swap:
    """A command that looks at an order and at the stock of an article."""

    sku: str


SWAP = Decision(
    Swap,
    lambda swap, _: {"stock": Participant(INVENTORY, swap.sku), "order": Participant(ORDER, "o-1")},
    lambda _, __: {},
)
ALONE = Decision(Swap, lambda swap, _: {"stock": Participant(INVENTORY, swap.sku)}, lambda _, __: {})


def test_an_entity_that_is_migrated_takes_no_part_in_decisions(moto: DynamoDBEngine) -> None:
    """Its writes belong to the facade, which knows of one stream at a time."""
    app = application(moto, legacy_store="dynamodb", legacy_name=OnDynamoDB(moto).table)
    stock = StreamId("acme", "inventory", "tea")

    def handle(application: Application, *decisions: Decision[Swap]) -> Outcome[Any]:
        declared = replace(application, domain=replace(app.domain, decisions=decisions))
        return declared.handlers["inventory"].handle(stock, Swap("tea"))

    assert handle(app, ALONE).head.version == 0
    with pytest.raises(ConfigurationError, match="'order' takes no part in decisions"):
        handle(app, SWAP)
    assert handle(application(moto), SWAP).head.version == 0
