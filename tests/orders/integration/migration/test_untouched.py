"""The legacy system loses nothing: what the adapter does not know stays as it is, in every phase and in a repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order
from tests.orders.support.migration import CANARY, CUT_OVER, DUAL, START, MigrationFixture
from tests.support.engines import moto_tables
from tests.support.postgres import Server, database

from banyan.migration.sync.repair import LegacyRepair
from banyan.streams import StreamId
from orders import DOMAIN

KEYS: Final = {"tenant", "id"}
OURS: Final = {"version", "banyan_link", "banyan_commands"}
MAPPED: Final = {"order_id", "customer", "status", "total", "lines", "created_at"}
KNOWN: Final = KEYS | OURS | MAPPED | {"payment_method", "cancel_reason", "refunded", "paid_at", "cancelled_at"}
CUSTOMER: Final = "Zoe\u0308"
"""Decomposed, which the adapter reads as composed."""
OF_LINES: Final = {"sku", "quantity", "price"}
COLUMNS: Final = {"note": "text", "blob": "bytea", "extra": "jsonb", "amount": "numeric", "tags": "text[]"}


@dataclass(frozen=True)
class Line:
    """A line of an old program, with what only that program knows."""

    number: int
    sku: str
    quantity: int
    extras: dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A row of an old program; its lines cost 1.50 a piece."""

    lines: Sequence[Line]
    extras: dict[str, Any]
    number_type: str

    @property
    def total(self) -> Decimal:
        """What the lines cost."""
        return sum((line.quantity * Decimal("1.50") for line in self.lines), Decimal(0))


def rows(extras: Callable[[set[str]], st.SearchStrategy[dict[str, Any]]]) -> st.SearchStrategy[list[Row]]:
    """A few rows whose lines are numbered as old programs like to."""
    skus, quantities = st.sampled_from(("tea", "cup", "pot")), st.integers(1, 9)
    numbers = st.lists(st.integers(0, 2_000_000_000), min_size=1, max_size=4, unique=True).map(sorted)
    numbering = st.one_of(numbers, st.integers(1, 4).map(range).map(list))
    lines = numbering.flatmap(
        lambda found: st.tuples(*(st.builds(Line, st.just(n), skus, quantities, extras(OF_LINES)) for n in found))
    )
    return st.lists(st.builds(Row, lines, extras(KNOWN), st.sampled_from("NS")), min_size=1, max_size=3)


texts = st.text(max_size=6)
numbers = st.integers(-(10**38) + 1, 10**38 - 1).map(str) | st.decimals(-9, 9, places=20).map(str)
blobs = st.binary(max_size=6)
scalars = st.one_of(
    st.builds(dict, S=texts),
    st.builds(dict, N=numbers),
    st.builds(dict, B=blobs),
    st.builds(dict, BOOL=st.booleans()),
    st.just({"NULL": True}),
    st.builds(dict, SS=st.lists(texts.filter(bool), min_size=1, max_size=3, unique=True)),
    st.builds(dict, NS=st.lists(st.integers().map(str), min_size=1, max_size=3, unique=True)),
    st.builds(dict, BS=st.lists(blobs.filter(bool), min_size=1, max_size=3, unique=True)),
)
names = st.text(min_size=1, max_size=6)
values: st.SearchStrategy[dict[str, Any]] = st.recursive(
    scalars,
    lambda inner: (
        st.builds(dict, L=st.lists(inner, max_size=3)) | st.builds(dict, M=st.dictionaries(names, inner, max_size=3))
    ),
    max_leaves=5,
)


