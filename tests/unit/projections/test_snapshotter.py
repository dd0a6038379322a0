"""Snapshots are taken after the projections, when a stream passes the interval."""

from __future__ import annotations

import pytest
from tests.support.ledger import ACCOUNTS, Account, account, deposits
from tests.support.projections import Ledger

from banyan.errors import StoreUnavailable
from banyan.store import Snapshot
from banyan.streams import StreamId

ANNA = account("anna")


def snapshot(ledger: Ledger, stream: StreamId = ANNA) -> Snapshot | None:
    return ledger.store.load(stream, state_version=ACCOUNTS.state_version).snapshot


def test_a_stream_that_passes_the_interval_gets_one() -> None:
    ledger = Ledger(snapshot_interval=3)
    ledger.runner.project(ledger.append(ANNA, *deposits(1, 2)))
    assert snapshot(ledger) is None
    ledger.runner.project(ledger.append(ANNA, *deposits(3, 4)))
    found = snapshot(ledger)
    assert found
    assert found.version == 4
    assert Account.model_validate_json(found.state) == Account(balance=10, movements=4)


def test_a_repeated_delivery_takes_no_second_one() -> None:
    ledger = Ledger(snapshot_interval=3)
    batch = ledger.append(ANNA, *deposits(1, 2, 3))
    ledger.runner.project(batch)
    ledger.append(ANNA, *deposits(4))
    ledger.runner.project(batch)
    found = snapshot(ledger)
    assert found
    assert found.version == 3


def test_one_that_fails_is_counted_and_fails_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(snapshot_interval=3)

    def refuse(_: Snapshot) -> None:
        raise StoreUnavailable("the event table refused for now")

    monkeypatch.setattr(ledger.store.table, "put_snapshot", refuse)
    assert ledger.runner.project(ledger.append(ANNA, *deposits(1, 2, 3))) == frozenset()
    assert ledger.telemetry.counts == {"SnapshotFailures": 1}
    assert ledger.checkpoint(ANNA) == 3


def test_streams_without_a_decider_get_none() -> None:
    ledger = Ledger(snapshot_interval=2)
    stream = StreamId("acme", "customer", "anna")
    ledger.runner.project(ledger.append(stream, *deposits(1, 2, 3)))
    assert snapshot(ledger, stream) is None
