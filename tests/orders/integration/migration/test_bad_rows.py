"""One bad row is one bad row: it is named with its field, the others continue, and the way back stays open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order, row
from tests.orders.support.migration_clients import LONG, Clients, alter
from tests.support.clocks import EVERYTHING
from tests.support.engines import DynamoDBEngine

GOOD = 4
BAD = 3
T = TypeVar("T")
UNREADABLE_SQL = {
    "UPDATE orders SET created_at = 'infinity'": "created_at",
    "UPDATE orders SET created_at = '-infinity'": "created_at",
    "UPDATE orders SET paid_at = '12011-12-01'": "paid_at",
    "UPDATE orders SET paid_at = '0044-03-15 BC'": "paid_at",
    "UPDATE orders SET total = 'NaN'": "total",
    "UPDATE orders SET refunded = 'NaN'": "refunded",
    "UPDATE order_items SET price = 'NaN'": "lines.0.price",
    "UPDATE order_items SET sku = E'a\\tb'": "sku",
    "UPDATE orders SET customer = E'a\\x01'": "customer_id",
    "ALTER TABLE orders DROP CONSTRAINT orders_status_check; UPDATE orders SET status = 'lost'": "status",
    "ALTER TABLE orders ALTER created_at DROP NOT NULL; UPDATE orders SET created_at = NULL": "created_at",
    "ALTER TABLE order_items ALTER quantity TYPE numeric; UPDATE order_items SET quantity = 1.5": "lines.0.quantity",
}
UNREADABLE_ITEMS: Sequence[tuple[str, Any, str]] = [
    ("lines", {"L": [{"M": {"sku": {"S": "A"}, "quantity": {"N": "1.5"}, "price": {"S": "1"}}}]}, "lines.0.quantity"),
    ("lines", {"L": [{"M": {"sku": {"S": "A"}, "quantity": {"N": "9E99"}, "price": {"S": "1"}}}]}, "lines"),
    ("lines", {"S": "none"}, "lines"),
    ("lines", {"L": [{"NULL": True}]}, "lines.0"),
    ("created_at", {"S": "infinity"}, "created_at"),
    ("created_at", {"S": "2011-01-01T00:00:00"}, "created_at"),
    ("created_at", {"S": "0001-01-01T00:00:00+05:00"}, "created_at"),
    ("paid_at", {"S": "9999-12-31T23:59:59-05:00"}, "paid_at"),
    ("total", {"S": "NaN"}, "total"),
    ("customer", {"B": b"\xff\xfe"}, "customer"),
    ("status", {"SS": ["open", "paid"]}, "status"),
    ("version", {"S": "three"}, "version"),
    ("version", {"N": "1.5"}, "version"),
]


def together(cases: Iterable[T]) -> list[list[T]]:
    """Several in one migration, no more than an operator is shown the names of; or each in one of its own."""
    left, size = list(cases), 1 if EVERYTHING else 7
    return [left[first : first + size] for first in range(0, len(left), size)]


@contextmanager
def on_postgres(moto: DynamoDBEngine, legacy: OnPostgres, count: int = GOOD + 1) -> Iterator[Clients]:
    """Orders of the old time."""
    for number in range(1, count + 1):
        legacy.write_directly(order(number), row(order(number)))
    made = Clients(moto, legacy)
    migration = made.platform.app.migration
    assert migration is not None
    with closing(migration):
        yield made


@pytest.fixture
def clients(moto: DynamoDBEngine, postgres: OnPostgres) -> Iterator[Clients]:
    """Five orders on PostgreSQL."""
    with on_postgres(moto, postgres) as made:
        yield made


def spoil(legacy: OnPostgres, statements: str, number: int = BAD) -> None:
    """Write what an old program may write, to one row."""
    for statement in statements.split("; "):
        where = f" WHERE order_id = '{order(number).id}'" if statement.startswith("UPDATE") else ""
        alter(legacy, statement + where)


def expect_bad_rows(clients: Clients, fields: Mapping[int, str]) -> None:
    """Expect that everything an operator may do continues, and names each row and its field."""
    named = {str(order(number)): field for number, field in fields.items()}
    assert clients.told("backfill")["preview"]["rows"] >= 0
    clients.go(("dual_write", 0))
    done = clients.backfill()
    seen = (done["seen"], done["imported"], done["failures"], done["finished"])
    assert seen == (GOOD + len(fields), GOOD, len(fields), True)
    assert {name: named[name] in why for name, why in done["failed"].items()} == dict.fromkeys(named, True), done[
        "failed"
    ]
    advanced = clients.platform.ask("/admin/migration/advance", {"reason": "test"})
    assert (advanced["statusCode"], "would_lose" in advanced["body"]) == (409, True)
    assert [name for name in named if name not in advanced["body"]] == []
    assert all(f in advanced["body"] for f in fields.values()) or "run the backfill" in advanced["body"]
    assert clients.backfill()["failures"] == len(fields)
    clients.platform.run_maintenance()
    assert sorted(each["stream"] for each in clients.told()["health"]["differences"]) == sorted(named)
    for number, field in fields.items():
        expect_unreadable(clients, number, field)
    assert clients.cancel(1)[0] == 200
    report = reconciled(clients, repair=True)
    findings = {each["where"]: each for each in report["findings"] if each["where"] in named}
    assert len([each for each in report["findings"] if each["where"] in named]) == len(named)
    for name, field in named.items():
        finding = findings[name]
        assert (finding["kind"], field in finding["detail"]) == ("unreadable_row", True), finding
        assert finding["repair"].startswith("not repaired: ")


def expect_unreadable(clients: Clients, number: int, field: str) -> None:
    """Expect that those who ask for a row, or write it, hear of its field."""
    status, answer = clients.get(f"/orders/{order(number).id}")
    assert (status, answer["code"]) == (409, "row_unreadable")
    assert field in str((answer["detail"], answer.get("field")))
    status, answer = clients.cancel(number)
    assert (status, answer["code"]) == (409, "row_unreadable")


def reconciled(clients: Clients, **options: Any) -> Any:
    """The section of the legacy system in the report of a reconciliation, when nothing is on its way any more."""
    clients.platform.deliver()
    clients.platform.clock.move(timedelta(minutes=5))
    assert clients.platform.ask("/admin/reconciliation/run", options)["statusCode"] == 200
    clients.platform.functions.run()
    report = clients.platform.app.reports.latest(1)[0]
    return next(section for section in report.sections if section.name == "legacy").model_dump()


@pytest.mark.parametrize("statements", together(UNREADABLE_SQL))
def test_rows_that_cannot_be_read_are_named_and_the_others_go_on(
    moto: DynamoDBEngine, postgres: OnPostgres, statements: Sequence[str]
) -> None:
    with on_postgres(moto, postgres, GOOD + len(statements)) as clients:
        bad = dict(enumerate(statements, start=GOOD + 1))
        for number, statement in bad.items():
            spoil(postgres, statement, number)
        expect_bad_rows(clients, {number: UNREADABLE_SQL[statement] for number, statement in bad.items()})


@pytest.mark.parametrize("attributes", together(UNREADABLE_ITEMS))
def test_items_that_cannot_be_read_are_named_and_the_others_go_on(
    moto: DynamoDBEngine, attributes: Sequence[tuple[str, Any, str]]
) -> None:
    legacy = OnDynamoDB(moto)
    bad = dict(enumerate(attributes, start=GOOD + 1))
    for number in range(1, GOOD + len(bad) + 1):
        legacy.write_directly(order(number), row(order(number)))
    for number, (attribute, value, _) in bad.items():
        moto.client.update_item(
            TableName=legacy.table,
            Key={"tenant": {"S": "acme"}, "id": {"S": order(number).id}},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": attribute},
            ExpressionAttributeValues={":value": value},
        )
    expect_bad_rows(Clients(moto, legacy), {number: field for number, (*_, field) in bad.items()})


def test_a_query_that_stumbles_over_one_row_reads_the_others(clients: Clients) -> None:
    alter(
        clients.legacy,  # type: ignore[arg-type]
        "CREATE FUNCTION checked(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF $1 = 'c-bad' THEN"
        " PERFORM 1 / 0; END IF; RETURN $1; END $$",
    )
    alter(clients.legacy, "ALTER TABLE orders RENAME TO raw")  # type: ignore[arg-type]
    alter(
        clients.legacy,  # type: ignore[arg-type]
        "CREATE VIEW orders AS SELECT tenant, order_id, checked(customer) AS customer, status, total, payment_method,"
        " cancel_reason, refunded, created_at, paid_at, cancelled_at, version FROM raw",
    )
    spoil(clients.legacy, "UPDATE raw SET customer = 'c-bad'")  # type: ignore[arg-type]
    clients.go(("dual_write", 0))
    done = clients.backfill()
    assert (done["imported"], list(done["failed"])) == (4, [str(order(BAD))])
    assert "division by zero" in done["failed"][str(order(BAD))]


@pytest.fixture
def cut_over(clients: Clients) -> Clients:
    """The event store is primary, and every order is known."""
    clients.go(("dual_write", 0))
    clients.backfill()
    clients.go(("canary", 50), ("canary", 100))
    return clients


def test_what_the_database_refuses_once_events_are_primary_parks_its_row_alone(cut_over: Clients) -> None:
    alter(cut_over.legacy, "ALTER TABLE orders ALTER cancel_reason TYPE varchar(10)")  # type: ignore[arg-type]
    assert cut_over.cancel(BAD)[0] == 200, "the event store is primary, and holds it"
    assert cut_over.cancel(1, "short")[0] == 200
    cut_over.platform.run_maintenance()
    (parked,) = cut_over.told()["parked"]
    assert (parked["stream"], parked["owner"], "cancel_reason" in parked["reason"]) == (
        str(order(BAD)),
        "follower",
        True,
    )
    assert LONG not in parked["reason"]
    assert [each["stream"] for each in cut_over.told()["halfDone"]] == [str(order(BAD))], "the others followed"
    assert cut_over.told()["next"]["waitsFor"][0] == "some rows are parked: put them right"
    assert cut_over.told()["health"]["lagMs"] == 0, "a parked row is no lag: it causes no rollback"
    forward = {"reason": "test", "noWayBack": True}
    assert "would_lose" in cut_over.platform.ask("/admin/migration/advance", forward)["body"]
    repair = reconciled(cut_over, repair=True)
    (finding,) = [each for each in repair["findings"] if each["where"] == str(order(BAD))]
    assert "cancel_reason" in finding["repair"]


def test_the_way_back_stays_open_and_a_parked_row_waits_on_the_side_that_has_it_all(cut_over: Clients) -> None:
    alter(cut_over.legacy, "ALTER TABLE orders ALTER cancel_reason TYPE varchar(10)")  # type: ignore[arg-type]
    cut_over.cancel(BAD)
    for step in (("dual_write", 0), ("legacy", 0)):
        cut_over.go(step)
        told = cut_over.told()
        assert ((told["phase"], told["percentage"]), told["movingTo"]) == (step, None)
        shown = cut_over.get(f"/orders/{order(BAD).id}")[1]
        assert (shown["status"], shown["version"]) == ("cancelled", 2), "what was promised is still told"
        refused = cut_over.send(f"/orders/{order(BAD).id}/items", {"sku": "B", "quantity": 1, "price": "1.00"})
        assert (refused[0], refused[1]["code"]) == (409, "row_parked")
        assert cut_over.send(f"/orders/{order(1).id}/items", {"sku": "B", "quantity": 1, "price": "1.00"})[0] == 200
    assert "would_lose" in cut_over.platform.ask("/admin/migration/start", {"reason": "test"})["body"]
    alter(cut_over.legacy, "ALTER TABLE orders ALTER cancel_reason TYPE text")  # type: ignore[arg-type]
    cut_over.platform.run_maintenance()
    assert (cut_over.told()["parked"], cut_over.told()["halfDone"]) == ([], [])
    assert cut_over.get(f"/orders/{order(BAD).id}")[1]["status"] == "cancelled"
    cut_over.go(("dual_write", 0))
    assert cut_over.cancel(2)[0] == 200


def test_an_order_that_the_legacy_system_never_got_is_not_lost_on_the_way_back(cut_over: Clients) -> None:
    alter(cut_over.legacy, "ALTER TABLE order_items ALTER sku TYPE varchar(3)")  # type: ignore[arg-type]
    new = {"orderId": "o-new", "customerId": "c-1", "items": [{"sku": "LARGE", "quantity": 1, "price": "1.00"}]}
    assert cut_over.send("/orders", new)[0] == 201
    cut_over.go(("dual_write", 0))
    assert cut_over.get("/orders/o-new")[1]["status"] == "created"
    status, again = cut_over.send("/orders", new)
    assert (status, again["code"]) == (409, "row_parked")
    alter(cut_over.legacy, "ALTER TABLE order_items ALTER sku TYPE text")  # type: ignore[arg-type]
    cut_over.platform.run_maintenance()
    assert cut_over.send("/orders/o-new/items", {"sku": "B", "quantity": 1, "price": "1.00"})[1]["version"] == 2
    cut_over.platform.run_maintenance()
    assert cut_over.told()["parked"] == []


def test_a_repair_accepts_what_the_legacy_system_says_of_a_parked_row(cut_over: Clients) -> None:
    alter(cut_over.legacy, "ALTER TABLE orders ALTER cancel_reason TYPE varchar(10)")  # type: ignore[arg-type]
    cut_over.cancel(BAD)
    cut_over.go(("dual_write", 0))
    spoil(cut_over.legacy, "UPDATE orders SET payment_method = 'cash'")  # type: ignore[arg-type]
    cut_over.platform.run_maintenance()
    assert "another program wrote it since" in cut_over.told()["parked"][0]["reason"]
    assert reconciled(cut_over, repair=True)["repaired"] == 1
    cut_over.platform.run_maintenance()
    assert cut_over.told()["parked"] == cut_over.told()["halfDone"] == []
    assert cut_over.get(f"/orders/{order(BAD).id}")[1]["status"] == "created"
    assert cut_over.cancel(BAD, "short")[0] == 200


def test_an_entry_that_the_event_table_cannot_take_parks_its_row_alone(clients: Clients) -> None:
    clients.go(("dual_write", 0))
    clients.backfill()
    alter(
        clients.legacy,  # type: ignore[arg-type]
        f"INSERT INTO banyan_outbox (entity, tenant, id, commit_id, version, count, row_version, content, metadata,"
        f" state, imported, relay, written_at) SELECT 'order', 'acme', '{order(BAD).id}', 'c' || n, n, 1, n, 'no JSON',"
        " '{}', '', false, true, now() FROM generate_series(2, 1200) AS n",
    )
    assert clients.cancel(1)[0] == 200
    clients.platform.run_maintenance()
    told = clients.told()
    assert [(each["stream"], each["owner"]) for each in told["parked"]] == [(str(order(BAD)), "relay")]
    assert {each["stream"] for each in told["halfDone"]} == {str(order(BAD))}, "the others were relayed"
    assert told["health"]["lagMs"] == 0
    assert "would_lose" in clients.platform.ask("/admin/migration/advance", {"reason": "test"})["body"]
    clients.go(("legacy", 0))
    assert clients.cancel(2)[0] == 200
