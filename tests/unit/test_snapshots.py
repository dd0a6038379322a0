"""When a snapshot is due, and which one still fits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engines import MemoryEngine
from tests.ledger import ACCOUNTS, REGISTRY, Account, account, deposits

from banyan.snapshots import crosses, restore, write_snapshot
from banyan.store import Snapshot

A = account("a")
GOOD = Snapshot(A, 5, "0" * 64, 1, Account(balance=7).model_dump_json())


@pytest.mark.parametrize(
    ("before", "after", "due"), [(0, 99, False), (0, 100, True), (99, 100, True), (100, 199, False), (150, 420, True)]
)
def test_a_snapshot_is_due_at_every_multiple_of_the_interval(before: int, after: int, due: bool) -> None:
    assert crosses(100, before, after) is due


@given(st.integers(2, 50), st.lists(st.integers(1, 30), max_size=20))
def test_no_multiple_is_passed_unseen(interval: int, steps: list[int]) -> None:
    version, due = 0, 0
    for step in steps:
        due += crosses(interval, version, version + step) * ((version + step) // interval - version // interval)
        version += step
    assert due == version // interval


def test_a_fitting_snapshot_gives_its_state() -> None:
    assert restore(ACCOUNTS, GOOD) == Account(balance=7)


@pytest.mark.parametrize(
    "snapshot",
    [None, replace(GOOD, state_version=2), replace(GOOD, state='{"balance":"much"}'), replace(GOOD, state="{")],
)
def test_another_gives_none(snapshot: Snapshot | None) -> None:
    assert restore(ACCOUNTS, snapshot) is None


def test_it_stands_for_the_fold_of_its_events(memory: MemoryEngine) -> None:
    store = memory.store(REGISTRY)
    head = store.append(A, 0, deposits(*range(10))).head

    snapshot = write_snapshot(store, ACCOUNTS, A)

    assert snapshot == Snapshot(A, 10, head.digest, 1, Account(balance=45, movements=10).model_dump_json())
    assert store.load(A, state_version=1).snapshot == snapshot