def attributes(known: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Attributes of an item or a line that no adapter knows."""
    return st.dictionaries(names.filter(lambda name: name not in known), values, max_size=4)


def columns(_: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Columns of a table that no adapter knows."""
    letters = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
    return st.fixed_dictionaries(
        {
            "note": st.none() | letters,
            "blob": st.none() | blobs,
            "extra": st.sampled_from(["{}", '{"b": [1.0, null]}']),
        },
        optional={"amount": st.decimals(allow_nan=False, allow_infinity=False), "tags": st.lists(letters, max_size=3)},
    )


class InItems:
    """Items of an old program."""

    def __init__(self, migrating: MigrationFixture) -> None:
        assert isinstance(migrating.legacy, OnDynamoDB)
        self._client, self._table = migrating.engine.client, migrating.legacy.table

    def put(self, stream: StreamId, row: Row) -> None:
        lines = [
            {"sku": {"S": e.sku}, "quantity": {"N": str(e.quantity)}, "price": {row.number_type: "1.50"}, **e.extras}
            for e in row.lines
        ]
        item = {
            **{name: {"S": getattr(stream, name)} for name in KEYS},
            "version": {"N": "1"},
            "order_id": {"S": stream.id},
            "customer": {"S": CUSTOMER},
            "status": {"S": "open"},
            "total": {row.number_type: str(row.total)},
            "created_at": {"S": START.isoformat()},
            "lines": {"L": [{"M": line} for line in lines]},
            **row.extras,
        }
        self._client.put_item(TableName=self._table, Item=item)

    def damage(self, stream: StreamId) -> None:
        """Change what the adapter knows, without a word to anyone."""
        self._client.update_item(
            TableName=self._table,
            Key={name: {"S": getattr(stream, name)} for name in KEYS},
            UpdateExpression="SET cancel_reason = :c, #lines[0].quantity = :q",
            ExpressionAttributeNames={"#lines": "lines"},
            ExpressionAttributeValues={":c": {"S": "c-9"}, ":q": {"N": "77"}},
        )

    def stored(self, stream: StreamId) -> tuple[Any, list[Any]]:
        """What only the old program knows, with the type of its numbers, and every line."""
        key = {name: {"S": getattr(stream, name)} for name in KEYS}
        item: dict[str, Any] = self._client.get_item(TableName=self._table, Key=key)["Item"]
        unknown = {name: value for name, value in item.items() if name not in KNOWN}
        lines = item["lines"]["L"]
        types = {next(iter(item["total"])), *(next(iter(line["M"]["price"])) for line in lines)}
        return (unknown, types, item["created_at"], item["customer"], set(item) & KEYS), lines


class InTables:
    """Rows and lines of an old program, in tables with columns of its own."""

    def __init__(self, migrating: MigrationFixture) -> None:
        assert isinstance(migrating.legacy, OnPostgres)
        self._connections = migrating.legacy.connections
        added = "".join(f", ADD COLUMN {name} {kind}" for name, kind in COLUMNS.items())
        for table, generated in (("orders", "customer"), ("order_items", "line::text")):
            self._run(
                f"ALTER TABLE {table} ADD COLUMN must text NOT NULL{added},"
                " ADD COLUMN seen timestamptz NOT NULL DEFAULT clock_timestamp(),"
                f" ADD COLUMN generated text GENERATED ALWAYS AS ({generated} || '!') STORED,"
                " ADD COLUMN counted bigint GENERATED ALWAYS AS IDENTITY"
            )
            self._run(f"ALTER TABLE {table} ALTER COLUMN must SET DEFAULT ''" if table == "order_items" else "")

    def put(self, stream: StreamId, row: Row) -> None:
        key = {"tenant": stream.tenant, "order_id": stream.id, "must": "be"}
        self._insert("orders", {**key, "customer": CUSTOMER, "status": "open", "total": row.total, **row.extras})
        for e in row.lines:
            line = {"line": e.number, "sku": e.sku, "quantity": e.quantity, "price": "1.50"}
            self._insert("order_items", {**key, **line, **e.extras})

    def damage(self, stream: StreamId) -> None:
        """Change what the adapter knows, without a word to anyone."""
        self._run("ALTER TABLE orders DISABLE TRIGGER USER; ALTER TABLE order_items DISABLE TRIGGER USER")
        key = (stream.tenant, stream.id)
        self._run("UPDATE orders SET cancel_reason = 'c-9' WHERE (tenant, order_id) = (%s, %s)", *key)
        first = "(SELECT min(line) FROM order_items WHERE (tenant, order_id) = (%s, %s))"
        where = f"WHERE (tenant, order_id) = (%s, %s) AND line = {first}"
        self._run(f"UPDATE order_items SET quantity = 77 {where}", *key, *key)
        self._run("ALTER TABLE orders ENABLE TRIGGER USER; ALTER TABLE order_items ENABLE TRIGGER USER")

    def stored(self, stream: StreamId) -> tuple[Any, list[Any]]:
        """What only the old program knows, and every line."""
        unknown = f"{', '.join(COLUMNS)}, must, seen, counted, generated, created_at, customer"
        key = (stream.tenant, stream.id)
        where = "WHERE (tenant, order_id) = (%s, %s)"
        found = self._run(f"SELECT {unknown} FROM orders {where}", *key)
        return found, self._run(f"SELECT * FROM order_items {where} ORDER BY line", *key)

    def _insert(self, table: str, values: dict[str, Any]) -> None:
        self._run(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})", *values.values()
        )

    def _run(self, statement: str, *values: Any) -> list[Any]:
        with self._connections.transaction() as cursor:
            cursor.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []


