"""When a snapshot is due, and which one still fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PlainSerializer, PlainValidator
from tests.support.engines import MemoryEngine
from tests.support.ledger import ACCOUNTS, REGISTRY, Account, Deposit, account, deposits

from banyan.commands.handler import CommandHandler
from banyan.decider import Decider, fingerprint_of
from banyan.events import CamelModel, DomainEvent
from banyan.store import Expected, Snapshot
from banyan.store.eventstore import crosses, restore, write_snapshot
from banyan.store.items import read_snapshot, snapshot_item

A = account("a")


@dataclass
class Roman:
    """A number that a model holds as it is."""

    value: int


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


def test_where_nothing_is_new_no_snapshot_is_written(memory: MemoryEngine) -> None:
    store = memory.store(REGISTRY)
    assert write_snapshot(store, ACCOUNTS, A) is None
    store.append(A, 0, deposits(1))
    assert write_snapshot(store, ACCOUNTS, A)
    assert write_snapshot(store, ACCOUNTS, A) is None


def test_a_fitting_snapshot_gives_its_state() -> None:
    assert restore(ACCOUNTS, GOOD) == Account(balance=7)


@pytest.mark.parametrize(
    "snapshot",
    [
        None,
        replace(GOOD, state_version=2),
        replace(GOOD, fingerprint="0" * 16),
        replace(GOOD, state='{"balance":"much"}'),
        replace(GOOD, state="{"),
    ],
)
def test_another_gives_none(snapshot: Snapshot | None) -> None:
    assert restore(ACCOUNTS, snapshot) is None


def test_it_stands_for_the_fold_of_its_events(memory: MemoryEngine) -> None:
    store = memory.store(REGISTRY)
    head = store.append(A, 0, deposits(*range(10))).head

    snapshot = write_snapshot(store, ACCOUNTS, A)

    state = Account(balance=45, movements=10).model_dump_json()
    assert snapshot == Snapshot(A, 10, head.digest, 1, state, ACCOUNTS.fingerprint)
    assert store.load(A, state_version=1).snapshot == snapshot


class Documented(Account):
    """Another text."""

    balance: int = Field(default=0, title="Cover", description="What may be withdrawn")


class Counting(Account):
    deposits: int = 0


class Retyped(Account):
    balance: float = 0  # type: ignore[assignment]


class Defaulted(Account):
    balance: int = 7


class Titled(CamelModel):
    title: str = ""


class Described(CamelModel):
    description: str = ""


def test_a_field_that_was_added_makes_older_snapshots_useless(memory: MemoryEngine) -> None:
    store = memory.store(REGISTRY)
    store.append(A, 0, deposits(*range(10)))
    write_snapshot(store, ACCOUNTS, A)

    def evolve(account: Counting, _event: DomainEvent) -> Counting:
        return Counting(balance=account.balance, movements=account.movements + 1, deposits=account.deposits + 1)

    counting: Decider[Counting, Deposit] = Decider("account", Counting, lambda *_: [], evolve, Counting)
    handled = CommandHandler(store, counting).handle(A, Deposit(0))

    assert (handled.state.movements, handled.state.deposits) == (10, 10)
    assert write_snapshot(store, counting, A) is not None
    assert restore(counting, store.load(A, state_version=1).snapshot) == handled.state


@pytest.mark.parametrize("changed", [Counting, Retyped, Defaulted])
def test_fields_types_and_defaults_make_the_fingerprint(changed: type[BaseModel]) -> None:
    assert fingerprint_of(changed) != fingerprint_of(Account)
    assert fingerprint_of(Titled) != fingerprint_of(Described)


def test_a_model_without_a_json_schema_is_judged_by_its_version_alone(memory: MemoryEngine) -> None:
    def read(value: Any) -> Roman:
        return value if isinstance(value, Roman) else Roman(value)

    class Counted(BaseModel):
        count: Annotated[Roman, PlainValidator(read), PlainSerializer(lambda roman: roman.value)] = Roman(1)

    def evolve(state: Counted, _: DomainEvent) -> Counted:
        return Counted(count=Roman(state.count.value + 1))

    decider: Decider[Counted, Any] = Decider("account", Counted, lambda _command, _state: (), evolve, Counted)
    store = memory.store(REGISTRY)
    store.append(A, Expected.NO_STREAM, deposits(1, 2))

    snapshot = write_snapshot(store, decider, A)
    assert restore(decider, snapshot) == Counted(count=Roman(3))
    assert restore(replace(decider, state_version=2), snapshot) is None


def test_a_default_that_json_has_no_digits_for_makes_no_fingerprint() -> None:
    class Large(BaseModel):
        limit: int = 10**30

    assert fingerprint_of(Large) == ""


def test_what_is_written_about_a_field_does_not() -> None:
    assert fingerprint_of(Documented) == fingerprint_of(Account)


def test_a_snapshot_of_before_there_were_fingerprints_is_read() -> None:
    item = snapshot_item(replace(GOOD, fingerprint="f"))
    del item["fingerprint"]
    assert read_snapshot(item) == GOOD
    assert restore(ACCOUNTS, GOOD) == Account(balance=7)
