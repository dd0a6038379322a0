"""Rows that an older version of a projection made, or that fit its model no more, count as missing."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from tests.support.ledger import account, deposits
from tests.support.projections import Balance, Ledger
from tests.support.rebuild import Rebuilding

from banyan.errors import TransitionRejected
from banyan.events import CamelModel, Event
from banyan.projections.base import Lookup, StreamProjection
from banyan.projections.items import read_state, state_item
from banyan.projections.state import ProjectionState, Stage, Status
from banyan.projections.views import Generation, StateRow
from banyan.queries import Queries
from banyan.store.items import Item

ANNA, BEN = account("anna"), account("ben")


class Renamed(CamelModel):
    """A balance whose ``total`` has another name."""

    sum: int
    amounts: tuple[int, ...] = ()


def renamed(version: int = 1) -> StreamProjection[Renamed]:
    """``balances`` after the change."""

    def evolve(balance: Renamed, event: Event) -> Renamed:
        amount = event.payload.amount  # type: ignore[attr-defined]
        return Renamed(sum=balance.sum + amount, amounts=(*balance.amounts, amount))

    lookups: list[Lookup[Renamed]] = [Lookup("all", lambda _: "all", lambda balance: f"{balance.sum:09d}")]
    return StreamProjection("balances", "account", Renamed, lambda: Renamed(sum=0), evolve, lookups, version)


def doubled(version: int) -> StreamProjection[Balance]:
    """``balances`` whose rows still fit the model and mean something else."""

    def evolve(balance: Balance, event: Event) -> Balance:
        return Balance(total=balance.total + 2 * event.payload.amount)  # type: ignore[attr-defined]

    lookups: list[Lookup[Balance]] = [Lookup("all", lambda _: "all", lambda balance: f"{balance.total:09d}")]
    return StreamProjection("balances", "account", Balance, Balance, evolve, lookups, version)


def deployed(ledger: Ledger, projection: StreamProjection[Any]) -> Queries:
    """Let a ledger run the changed projection, and return what answers queries from it."""
    ledger.projections = [projection, ledger.turnover]
    ledger.runner = ledger.make_runner()
    live = ledger.cached.live
    return Queries(ledger.store, ledger.views, generation=live, clock=ledger.clock, sleep=lambda _: None)


@pytest.fixture
def ledger() -> Ledger:
    """Two accounts with a row each, made by the projection as it was."""
    ledger = Ledger()
    for stream in (ANNA, BEN):
        ledger.runner.project(ledger.append(stream, *deposits(1, 2)))
    return ledger


def row(ledger: Ledger) -> StateRow:
    found = ledger.balance(ANNA)
    assert found is not None
    return found


def test_a_row_that_fits_no_more_is_answered_from_its_stream(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    queries = deployed(ledger, renamed())
    with caplog.at_level(logging.WARNING):
        answer = queries.get(renamed(), ANNA)

    assert answer is not None
    assert (answer.value, answer.provenance.served_from) == (Renamed(sum=3, amounts=(1, 2)), "stream")
    (record,) = caplog.records
    extra = {name: record.__dict__[name] for name in ("projection", "stream", "fields")}
    assert extra == {"projection": "balances", "stream": str(ANNA), "fields": ["sum", "total"]}


def test_a_list_shows_what_such_rows_should_hold(ledger: Ledger) -> None:
    queries = deployed(ledger, renamed())
    listing = queries.lookup(renamed(), "acme", "all", "all", 10).value

    assert [(state.sum, version) for state, version in listing.entries] == [(3, 2), (3, 2)]


@pytest.mark.parametrize("projection", [renamed(), renamed(2), doubled(2)], ids=["unreadable", "both", "outdated"])
def test_the_next_commit_folds_such_a_row_from_the_beginning(ledger: Ledger, projection: StreamProjection[Any]) -> None:
    queries = deployed(ledger, projection)
    ledger.runner.project(ledger.append(ANNA, *deposits(4)))

    answer = queries.get(projection, ANNA)
    assert answer is not None
    assert (answer.provenance.version, answer.provenance.served_from) == (3, "projection")
    events = ledger.store.read(ANNA)
    assert row(ledger).state == _folded(projection, events).model_dump_json()
    assert ledger.failure("balances", ANNA) is None


def test_a_row_of_an_older_version_is_answered_from_its_stream(ledger: Ledger) -> None:
    queries = deployed(ledger, doubled(2))
    answer = queries.get(doubled(2), ANNA)

    assert answer is not None
    assert (answer.value.total, answer.provenance.served_from) == (6, "stream")


def test_a_parked_stream_whose_row_fits_no_more_continues_when_it_is_retried(ledger: Ledger) -> None:
    deployed(ledger, renamed())
    ledger.operations.park("balances", ANNA, "looked at", "ops")
    ledger.runner.project(ledger.append(ANNA, *deposits(4)))
    assert row(ledger).version == 2

    assert ledger.operations.retry("balances", ANNA) is None
    assert row(ledger).state == Renamed(sum=7, amounts=(1, 2, 4)).model_dump_json()


def test_the_version_of_a_row_is_kept_and_the_first_one_costs_nothing(ledger: Ledger) -> None:
    item: Item = state_item(Generation("balances"), row(ledger))
    assert "made_by" not in item
    assert read_state(item).made_by == 1
    assert read_state(state_item(Generation("balances"), replace(row(ledger), made_by=7))).made_by == 7


def test_a_changed_projection_is_outdated_until_it_is_rebuilt() -> None:
    rebuilding = Rebuilding()
    ledger = rebuilding.ledger
    ledger.runner.project(ledger.append(ANNA, *deposits(1, 2)))
    ledger.catch_up.everything(ledger.soon())
    assert ledger.operations.status("balances")[0].status is Status.ACTIVE

    queries = deployed(ledger, doubled(2))
    assert ledger.operations.status("balances")[0].status is Status.OUTDATED
    assert ledger.operations.status("turnover")[0].status is Status.ACTIVE

    rebuilding.rebuild.start("balances", switch_when_equal=True)
    rebuilding.run()
    assert rebuilding.live("balances") == 2
    assert ledger.operations.status("balances")[0].status is Status.ACTIVE
    answer = queries.get(doubled(2), ANNA)
    assert answer is not None
    assert (answer.value.total, answer.provenance.served_from) == (6, "projection")


@pytest.mark.parametrize(("used_before", "status"), [(True, Status.OUTDATED), (False, Status.ACTIVE)])
def test_what_was_caught_up_before_versions_were_noted_counts_as_the_first(used_before: bool, status: Status) -> None:
    ledger = Ledger()
    if used_before:
        ledger.runner.project(ledger.append(ANNA, *deposits(1, 2)))
        ledger.catch_up.everything(ledger.soon())
        known = ledger.projection_states.get(["balances"])["balances"]
        unnoted = tuple(replace(info, version=None) for info in known.generations)
        ledger.cached.change("balances", lambda _: replace(known, generations=unnoted))
    deployed(ledger, doubled(2))

    ledger.catch_up.everything(ledger.soon())
    assert ledger.operations.status("balances")[0].status is status


def test_a_changed_projection_whose_events_cannot_be_folded_is_not_switched_to() -> None:
    rebuilding = Rebuilding()
    ledger = rebuilding.ledger
    ledger.runner.project(ledger.append(ANNA, *deposits(1, 2)))
    ledger.catch_up.everything(ledger.soon())
    deployed(ledger, replace(doubled(2), evolve=failing))

    rebuilding.rebuild.start("balances", switch_when_equal=True)
    rebuilding.run()
    assert (rebuilding.live("balances"), rebuilding.stage("balances", 2)) == (1, Stage.READY)


def test_a_build_that_another_version_began_is_cancelled_first() -> None:
    rebuilding = Rebuilding()
    rebuilding.rebuild.start("balances")
    deployed(rebuilding.ledger, doubled(2))

    with pytest.raises(TransitionRejected, match="version 1 of 'balances' began generation 2: cancel it first"):
        rebuilding.rebuild.start("balances")


@pytest.mark.parametrize(("noted", "declared", "expected"), [(1, 1, False), (1, 2, True), (2, 1, True)])
def test_what_another_version_made_is_outdated(noted: int, declared: int, expected: bool) -> None:
    assert ProjectionState("sums").noted(noted).outdated(declared) is expected


def test_nothing_is_outdated_before_its_version_was_noted_nor_what_makes_no_rows() -> None:
    assert not ProjectionState("sums").outdated(7)
    assert not ProjectionState("reactor").noted(1).outdated(None)
    assert ProjectionState("sums").noted(1).noted(2) == ProjectionState("sums").noted(1)


def failing(_balance: Balance, _event: Event) -> Balance:
    raise KeyError("no such account")


def _folded(projection: StreamProjection[Any], events: Any) -> Any:
    state = projection.initial()
    for event in events:
        state = projection.evolve(state, event)
    return state
