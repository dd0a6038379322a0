"""A legacy store that was filled holds what sums made another way say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from tests.conftest import LOCAL
from tests.orders.support.legacies import OnPostgres as Server
from tests.orders.unit.importer.files import SAMPLE, chosen
from tests.orders.unit.importer.independent import Independent
from tests.support.clocks import lengthy
from tests.support.engines import DynamoDBEngine
from typer.testing import CliRunner

from orders.tools.legacy.cli import app
from orders.tools.legacy.dynamodb import OnDynamoDB
from orders.tools.legacy.filling import fill, planned
from orders.tools.legacy.postgres import OnPostgres
from orders.tools.legacy.programs import Program
from orders.tools.legacy.rows import rows

TENANT = "acme"


@pytest.fixture(params=["postgres", "moto", LOCAL])
def program(request: pytest.FixtureRequest) -> Iterator[Program]:
    """An old program on each kind of legacy store."""
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        with closing(OnPostgres(server.url)) as on_postgres:
            yield on_postgres
    else:
        engine: DynamoDBEngine = request.getfixturevalue(request.param)
        yield OnDynamoDB(engine.client, f"legacy-{uuid4().hex}")


def ten_thousandths(amount: Decimal) -> int:
    return int(amount * 10_000)


def expect_the_sums_of(file: Path, program: Program) -> None:
    found = program.rows(TENANT)
    with closing(Independent(file)) as sums:
        assert sorted(found) == sorted(sums.invoices("true"))
        assert {id for id, row in found.items() if row.status == "cancelled"} == set(sums.cancelled())
        for id, row in found.items():
            lines = [(line.sku, line.quantity, ten_thousandths(line.price)) for line in row.lines]
            assert lines == list(sums.items(id))
        customers = sums.customers()
    for customer, sold in customers.items():
        own = [row for row in found.values() if row.customer == customer]
        gross, refunded = sum(row.total for row in own), sum(row.refunded for row in own)
        assert (len(own), ten_thousandths(Decimal(gross)), ten_thousandths(Decimal(refunded))) == (
            sold.orders,
            sold.gross,
            sold.refunded,
        )


def test_the_sample_lies_in_the_legacy_store(program: Program) -> None:
    fill(program, TENANT, rows(planned(SAMPLE).orders))
    expect_the_sums_of(SAMPLE, program)


@lengthy
@pytest.mark.parametrize("program", ["postgres", LOCAL], indirect=True)
def test_a_retailers_week_lies_in_the_legacy_store(program: Program) -> None:
    file = chosen("real")
    fill(program, TENANT, rows(planned(file).orders))
    expect_the_sums_of(file, program)


def test_filling_again_changes_nothing(program: Program) -> None:
    found = rows(planned(SAMPLE).orders)
    fill(program, TENANT, found)
    program.update(TENANT, found[0].order_id, "customer", "c-changed")
    fill(program, TENANT, found)
    assert program.rows(TENANT)[found[0].order_id].customer == "c-changed"
    assert len(program.rows(TENANT)) == len(found)


def test_the_command_fills_and_sums_up(postgres: Server) -> None:
    result = CliRunner().invoke(app, [str(SAMPLE), "--url", postgres.url])
    assert result.exit_code == 0, result.output
    assert "17 orders of 40 lines, 6 of them cancelled;" in result.stdout
    assert "sold 901.84" in result.stdout


def test_a_store_that_does_not_answer_is_one_sentence() -> None:
    result = CliRunner().invoke(app, [str(SAMPLE), "--url", "postgresql://127.0.0.1:1/none"])
    assert result.exit_code == 2
    assert "look at --url" in result.output
