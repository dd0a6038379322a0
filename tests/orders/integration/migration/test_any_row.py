"""Whatever a legacy system can hold: good rows are told, bad ones are named, and nothing else happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
from boto3.dynamodb.types import TypeSerializer
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order, row
from tests.orders.support.migration import CANARY, DUAL, MigrationFixture
from tests.orders.support.reconciled import Reconciled
from tests.support.engines import moto_tables
from tests.support.postgres import Server, database

from banyan.errors import Conflict
from banyan.migration.stores.rows import LegacyKey, nameable
from orders.legacy import LEGACY

GOOD = (order(1), order(2))
MOST_LINES = 3
"""Each of them raises its row's version, which ends with the column's type."""
EXAMPLES = settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
number = st.sampled_from(["NaN", "0", "-0.0001", "999999999999.9999", "-999999999999.9999"]) | st.decimals(
    -(10**11), 10**11, places=4
).map(str)
moment = st.sampled_from(
    [
        "infinity",
        "-infinity",
        "4713-01-01 BC",
        "0001-01-01 BC",
        "0001-01-01",
        "9999-12-31 23:59:59.999999",
        "294276-12-31",
    ]
) | st.datetimes().map(str)
row_name = st.tuples(
    st.sampled_from(["acme", "_system", "a:b", ""]) | text,
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", fullmatch=True) | text,
)
sql_row = st.fixed_dictionaries(
    {
        "customer": st.just("c-1") | text,
        "status": st.sampled_from(["open", "paid", "cancelled"]) | text,
        "total": st.just("12.25") | number,
        "payment_method": st.none() | text,
        "cancel_reason": st.none() | text,
        "refunded": st.just("0") | number,
        "created_at": st.just("2011-01-01") | moment,
        "paid_at": st.none() | moment,
        "cancelled_at": st.none() | moment,
        "version": st.just(1) | st.integers(-(2**63), 2**63 - 1 - MOST_LINES),
    }
)
sql_line = st.tuples(st.just("tea") | text, st.just(2) | st.integers(-(2**31), 2**31 - 1), st.just("4.50") | number)

attribute = st.recursive(
    st.one_of(
        text.map(lambda value: {"S": value}),
        st.integers(-(10**37), 10**37).map(lambda value: {"N": str(value)}),
        st.decimals(-(10**9), 10**9, places=6).map(lambda value: {"N": str(value)}),
        moment.map(lambda value: {"S": value}),
        st.binary(max_size=9).map(lambda value: {"B": value}),
        st.booleans().map(lambda value: {"BOOL": value}),
        st.just({"NULL": True}),
        st.sets(text.filter(bool), min_size=1, max_size=3).map(lambda value: {"SS": sorted(value)}),
        st.sets(st.integers(), min_size=1, max_size=3).map(lambda value: {"NS": sorted(map(str, value))}),
        st.sets(st.binary(min_size=1, max_size=3), min_size=1, max_size=3).map(lambda value: {"BS": sorted(value)}),
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda value: {"L": value})
        | st.dictionaries(st.sampled_from(["sku", "quantity", "price"]) | text.filter(bool), inner, max_size=3).map(
            lambda value: {"M": value}
        )
    ),
    max_leaves=6,
)
item = st.dictionaries(
    st.sampled_from([*LEGACY.row.model_fields, "version", "note"]), attribute, min_size=1, max_size=4
)


@pytest.mark.slow
@EXAMPLES
@given(st.lists(st.tuples(row_name, sql_row, st.lists(sql_line, max_size=MOST_LINES)), min_size=1, max_size=6))
def test_any_row_of_postgresql(postgres_server: Server, rows: Any) -> None:
    with moto_tables() as engine, database(postgres_server) as url:
        legacy = OnPostgres(url)
        with (
            closing(legacy.connections),
            closing(MigrationFixture(engine, legacy)) as migrating,
            psycopg.connect(url) as old_program,
        ):
            old_program.execute("ALTER TABLE orders DROP CONSTRAINT orders_status_check")
            names = {name for name, *_ in rows}
            for name, content, lines in rows:
                _insert(old_program, name, content, lines)
            old_program.commit()
            expect_good_rows_imported_and_bad_ones_named(migrating, names)


@pytest.mark.slow
@EXAMPLES
@given(st.lists(st.tuples(row_name.filter(all), item), min_size=1, max_size=6))
@example([(("acme", "x"), {"version": {"B": b"*"}})])
def test_any_item_of_dynamodb(rows: Any) -> None:
    with moto_tables() as engine:
        legacy = OnDynamoDB(engine)
        with closing(MigrationFixture(engine, legacy)) as migrating:
            names = {name for name, _ in rows}
            for (tenant, id), attributes in rows:
                plain = _plain(id)
                key = {"tenant": {"S": tenant}, "id": {"S": id}}
                engine.client.put_item(TableName=legacy.table, Item={**plain, **attributes, **key})
            expect_good_rows_imported_and_bad_ones_named(migrating, names)


def expect_good_rows_imported_and_bad_ones_named(migrating: MigrationFixture, names: set[tuple[str, str]]) -> None:
    """Expect of a backfill, a verification and reconciliations that they stop at nothing and pass nothing over."""
    for stream in GOOD:
        migrating.legacy.write_directly(stream, row(stream))
    odd = {name for name in names if LegacyKey(*name) not in {LegacyKey(good.tenant, good.id) for good in GOOD}}
    streams = set(filter(None, (nameable(LegacyKey(*name), "order") for name in odd)))
    migrating.go_to(DUAL)
    assert migrating.process().backfill.preview(1.0).rows >= 0
    done = migrating.process().backfill.run()
    failed = {stream for stream in streams if str(stream) in done.failed}
    assert (done.seen, done.imported + done.failures) == (len(odd) + len(GOOD), len(odd) + len(GOOD))
    assert done.failures == len(done.failed) == len(failed) + len(odd) - len(streams)
    assert migrating.migration.recover() == 0
    migrating.expect_equal(*GOOD)
    with suppress(Conflict):
        migrating.go(CANARY)
    reconciled = Reconciled(migrating)
    reconciled.project(*streams, *GOOD)
    reconciled.age()
    for repair in (True, False):
        section = reconciled.reconcile(repair=repair)
        named = {finding.where for finding in section.findings}
        assert {str(stream) for stream in failed} <= named
        assert named.isdisjoint(map(str, GOOD))
    migrating.expect_equal(*GOOD)


def _insert(connection: psycopg.Connection[Any], name: Sequence[str], content: Mapping[str, Any], lines: Any) -> None:
    columns = {"tenant": name[0], "order_id": name[1], **content}
    places = ", ".join(f"%({column})s" for column in columns)
    statement = f"INSERT INTO orders ({', '.join(columns)}) VALUES ({places}) ON CONFLICT DO NOTHING"
    if connection.execute(statement.encode(), columns).rowcount:
        for number, line in enumerate(lines):
            connection.execute("INSERT INTO order_items VALUES (%s, %s, %s, %s, %s, %s)", (*name, number, *line))


def _plain(id: str) -> Any:
    content = {"version": 1, **row(order()).model_dump(mode="json"), "order_id": id}
    return {name: TypeSerializer().serialize(value) for name, value in content.items()}
