"""Snapshots are renewed by a rebuild."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.ledger import ACCOUNTS, account, deposits
from tests.support.rebuild import Rebuilding

from banyan.store import Snapshot
from banyan.store.eventstore import write_snapshot
from banyan.streams import StreamId

LONG, SHORT = account("long"), account("short")


@pytest.fixture
def rebuilding() -> Rebuilding:
    """A stream past the interval, and one below it."""
    rebuilding = Rebuilding()
    rebuilding.ledger.snapshot_interval = 4
    for stream, commits in ((LONG, 6), (SHORT, 3)):
        for amount in range(commits):
            rebuilding.ledger.commit(stream, *deposits(amount + 1))
    return rebuilding


def snapshot(rebuilding: Rebuilding, stream: StreamId = LONG) -> Snapshot | None:
    """The newest snapshot that fits."""
    return rebuilding.ledger.store.load(stream, state_version=ACCOUNTS.state_version).snapshot


def rebuild(rebuilding: Rebuilding) -> None:
    """Rebuild a projection of those streams."""
    rebuilding.rebuild.start("balances")
    rebuilding.run()


def test_a_stream_past_the_interval_without_a_snapshot_gets_one(rebuilding: Rebuilding) -> None:
    rebuild(rebuilding)

    taken = snapshot(rebuilding)
    assert taken
    assert (taken.version, snapshot(rebuilding, SHORT)) == (6, None)


def test_a_snapshot_that_does_not_fit_any_more_is_replaced(rebuilding: Rebuilding) -> None:
    old = write_snapshot(rebuilding.ledger.store, replace(ACCOUNTS, state_version=7), LONG)
    assert old
    assert snapshot(rebuilding) is None

    rebuild(rebuilding)

    assert snapshot(rebuilding)


def test_a_snapshot_that_fits_is_left_alone(rebuilding: Rebuilding) -> None:
    write_snapshot(rebuilding.ledger.store, ACCOUNTS, LONG)
    rebuilding.ledger.commit(LONG, *deposits(1))

    rebuild(rebuilding)

    taken = snapshot(rebuilding)
    assert taken
    assert taken.version == 6