class Walk:
    """Rows that meet commands in every phase, there and back, and repairs."""

    def __init__(self, migrating: MigrationFixture, program: InItems | InTables, examples: Sequence[Row]) -> None:
        self.migrating = migrating
        self.program = program
        self.streams = [order(number) for number in range(1, len(examples) + 1)]
        for stream, row in zip(self.streams, examples, strict=True):
            program.put(stream, row)
        self.before = [program.stored(stream) for stream in self.streams]
        self.commands = 0

    def __call__(self) -> None:
        self.command()
        for step in (DUAL, CANARY, CUT_OVER):
            self.migrating.go_to(step)
            self.command()
        self.repair()
        self.command()
        self.migrating.go(CANARY)
        self.command()
        self.migrating.expect_equal(*self.streams)

    def command(self) -> None:
        """Add a line to each, and settle."""
        for stream in self.streams:
            self.migrating.add(stream)
        self.commands += 1
        self.expect_untouched()

    def repair(self) -> None:
        """Let what was damaged be written as its events tell it."""
        for stream in self.streams:
            self.program.damage(stream)
            LegacyRepair(self.migrating.migration, self.migrating.engine.store(DOMAIN.registry))(stream)
        self.expect_untouched()

    def expect_untouched(self) -> None:
        """Expect that all of before is still there, and one line more for each command."""
        assert self.migrating.migration.recover() == 0
        for stream, (unknown, lines) in zip(self.streams, self.before, strict=True):
            now, found = self.program.stored(stream)
            assert now == unknown
            assert found[: len(lines)] == lines
            assert len(found) == len(lines) + self.commands


@contextmanager
def on_postgres(server: Server) -> Iterator[tuple[MigrationFixture, InTables]]:
    with moto_tables() as engine, database(server) as url:
        legacy = OnPostgres(url)
        with closing(legacy.connections), closing(MigrationFixture(engine, legacy)) as migrating:
            yield migrating, InTables(migrating)


@contextmanager
def on_dynamodb() -> Iterator[tuple[MigrationFixture, InItems]]:
    with moto_tables() as engine, closing(MigrationFixture(engine, OnDynamoDB(engine))) as migrating:
        yield migrating, InItems(migrating)


bounded = settings(max_examples=5, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))


@bounded
@given(examples=rows(attributes))
def test_an_item_keeps_all_that_the_adapter_does_not_know(examples: list[Row]) -> None:
    with on_dynamodb() as (migrating, program):
        Walk(migrating, program, examples)()


@pytest.mark.slow
@bounded
@given(examples=rows(columns))
def test_a_row_keeps_all_that_the_adapter_does_not_know(postgres_server: Server, examples: list[Row]) -> None:
    with on_postgres(postgres_server) as (migrating, program):
        Walk(migrating, program, examples)()
