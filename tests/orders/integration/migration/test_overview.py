"""The overview while a migration is on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import boto3
import pytest
from openapi_schema_validator import OAS31Validator
from tests.orders.support.documented import DOCUMENT
from tests.orders.support.http import body_of
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order, row
from tests.orders.support.migration_clients import Clients
from tests.support.engines import DynamoDBEngine

from banyan.errors import StoreUnavailable
from banyan.migration.checks.idle import report_idle
from banyan.migration.migration import Migration
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.migration.writes.parked import Owner, ParkedRow
from banyan_tools.local.physical import REGION
from orders.commands import CancelOrder

PATH = "/admin/overview"
ARCHIVES = "archive"


@pytest.fixture
def clients(moto: DynamoDBEngine) -> Iterator[Clients]:
    """Two orders of a legacy system."""
    legacy = OnDynamoDB(moto)
    for number in (1, 2):
        legacy.write_directly(order(number), row(order(number)))
    made = Clients(moto, legacy)
    migration = made.platform.app.migration
    assert migration is not None
    with closing(migration):
        yield made


@pytest.fixture
def bucket(moto: DynamoDBEngine) -> None:  # noqa: ARG001
    """Where archives lie."""
    boto3.client("s3").create_bucket(Bucket=ARCHIVES, CreateBucketConfiguration={"LocationConstraint": REGION})


def attention(clients: Clients) -> Any:
    """What needs a person."""
    return body_of(clients.platform.ask(PATH))["attention"]


def shown(clients: Clients) -> tuple[Any, list[str]]:
    """The migration's part of the overview, and the codes of what needs a person; it must be as it is documented."""
    answer = clients.platform.ask(PATH)
    assert answer["statusCode"] == 200, answer
    schema = DOCUMENT["paths"][PATH]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(body_of(answer))
    assert body_of(answer)["unavailable"] == {}
    return body_of(answer)["migration"], [each["code"] for each in body_of(answer)["attention"]]


def test_where_a_migration_stands_is_shown_with_what_keeps_it(clients: Clients) -> None:
    migration, codes = shown(clients)
    assert (migration["step"], migration["next"], migration["nextBy"], codes) == (
        "legacy",
        "dual_write",
        "operator",
        [],
    )
    assert (migration["lagMs"], migration["mismatchRate"]) == (None, None)
    clients.go(("dual_write", 0))
    clients.platform.run_maintenance()
    migration, codes = shown(clients)
    assert (migration["step"], migration["next"], migration["nextBy"]) == ("dual_write", "canary 10 %", "controller")
    assert migration["waitsFor"][0] == "some rows are not known to their streams: run the backfill"
    assert (migration["halfDone"], migration["parked"], codes) == (0, 0, ["migration_differs"])
    clients.backfill()
    clients.platform.run_maintenance()
    migration, codes = shown(clients)
    assert ("migration_differs" in codes, migration["lagMs"] is not None) == (False, True)


def test_work_that_makes_no_progress_for_an_hour_is_named_until_it_is_done(clients: Clients) -> None:
    clients.go(("dual_write", 0))
    migration = clients.platform.app.migration
    assert migration is not None
    migration.backfill.begin()
    report_idle(migration)
    clients.platform.clock.move(timedelta(minutes=59))
    assert "migration_idle" not in shown(clients)[1]
    clients.platform.clock.move(timedelta(minutes=2))
    report_idle(migration)
    assert "migration_idle" in shown(clients)[1]
    clients.platform.run_maintenance()
    clients.platform.run_maintenance()
    assert "migration_idle" not in shown(clients)[1]


def test_rows_that_are_parked_are_named_and_so_is_that_there_are_more(
    moto: DynamoDBEngine, postgres: OnPostgres
) -> None:
    clients = Clients(moto, postgres)
    migration = clients.platform.app.migration
    assert migration is not None
    with closing(migration):
        assert migration.parked is not None
        for number in range(12):
            since = clients.platform.clock.now + timedelta(seconds=number)
            migration.parked.put(ParkedRow(order(number), Owner.RELAY, "customer_id is too long", since))
        found = body_of(clients.platform.ask(PATH))["attention"]
    parked = [each for each in found if each["code"] == "migration_row_parked"]
    assert [each["subject"] for each in parked] == [*(str(order(number)) for number in range(10)), "order"]
    assert "customer_id is too long" in parked[0]["text"]
    assert (parked[-1]["text"], parked[-1]["names"]) == ("There are more parked rows: 2 or more.", {})


def test_a_legacy_system_that_does_not_answer_is_not_taken_for_one_that_does_well(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: Any) -> Any:
        raise StoreUnavailable("the legacy system does not answer")

    clients.go(("dual_write", 0))
    monkeypatch.setattr(Migration, "half_done", unavailable)
    found = body_of(clients.platform.ask(PATH))
    assert (found["migration"], found["attention"]) == (None, [])
    assert found["unavailable"] == {"migration": "the legacy system does not answer"}


def test_a_write_that_has_not_reached_the_other_side_for_ten_minutes_is_named(
    moto: DynamoDBEngine, postgres: OnPostgres
) -> None:
    postgres.write_directly(order(1), row(order(1)))
    clients = Clients(moto, postgres)
    migration = clients.platform.app.migration
    assert migration is not None
    with closing(migration):
        clients.go(("dual_write", 0))
        clients.backfill()
        clients.platform.run_maintenance()
        assert isinstance(migration.importer, LegacyLed)
        migration.importer.handle(order(1), CancelOrder(reason="too late"), commit_id="c")
        clients.platform.clock.move(timedelta(minutes=9))
        assert "migration_half_done" not in shown(clients)[1]
        clients.platform.clock.move(timedelta(minutes=2))
        (named,) = (each for each in attention(clients) if each["code"] == "migration_half_done")
        assert (named["subject"], named["action"], str(order(1)) in named["text"]) == ("order", "look", True)
        clients.platform.run_maintenance()
        assert "migration_half_done" not in shown(clients)[1]


@pytest.mark.usefixtures("bucket")
def test_a_step_that_only_an_operator_makes_is_named_once_nothing_stands_in_its_way(clients: Clients) -> None:
    assert "migration_waits" not in shown(clients)[1], "it was never begun"
    clients.go(("dual_write", 0))
    clients.backfill()
    clients.go(("canary", 50), ("canary", 100))
    assert "migration_waits" not in shown(clients)[1], "reads were not compared yet"
    clients.told("advance", {"reason": "test", "noWayBack": True})
    clients.platform.functions.run()
    clients.told("archive", {})
    clients.platform.functions.run()
    assert "migration_waits" not in shown(clients)[1], "the legacy system may still be used"
    clients.platform.clock.move(timedelta(days=3))
    clients.platform.run_maintenance()
    (waits,) = (each for each in attention(clients) if each["code"] == "migration_waits")
    assert (waits["text"], waits["action"]) == ("The next step, complete, is an operator's.", "advance")
    clients.told("complete", {"reason": "test"})
    assert "migration_waits" not in shown(clients)[1]
