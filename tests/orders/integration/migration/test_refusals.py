"""What the legacy system refuses: one command, by its field, and no other; and a database that goes away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order, row
from tests.orders.support.migration_clients import LONG, OURS, Clients, alter
from tests.support.engines import DynamoDBEngine

PHASES = ("legacy", "dual_write")
TIGHT = {
    "ALTER TABLE orders ALTER cancel_reason TYPE varchar(10)": "reason",
    "ALTER TABLE orders ALTER cancel_reason TYPE char(10)": "reason",
    "ALTER TABLE orders ADD CHECK (length(cancel_reason) < 10)": "reason",
    "ALTER TABLE orders ADD CONSTRAINT r CHECK (cancel_reason NOT LIKE '%long%')": "reason",
    "CREATE UNIQUE INDEX ON orders ((1)) WHERE status = 'cancelled'": None,
    "ALTER TABLE orders ADD UNIQUE (cancel_reason)": "reason",
    "CREATE TABLE r (r text PRIMARY KEY); ALTER TABLE orders ADD FOREIGN KEY (cancel_reason) REFERENCES r": "reason",
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.status = 'cancelled' THEN"
    " RAISE EXCEPTION 'no' USING ERRCODE = 'LG001'; END IF; RETURN NEW; END $$;"
    " CREATE TRIGGER no BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION no()": None,
}


@pytest.fixture
def clients(moto: DynamoDBEngine, postgres: OnPostgres) -> Iterator[Clients]:
    """Two orders of the old time, on PostgreSQL."""
    for number in (1, 2):
        postgres.write_directly(order(number), row(order(number)))
    made = Clients(moto, postgres)
    yield made
    assert made.platform.app.migration is not None
    made.platform.app.migration.close()


@pytest.mark.parametrize("phase", PHASES)
def test_text_that_the_database_cannot_hold_is_refused_with_its_field(clients: Clients, phase: str) -> None:
    if phase != "legacy":
        clients.go((phase, 0))
    first = clients.cancel(1, "a\0b", idempotency_key="k")
    again = clients.cancel(1, "a\0b", idempotency_key="k")
    assert (first[0], first[1]["code"], first[1]["field"]) == (422, "invalid_text", "reason")
    assert (again[0], again[1]["code"], again[1]["field"]) == (422, "invalid_text", "reason")
    assert clients.get(f"/orders/{order(1).id}")[1]["status"] != "cancelled"


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("statement", TIGHT)
def test_what_the_database_refuses_is_the_commands_error_and_nothing_is_kept(
    clients: Clients, phase: str, statement: str
) -> None:
    if "UNIQUE (" in statement:
        clients.legacy.write_directly(order(3), row(order(3), cancel_reason=LONG))
    if "(1)" in statement:
        clients.legacy.write_directly(order(3), row(order(3), status="cancelled"))
    alter(clients.legacy, statement)  # type: ignore[arg-type]
    if phase != "legacy":
        clients.go((phase, 0))
    status, refused = clients.cancel(1, idempotency_key="k")
    assert (status, refused["code"], refused.get("field")) == (422, "legacy_refused", TIGHT[statement]), refused
    assert LONG not in refused["detail"]
    again = clients.cancel(1, idempotency_key="k")
    assert (again[0], again[1]["code"], again[1]["Idempotency-Replayed"]) == (422, "legacy_refused", "true")
    assert clients.get(f"/orders/{order(1).id}")[1]["status"] != "cancelled"
    assert clients.send(f"/orders/{order(2).id}/items", {"sku": "B", "quantity": 1, "price": "1.00"})[0] == 200


@pytest.mark.parametrize("phase", PHASES)
def test_an_item_that_no_table_can_hold_is_refused_and_nothing_is_kept(moto: DynamoDBEngine, phase: str) -> None:
    legacy = OnDynamoDB(moto)
    legacy.write_directly(order(1), row(order(1), payment_method="x" * 404_000))
    clients = Clients(moto, legacy)
    if phase != "legacy":
        clients.go((phase, 0))
    items = [{"sku": f"sku-{n:060}", "quantity": 1, "price": "1.00"} for n in range(40)]
    answers = [clients.send(f"/orders/{order(1).id}/items", item) for item in items]
    kept = [status for status, _ in answers].count(200)
    assert {(status, body.get("code")) for status, body in answers[kept:]} == {(422, "legacy_refused")}
    found = legacy.repository.load(order(1))
    assert found is not None
    assert len(found.data.lines) == 2 + kept


@pytest.fixture
def outage(clients: Clients) -> Iterator[Callable[[str], None]]:
    """Makes the database refuse; what it did is undone in the end."""
    with psycopg.connect(clients.legacy.url, autocommit=True) as admin:  # type: ignore[union-attr]
        name = admin.execute("SELECT current_database()").fetchone()

        def read_only(setting: str) -> None:
            admin.execute(f'ALTER DATABASE "{name[0]}" SET default_transaction_read_only = {setting}'.encode())  # type: ignore[index]
            admin.execute(
                b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                b" WHERE datname = current_database() AND application_name = %b" % repr(OURS).encode()
            )

        yield read_only
        admin.execute(b"SET default_transaction_read_only = off")
        read_only("off")


@pytest.mark.parametrize("phase", PHASES)
def test_a_database_that_turns_read_only_is_an_outage_and_over_when_it_is_over(
    clients: Clients, phase: str, outage: Callable[[str], None]
) -> None:
    if phase != "legacy":
        clients.go((phase, 0))
    assert clients.get(f"/orders/{order(1).id}")[0] == 200
    outage("on")
    answers = [clients.cancel(1, "why", idempotency_key="k") for _ in range(3)]
    assert {(status, body["code"], body["Retry-After"]) for status, body in answers} == {(503, "unavailable", "1")}
    outage("off")
    answers = [clients.cancel(1, "why", idempotency_key="k") for _ in range(2)]
    assert [status for status, _ in answers] in ([200, 200], [503, 200]), answers
    assert clients.get(f"/orders/{order(1).id}")[1]["status"] == "cancelled"
