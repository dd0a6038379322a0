"""One suite for walking, reading and deleting the rows of whole generations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.engines import DynamoDBEngine, Engine, MemoryEngine
from tests.support.ledger import account, deposits
from tests.support.projections import Ledger

from banyan.adapters.dynamodb import views as dynamodb_rows
from banyan.adapters.dynamodb.views import DynamoDBGenerationRows
from banyan.projections.memory import MemoryViews
from banyan.projections.rebuild.builds import GenerationRows, MemoryGenerationRows
from banyan.projections.views import FailureRecord, Generation, ViewKey, Views, ViewUpdate

PARTS = 3
NAMES = "abcdefg"
OLD, NEW, OTHER = Generation("turnover", 1), Generation("turnover", 11), Generation("balances", 1)


@pytest.fixture
def ledger(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Accounts in the first generation of both projections, read in small pages."""
    monkeypatch.setattr(dynamodb_rows, "ITEMS_AT_ONCE", 3)
    ledger = Ledger(engine.views(), engine.table())
    for name in NAMES:
        ledger.runner.project([ledger.commit(account(name), *deposits(1))])
    return ledger


@pytest.fixture
def rows(engine: Engine, ledger: Ledger) -> GenerationRows:
    """Each kind of generation rows."""
    if isinstance(engine, MemoryEngine):
        assert isinstance(ledger.views, MemoryViews)
        return MemoryGenerationRows(ledger.views)
    assert isinstance(engine, DynamoDBEngine)
    return DynamoDBGenerationRows(engine.gateway, engine.tables.views, engine.tables.cursors)


def copy(ledger: Ledger, generation: Generation) -> None:
    """Copy the first two accounts of ``turnover`` into another generation, one of them parked there."""
    for name in NAMES[:2]:
        writes = [[w for e in ledger.store.read(account(name)) for w in ledger.turnover.apply(e)]]
        ledger.views.update(generation, [ViewUpdate(account(name), 0, 1, ledger.clock(), writes)], ledger.clock())
    ledger.views.put_failure(generation, FailureRecord(account("a"), 2, "KeyError", 1, ledger.clock(), ledger.clock()))


def walked(rows: GenerationRows, *generations: Generation) -> Iterator[tuple[Generation, ViewKey]]:
    """Every key of some generations, part by part and page by page."""
    for part in range(PARTS):
        position = None
        while True:
            found, position = rows.keys(generations, part, PARTS, position)
            yield from ((generation, key) for generation, keys in found.items() for key in keys)
            if position is None:
                break


def dropped(rows: GenerationRows, generation: Generation, most: int = 500) -> None:
    """Drop a generation, part by part and page by page."""
    for part in range(PARTS):
        position = None
        while position := rows.drop(generation, part, PARTS, position, most):
            pass


def test_every_key_of_the_generations_is_met_once(ledger: Ledger, rows: GenerationRows) -> None:
    copy(ledger, NEW)
    expected = [(g, key) for g in (OLD, NEW) for key in ledger.views.all_rows(g)]

    assert len(expected) == len(NAMES) + 1 + 3
    assert sorted(walked(rows, OLD, NEW), key=str) == sorted(expected, key=str)


def test_rows_are_found_by_their_keys(ledger: Ledger, rows: GenerationRows) -> None:
    everything = ledger.views.all_rows(OLD)
    missing = ViewKey("acme", "growing", "nobody")

    assert rows.rows(OLD, [*everything, missing]) == everything
    assert rows.rows(NEW, list(everything)) == {}
    assert rows.rows(OLD, []) == {}


@pytest.mark.parametrize("most", [1, 2, 500])
def test_a_dropped_generation_is_gone_and_no_other_one_misses_anything(
    ledger: Ledger, rows: GenerationRows, most: int
) -> None:
    copy(ledger, NEW)
    before = left(ledger.views, OLD), left(ledger.views, OTHER)

    dropped(rows, NEW, most)

    assert left(ledger.views, NEW) == ({}, {}, None)
    assert (left(ledger.views, OLD), left(ledger.views, OTHER)) == before
    assert ledger.views.parked(NEW) == []


def left(views: Views, generation: Generation) -> object:
    """All that a generation has."""
    by_stream = generation.projection == "balances"
    rows = {row.stream: row for row in views.all_states(generation)} if by_stream else views.all_rows(generation)
    checkpoints = views.checkpoints(generation, [account(name) for name in NAMES])
    return dict(rows), dict(checkpoints), views.failure(generation, account("a"))
