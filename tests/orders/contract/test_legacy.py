"""What every legacy repository does: rows with versions, one transaction for a row and its entries, one leader."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.errors import RaiseException
from tests.conftest import LOCAL
from tests.orders.support.legacies import InMemory, Legacy, OnDynamoDB, OnPostgres, order, paid, row
from tests.support.clocks import START
from tests.support.engines import DynamoDBEngine

from banyan.errors import PrimaryChanged, RowRaced
from banyan.events import Metadata
from banyan.migration.archive.tables_postgres import PostgresTables
from banyan.migration.stores.legacy import LegacyRow, OutboxEntry, SyncPoint, Unit
from banyan.migration.stores.postgres import PostgresChanges
from banyan.migration.writes.primary import Primary
from banyan.streams import StreamId
from orders.legacy import LEGACY, LegacyOrder

LIMIT = 100


@pytest.fixture(params=["memory", "postgres", "moto", LOCAL])
def legacy(request: pytest.FixtureRequest) -> Legacy:
    """Each legacy system in turn."""
    if request.param == "memory":
        return InMemory()
    if request.param == "postgres":
        on_postgres: OnPostgres = request.getfixturevalue("postgres")
        return on_postgres
    engine: DynamoDBEngine = request.getfixturevalue(request.param)
    return OnDynamoDB(engine)


def entry(stream: StreamId, version: int, commit_id: str, **changes: Any) -> OutboxEntry:
    """An entry of one event."""
    content = {"content": '[{"type":"OrderPaid"}]', "metadata": Metadata(actor="ann"), "state": '{"status":"paid"}'}
    return OutboxEntry(stream, version, 1, version, commit_id, **{**content, "written_at": START, **changes})


def next_row(unit: Unit[LegacyOrder], stream: StreamId) -> LegacyRow[LegacyOrder]:
    """The row, paid, one version later and in sync."""
    version = unit.row.version + 1 if unit.row else 1
    return LegacyRow(stream, version, paid(stream), SyncPoint(version, version))


def write(legacy: Legacy, stream: StreamId, commit_id: str = "commit", primary: Primary = Primary.LEGACY) -> None:
    """Write a row through a unit."""
    with legacy.repository.unit(stream, primary) as unit:
        written = next_row(unit, stream)
        unit.write(written, [entry(stream, written.version, commit_id)])


def test_a_row_reads_as_it_was_written(legacy: Legacy) -> None:
    stream = order()
    assert legacy.repository.load(stream) is None
    write(legacy, stream)
    assert legacy.repository.load(stream) == LegacyRow(stream, 1, paid(stream), SyncPoint(1, 1))


def test_a_row_loses_lines_that_are_no_longer_there(legacy: Legacy) -> None:
    stream = order()
    write(legacy, stream)
    shorter = row(stream, lines=row(stream).lines[:1])
    with legacy.repository.unit(stream, Primary.LEGACY) as unit:
        unit.write(LegacyRow(stream, 2, shorter, SyncPoint(2, 2)), [])
    found = legacy.repository.load(stream)
    assert found is not None
    assert (found.version, found.data) == (2, shorter)


def test_a_unit_that_fails_writes_nothing(legacy: Legacy) -> None:
    stream = order()
    with suppress(ZeroDivisionError), legacy.repository.unit(stream, Primary.LEGACY) as unit:
        unit.write(next_row(unit, stream), [entry(stream, 1, "commit")])
        raise ZeroDivisionError
    assert legacy.repository.load(stream) is None
    write(legacy, stream)


def test_a_command_that_was_handled_is_found_by_its_id(legacy: Legacy) -> None:
    stream = order()
    write(legacy, stream, "first")
    with legacy.repository.unit(stream, Primary.LEGACY) as unit:
        found = unit.answered("first")
        assert unit.answered("second") is None
    assert found is not None
    assert (found.version, found.count, found.row_version, found.state) == (1, 1, 1, '{"status":"paid"}')


def test_a_write_behind_the_facades_back_moves_the_version_and_is_noticed(legacy: Legacy) -> None:
    stream = order()
    write(legacy, stream)
    assert legacy.repository.out_of_sync(LIMIT) == []
    legacy.write_directly(stream, row(stream, customer="c-2"))
    found = legacy.repository.load(stream)
    assert found is not None
    assert (found.version > 1, found.in_sync, found.stream_version, found.data.customer) == (True, False, 2, "c-2")
    assert legacy.repository.out_of_sync(LIMIT) == [stream]
    write(legacy, stream, "second")
    assert legacy.repository.out_of_sync(LIMIT) == []


def test_a_row_of_an_old_program_is_version_1_of_a_stream_to_be(legacy: Legacy) -> None:
    legacy.write_directly(order(), row(order()))
    found = legacy.repository.load(order())
    assert found is not None
    assert (found.sync_point, found.in_sync, found.stream_version, found.data) == (None, False, 1, row(order()))


def test_a_scan_meets_every_row_once(legacy: Legacy) -> None:
    streams = [order(number, tenant) for number in (3, 1, 4, 2) for tenant in ("zeta", "acme")]
    for stream in streams:
        legacy.write_directly(stream, row(stream))
    found: list[StreamId] = []
    while page := legacy.repository.scan(found[-1] if found else None, 3):
        found += [read.stream for read in page]
        assert len(found) <= len(streams)
    assert sorted(found) == sorted(streams)
    assert legacy.repository.count() == len(streams)


def test_only_the_leader_writes(legacy: Legacy) -> None:
    assert legacy.repository.primary() is Primary.LEGACY
    legacy.repository.transfer(Primary.EVENTS, 1)
    assert legacy.repository.primary() is Primary.EVENTS
    with pytest.raises(PrimaryChanged):
        write(legacy, order())
    assert legacy.repository.load(order()) is None
    write(legacy, order(), primary=Primary.EVENTS)


def test_racing_units_write_one_after_the_other_or_fail(legacy: Legacy) -> None:
    stream, racers = order(), 8
    write(legacy, stream, "start")

    def race(number: int) -> bool:
        try:
            write(legacy, stream, f"racer-{number}")
        except RowRaced:
            return False
        return True

    with ThreadPoolExecutor(racers) as pool:
        won = sum(pool.map(race, range(racers)))
    found = legacy.repository.load(stream)
    assert found is not None
    assert found.version == 1 + won >= 2


def test_no_unit_of_the_old_leader_ends_behind_the_hand_over(legacy: Legacy) -> None:
    stream, events = order(), []

    def late(transfer: Callable[[], None]) -> None:
        with suppress(PrimaryChanged, RowRaced), legacy.repository.unit(stream, Primary.LEGACY) as unit:
            handed = ThreadPoolExecutor(1).submit(transfer)
            unit.write(next_row(unit, stream), [])
            if not isinstance(legacy, OnDynamoDB):
                assert not handed.done()
        handed.result()

    def transfer() -> None:
        legacy.repository.transfer(Primary.EVENTS, 1)
        events.append(legacy.repository.load(stream))

    late(transfer)
    assert events == [legacy.repository.load(stream)]


def test_a_row_that_takes_the_place_of_a_deleted_one_is_noticed(legacy: Legacy) -> None:
    stream = order()
    write(legacy, stream)
    legacy.delete_directly(stream)
    legacy.write_directly(stream, row(stream, customer="c-2"))
    found = legacy.repository.load(stream)
    assert found is not None
    assert (found.in_sync, found.data.customer) == (False, "c-2")
    assert legacy.repository.out_of_sync(LIMIT) == [stream]


@pytest.fixture(params=["memory", "postgres"])
def outbox(request: pytest.FixtureRequest) -> Any:
    """Each legacy system with an outbox."""
    return InMemory() if request.param == "memory" else request.getfixturevalue("postgres")


def test_an_outbox_holds_entries_in_order_until_they_are_relayed(outbox: Any) -> None:
    first, second = order(1), order(2)
    for number, stream in enumerate((first, second, first), start=1):
        write(outbox, stream, f"commit-{number}")
    pending = outbox.repository.pending()
    assert [(e.stream, e.version, e.commit_id) for e in pending] == [
        (first, 1, "commit-1"),
        (second, 1, "commit-2"),
        (first, 2, "commit-3"),
    ]
    assert pending[0] == entry(first, 1, "commit-1")
    assert [e.commit_id for e in outbox.repository.pending(first)] == ["commit-1", "commit-3"]
    outbox.repository.relayed(pending[0])
    assert [e.commit_id for e in outbox.repository.pending(first)] == ["commit-3"]
    with outbox.repository.unit(first, Primary.LEGACY) as unit:
        assert unit.answered("commit-1") == replace(pending[0], relay=False)


def test_an_entry_is_written_once(outbox: Any) -> None:
    write(outbox, order(), "commit")
    with outbox.repository.unit(order(), Primary.LEGACY) as unit:
        assert unit.answered("commit") is not None


def test_once_legacy_is_off_the_database_itself_refuses_old_programs(postgres: OnPostgres) -> None:
    postgres.repository.transfer(Primary.OFF, 1)
    with pytest.raises(RaiseException, match="legacy_writes_off"):
        postgres.write_directly(order(), row(order()))
    assert postgres.repository.load(order()) is None


@pytest.fixture(params=["moto", LOCAL])
def items(request: pytest.FixtureRequest) -> OnDynamoDB:
    """A legacy table on each engine."""
    return OnDynamoDB(request.getfixturevalue(request.param))


@pytest.mark.parametrize(
    ("lost", "other"),
    [(("banyan_link", "banyan_commands"), {}), ((), {"version": {"N": "7"}})],
    ids=["put whole by a program", "written by a program"],
)
def test_an_item_that_was_replaced_meanwhile_is_not_written_over(
    items: OnDynamoDB, lost: tuple[str, ...], other: dict[str, Any]
) -> None:
    stream = order()
    write(items, stream)

    def late() -> None:
        with items.repository.unit(stream, Primary.LEGACY) as unit:
            held = items.repository.stored(stream)
            assert held is not None
            kept: Any = {name: value for name, value in held.item.items() if name not in lost}
            items.engine.client.put_item(TableName=items.table, Item={**kept, "customer": {"S": "c-2"}, **other})
            unit.write(next_row(unit, stream), [])

    with pytest.raises(RowRaced):
        late()
    found = items.repository.load(stream)
    assert found is not None
    assert found.data.customer == "c-2"


@pytest.mark.parametrize("version", [{"N": "3"}, {"S": "3"}], ids=str)
def test_an_item_that_was_written_before_is_written_to_and_its_version_keeps_its_type(
    items: OnDynamoDB, version: Any
) -> None:
    stream = order()
    items.write_directly(stream, row(stream))
    held = items.repository.stored(stream)
    assert held is not None
    before: Any = {**held.item, "version": version, "banyan_link": {"NULL": True}, "banyan_commands": {"L": []}}
    items.engine.client.put_item(TableName=items.table, Item=before)
    write(items, stream)
    found = items.repository.stored(stream)
    assert found is not None
    assert (found.row.version, found.row.in_sync) == (4, True)
    assert [*found.item["version"].items()] == [(next(iter(version)), "4")]


MOVES = {
    "a line to another order": ("UPDATE order_items SET order_id = 'o-0002', line = 9 WHERE line = 1 AND {first}", 2),
    "all lines to another order": ("UPDATE order_items SET order_id = 'o-0002', line = line + 9 WHERE {first}", 2),
    "a line to another tenant": ("UPDATE order_items SET tenant = 'zeta', line = 9 WHERE line = 1 AND {first}", 2),
    "a line within its order": ("UPDATE order_items SET line = 9 WHERE line = 1 AND {first}", 1),
    "one line away": ("DELETE FROM order_items WHERE line = 1 AND {first}", 1),
    "one line in": ("INSERT INTO order_items SELECT tenant, order_id, 9, 'tea', 1, 1 FROM orders WHERE {first}", 1),
    "all lines away": ("TRUNCATE order_items", 3),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "moved"), MOVES.values(), ids=MOVES)
def test_every_order_whose_lines_change_is_noticed(postgres: OnPostgres, statement: str, moved: int) -> None:
    streams = [order(1), order(2), order(1, "zeta")]
    for stream in streams:
        write(postgres, stream)
    run(postgres, statement.format(first="tenant = 'acme' AND order_id = 'o-0001'"))
    found = postgres.repository.rows(streams)
    assert len([each for each in found.values() if each.version > 1 and not each.in_sync]) == moved
    assert len(postgres.repository.out_of_sync(LIMIT)) == moved


def test_a_row_that_changes_its_key_is_noticed_under_both_names(postgres: OnPostgres) -> None:
    for stream in (order(1), order(2)):
        write(postgres, stream)
        run(postgres, "DELETE FROM order_items")
    see_everything(postgres)
    run(postgres, "DELETE FROM orders WHERE order_id = 'o-0002'")
    run(postgres, "UPDATE orders SET order_id = 'o-0002' WHERE order_id = 'o-0001'")
    assert see_everything(postgres) == {str(order(1)), str(order(2))}
    assert postgres.repository.out_of_sync(LIMIT) == [order(2)]


@pytest.mark.parametrize("version", [1, 2, 3, 9])
def test_a_row_with_the_version_of_a_deleted_one_is_noticed(postgres: OnPostgres, version: int) -> None:
    for commit_id in ("first", "second"):
        write(postgres, order(), commit_id)
    postgres.delete_directly(order())
    run(
        postgres,
        "INSERT INTO orders (tenant, order_id, customer, status, total, version)"
        f" VALUES ('acme', 'o-0001', 'c-2', 'open', 0, {version})",
    )
    found = postgres.repository.load(order())
    assert found is not None
    assert (found.version, found.in_sync) == (max(version, 3), False)


def test_a_line_of_any_table_raises_the_version_of_its_row(postgres: OnPostgres) -> None:
    run(
        postgres,
        "CREATE TABLE notes (number bigint PRIMARY KEY, shop text, of_order text, text text);"
        " CREATE TRIGGER notes_version AFTER INSERT OR UPDATE OR DELETE ON notes FOR EACH ROW"
        " EXECUTE FUNCTION banyan_line('order', 'orders', 'shop=tenant', 'of_order=order_id');"
        " CREATE TRIGGER notes_truncated BEFORE TRUNCATE ON notes FOR EACH STATEMENT"
        " EXECUTE FUNCTION banyan_line('order', 'orders', 'shop=tenant', 'of_order=order_id')",
    )
    write(postgres, order(1))
    write(postgres, order(2))
    versions = []
    for statement in (
        "INSERT INTO notes VALUES (1, 'acme', 'o-0001', 'it''s'), (2, 'acme', NULL, '')",
        "UPDATE notes SET of_order = 'o-0002' WHERE number = 1",
        "TRUNCATE notes",
    ):
        run(postgres, statement)
        found = postgres.repository.rows([order(1), order(2)])
        versions.append((found[order(1)].version, found[order(2)].version))
    assert versions == [(2, 1), (3, 2), (3, 3)]


@pytest.mark.parametrize("statement", ["TRUNCATE orders, order_items", "TRUNCATE orders CASCADE", "DELETE FROM orders"])
def test_rows_that_are_all_removed_are_noticed(postgres: OnPostgres, statement: str) -> None:
    streams = [order(1), order(2, "zeta")]
    for stream in streams:
        write(postgres, stream)
    run(postgres, "DELETE FROM order_items WHERE order_id = 'o-0001'")
    see_everything(postgres)
    run(postgres, statement)
    assert see_everything(postgres) == set(map(str, streams))


REFUSED = [
    "TRUNCATE orders, order_items",
    "TRUNCATE order_items, orders",
    "TRUNCATE orders CASCADE",
    "TRUNCATE order_items",
    "DELETE FROM orders",
    "DELETE FROM order_items",
    "UPDATE orders SET customer = 'c-2'",
    "UPDATE orders SET order_id = 'o-0009'",
    "UPDATE order_items SET line = line + 5",
    "INSERT INTO order_items VALUES ('acme', 'o-0001', 9, 'tea', 1, 1)",
    "INSERT INTO orders (tenant, order_id, customer, status, total) VALUES ('acme', 'o-0002', 'c', 'open', 0)",
    "INSERT INTO orders SELECT * FROM orders ON CONFLICT DO NOTHING",
    "MERGE INTO order_items i USING orders o ON i.order_id = o.order_id WHEN MATCHED THEN DELETE",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_once_legacy_is_off_no_statement_writes_and_each_is_counted(postgres: OnPostgres, statement: str) -> None:
    write(postgres, order())
    before = postgres.repository.load(order())
    postgres.repository.transfer(Primary.OFF, 1)
    refused = PostgresTables(postgres.connections, LEGACY).direct_writes().refused
    with pytest.raises(RaiseException, match="legacy_writes_off"):
        run(postgres, statement)
    assert postgres.repository.load(order()) == before
    assert PostgresTables(postgres.connections, LEGACY).direct_writes().refused == refused + 1


@pytest.mark.parametrize("table", ["orders", "order_items"])
def test_once_legacy_is_off_nothing_is_copied_in(postgres: OnPostgres, table: str) -> None:
    write(postgres, order())
    with postgres.connections.transaction() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as rows:
        lines = b"".join(rows).replace(b"o-0001", b"o-0002" if table == "orders" else b"o-0001")
    run(postgres, "DELETE FROM order_items")
    postgres.repository.transfer(Primary.OFF, 1)
    with (
        pytest.raises(RaiseException, match="legacy_writes_off"),
        postgres.connections.transaction() as cursor,
        cursor.copy(f"COPY {table} FROM STDIN") as copy,
    ):
        copy.write(lines)


def run(postgres: OnPostgres, statement: str) -> None:
    """Run statements of an old program."""
    with postgres.connections.transaction() as cursor:
        cursor.execute(statement.encode())


def see_everything(postgres: OnPostgres) -> set[str]:
    """Rows that changed since they were last asked for."""
    feed = PostgresChanges(postgres.connections, LEGACY.entity)
    found = feed.changed(datetime.now(UTC) + timedelta(hours=1), LIMIT)
    if found.ids:
        feed.seen(found)
    return set(found.ids)
