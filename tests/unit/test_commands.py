"""Handling commands: what is tried again, what is remembered, and when a kept aggregate may be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.clocks import START, ManualClock, no_sleep
from tests.support.engines import MemoryEngine
from tests.support.ledger import ACCOUNTS, REGISTRY, Account, Deposit, Withdraw, account, bulk, deposits

from banyan.commands import handler as handler_module
from banyan.commands.handler import (
    REMEMBERED_COMMITS,
    SEARCHED_COMMITS,
    Aggregate,
    AggregateCache,
    CommandHandler,
    CommitIdCache,
    ConflictRetries,
    Outcome,
)
from banyan.errors import CommandRejected, ConcurrencyError
from banyan.events import DomainEvent, Metadata
from banyan.store import Commit, EventStore, Snapshot
from banyan.store.base import Collision
from banyan.store.eventstore import write_snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead
from banyan.telemetry import NoTelemetry

A, B = account("a"), account("b")

Handler = CommandHandler[Account, Deposit | Withdraw]


class Counts(NoTelemetry):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.counted: list[str] = []
        self.lasted: list[str] = []

    def count(self, name: str, value: int = 1) -> None:
        self.counted += [name] * value

    def duration(self, name: str, milliseconds: float) -> None:
        assert milliseconds >= 0
        self.lasted.append(name)


class CountedReads(MemoryTable):
    """Counts its queries."""

    reads = 0

    def backward(self, *arguments: Any, **more: Any) -> Iterator[Commit | Snapshot]:
        self.reads += 1
        return super().backward(*arguments, **more)

    def forward(self, *arguments: Any, **more: Any) -> Iterator[Commit | Snapshot]:
        self.reads += 1
        return super().forward(*arguments, **more)


class BusyTable(MemoryTable):
    """Another process always writes first, a number of times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        if self.times:
            self.times -= 1
            raise Collision({0: replace(commits[0], commit_id="other")})
        super().insert(commits, **checks)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(memory: MemoryEngine, clock: ManualClock) -> EventStore:
    return memory.store(REGISTRY, clock)


@pytest.fixture
def handler(store: EventStore) -> Handler:
    return CommandHandler(store, ACCOUNTS, retries=ConflictRetries(sleep=no_sleep))


def told(outcome: Outcome[Account]) -> tuple[object, ...]:
    return outcome.head, outcome.state, outcome.events


def test_a_command_appends_what_is_decided(handler: Handler, store: EventStore) -> None:
    outcome = handler.handle(A, Deposit(5), metadata=Metadata(actor="ann"))

    assert outcome == Outcome(store.head(A), Account(balance=5, movements=1), tuple(store.read(A)))
    assert outcome.events[0].metadata.actor == "ann"


def test_nothing_decided_is_nothing_appended(handler: Handler, store: EventStore) -> None:
    assert told(handler.handle(A, Deposit(0))) == (StreamHead.empty(A), Account(), ())
    assert store.get_stream_version(A) == 0


class TestRetries:
    @pytest.mark.parametrize("conflicts", [0, 1, 3])
    def test_conflicts_are_tried_again_after_a_growing_random_wait(self, conflicts: int) -> None:
        waits: list[float] = []
        counts = Counts()
        store = EventStore(BusyTable(conflicts), REGISTRY)
        handler: Handler = CommandHandler(
            store, ACCOUNTS, telemetry=counts, retries=ConflictRetries(telemetry=counts, sleep=waits.append)
        )

        assert handler.handle(A, Deposit(1)).head.version == 1
        assert counts.counted == ["Conflicts"] * conflicts
        assert "AppendLatency" in counts.lasted
        assert len(waits) == conflicts
        assert all(0 <= wait <= 0.2 * 2**attempt for attempt, wait in enumerate(waits))

    def test_waits_differ(self) -> None:
        waits: list[float] = []
        store = EventStore(BusyTable(20), REGISTRY)
        CommandHandler(store, ACCOUNTS, retries=ConflictRetries(20, sleep=waits.append)).handle(A, Deposit(1))

        assert len({wait / 2**attempt for attempt, wait in enumerate(waits)}) == 20

    def test_what_was_decided_on_an_old_state_is_decided_again_at_once(self) -> None:
        waits: list[float] = []
        store = EventStore(MemoryTable(), REGISTRY)
        handler: Handler = CommandHandler(store, ACCOUNTS, retries=ConflictRetries(sleep=waits.append))
        handler.handle(A, Deposit(1))
        store.append(A, 1, deposits(2))

        assert handler.handle(A, Deposit(4), optimistic=True).state.balance == 7
        assert waits == []

    def test_an_old_state_is_the_end_where_the_caller_expects_a_version(self) -> None:
        trusted: list[bool] = []

        def attempt(trust: bool) -> None:
            trusted.append(trust)
            raise ConcurrencyError(A, 1, 2)

        with pytest.raises(ConcurrencyError):
            ConflictRetries(sleep=no_sleep).settle(attempt, trust=True, final=A)
        assert trusted == [True]

    def test_an_old_state_leaves_as_many_attempts_as_there_are_without_it(self) -> None:
        table, waits = BusyTable(0), list[float]()
        handler: Handler = CommandHandler(
            EventStore(table, REGISTRY), ACCOUNTS, retries=ConflictRetries(sleep=waits.append)
        )
        handler.handle(A, Deposit(1))

        table.times = 4
        assert handler.handle(A, Deposit(2), optimistic=True).state.balance == 3
        assert len(waits) == 3

    def test_they_end(self) -> None:
        waits: list[float] = []
        handler: Handler = CommandHandler(
            EventStore(BusyTable(99), REGISTRY), ACCOUNTS, retries=ConflictRetries(sleep=waits.append)
        )

        with pytest.raises(ConcurrencyError):
            handler.handle(A, Deposit(1))
        assert len(waits) == 3

    def test_a_version_the_caller_expects_is_not_tried_again(self) -> None:
        waits: list[float] = []
        table = BusyTable(0)
        store = EventStore(table, REGISTRY)
        store.append(A, 0, deposits(1))
        table.times = 1
        handler: Handler = CommandHandler(store, ACCOUNTS, retries=ConflictRetries(sleep=waits.append))

        with pytest.raises(ConcurrencyError):
            handler.handle(A, Deposit(1), expected=1)
        assert waits == []

    def test_a_rejection_is_not_tried_again(self, store: EventStore) -> None:
        waits: list[float] = []
        handler: Handler = CommandHandler(store, ACCOUNTS, retries=ConflictRetries(sleep=waits.append))

        with pytest.raises(CommandRejected) as rejection:
            handler.handle(A, Withdraw(1))
        assert (rejection.value.code, waits) == ("no_cover", [])


class TestExpectedVersion:
    @pytest.mark.parametrize("optimistic", [False, True])
    @pytest.mark.parametrize("expected", [0, 1, 3])
    def test_another_is_a_conflict_with_both_versions(self, handler: Handler, expected: int, optimistic: bool) -> None:
        handler.handle(A, Deposit(1))
        handler.handle(A, Deposit(1))

        with pytest.raises(ConcurrencyError) as conflict:
            handler.handle(A, Deposit(1), expected=expected, optimistic=optimistic)
        assert (conflict.value.expected, conflict.value.actual) == (expected, 2)

    def test_the_right_one_is_right_though_the_kept_aggregate_is_old(self, handler: Handler, store: EventStore) -> None:
        handler.handle(A, Deposit(1))
        store.append(A, 1, deposits(2))

        assert handler.handle(A, Deposit(3), expected=2, optimistic=True).state.balance == 6

    def test_an_old_one_conflicts_though_the_kept_aggregate_agrees(self, handler: Handler, store: EventStore) -> None:
        handler.handle(A, Deposit(1))
        store.append(A, 1, deposits(2))

        with pytest.raises(ConcurrencyError) as conflict:
            handler.handle(A, Deposit(3), expected=1, optimistic=True)
        assert (conflict.value.expected, conflict.value.actual) == (1, 2)


class TestKeptAggregate:
    def test_a_refusal_is_not_believed(self, handler: Handler, store: EventStore) -> None:
        handler.handle(A, Deposit(1))
        store.append(A, 1, deposits(9))

        assert handler.handle(A, Withdraw(10), optimistic=True).state.balance == 0

    def test_nothing_to_do_is_not_believed(self, handler: Handler, store: EventStore) -> None:
        handler.handle(A, Deposit(1))
        store.append(A, 1, deposits(9))

        assert handler.handle(A, Deposit(0), optimistic=True).state.balance == 10

    def test_an_old_one_conflicts_and_is_loaded_again(self, handler: Handler, store: EventStore) -> None:
        handler.handle(A, Deposit(1))
        store.append(A, 1, deposits(9))

        assert told(handler.handle(A, Deposit(5), optimistic=True))[:2] == (
            store.head(A),
            Account(balance=15, movements=3),
        )

    def test_the_cache_is_bounded_and_drops_what_was_unused_longest(self) -> None:
        cache: AggregateCache[Account] = AggregateCache(2)
        kept = [Aggregate(StreamHead.empty(account(name)), Account(), CommitIdCache()) for name in "abc"]
        cache.put(kept[0])
        cache.put(kept[1])
        cache.get(A)
        cache.put(kept[2])

        assert [cache.get(account(name)) for name in "abc"] == [kept[0], None, kept[2]]

    def test_the_cache_never_goes_back(self) -> None:
        cache: AggregateCache[Account] = AggregateCache(2)
        newer = Aggregate(StreamHead(A, 7, "d", START), Account(balance=7), CommitIdCache())
        cache.put(newer)
        cache.put(Aggregate(StreamHead.empty(A), Account(), CommitIdCache()))

        assert cache.get(A) is newer

    def test_a_cache_of_no_size_keeps_nothing(self, store: EventStore) -> None:
        handler: Handler = CommandHandler(store, ACCOUNTS, cache_size=0)
        handler.handle(A, Deposit(1))

        assert handler.handle(A, Deposit(1), optimistic=True).state.balance == 2


class TestRepeats:
    @pytest.fixture(params=["same", "fresh", "early"])
    def repeater(self, request: pytest.FixtureRequest, handler: Handler, store: EventStore) -> Handler:
        """The container that gets the repeat: it handled the command, never saw the stream, or saw it empty."""
        if request.param == "same":
            return handler
        other: Handler = CommandHandler(store, ACCOUNTS, retries=ConflictRetries(sleep=no_sleep))
        if request.param == "early":
            other.load(A)
        return other

    @pytest.mark.parametrize("optimistic", [False, True])
    @pytest.mark.parametrize("behind", [0, 3])
    def test_the_first_outcome_comes_back(
        self, handler: Handler, repeater: Handler, store: EventStore, optimistic: bool, behind: int
    ) -> None:
        first = handler.handle(A, Deposit(5), commit_id="x")
        for _ in range(behind):
            handler.handle(A, Deposit(1))

        again = repeater.handle(A, Deposit(5), commit_id="x", optimistic=optimistic)

        assert again.repeated
        assert told(again) == told(first)
        assert store.get_stream_version(A) == 1 + behind

    @pytest.mark.parametrize("optimistic", [False, True])
    def test_it_comes_back_though_the_rules_now_forbid_it(
        self, handler: Handler, repeater: Handler, optimistic: bool
    ) -> None:
        handler.handle(A, Deposit(5))
        first = handler.handle(A, Withdraw(5), commit_id="x")

        assert told(repeater.handle(A, Withdraw(5), commit_id="x", optimistic=optimistic)) == told(first)

    def test_it_comes_back_at_the_version_first_expected(self, handler: Handler) -> None:
        handler.handle(A, Deposit(5))
        first = handler.handle(A, Deposit(5), commit_id="x", expected=1)

        assert told(handler.handle(A, Deposit(5), commit_id="x", expected=1)) == told(first)

    @pytest.mark.parametrize("optimistic", [False, True])
    def test_it_is_searched_for_beyond_a_snapshot_from_the_first_attempt_on(
        self, handler: Handler, store: EventStore, clock: ManualClock, optimistic: bool
    ) -> None:
        handler.handle(A, Deposit(1))
        first_attempt: datetime = clock.now
        first = handler.handle(A, Deposit(5), commit_id="x")
        write_snapshot(store, ACCOUNTS, A)
        clock.move(timedelta(hours=1))
        other: Handler = CommandHandler(store, ACCOUNTS)
        other.load(A)

        again = other.handle(A, Deposit(5), commit_id="x", first_attempt=first_attempt, optimistic=optimistic)

        assert again.repeated
        assert told(again) == told(first)

    def test_it_is_found_among_commits_that_bear_the_same_moment(self, store: EventStore) -> None:
        """Behind a clock that was set back, all commits do: one before a snapshot is older than none behind it."""
        standing = EventStore(store.table, REGISTRY, lambda: START)
        handler: Handler = CommandHandler(standing, ACCOUNTS)
        first = handler.handle(A, Deposit(5), commit_id="x")
        write_snapshot(standing, ACCOUNTS, A)
        handler.handle(A, Deposit(1))
        other: Handler = CommandHandler(standing, ACCOUNTS)
        assert told(other.handle(A, Deposit(5), commit_id="x", first_attempt=START)) == told(first)

    def test_a_first_attempt_that_left_nothing_is_made_now(self, handler: Handler, clock: ManualClock) -> None:
        handler.handle(A, Deposit(1))

        outcome = handler.handle(A, Deposit(5), commit_id="x", first_attempt=clock.now)
        assert (outcome.repeated, outcome.state.balance) == (False, 6)

    def test_commits_are_remembered_in_bounds(self, handler: Handler) -> None:
        for number in range(REMEMBERED_COMMITS + 5):
            handler.handle(A, Deposit(1), commit_id=f"x{number}")

        kept = handler.load(A).commits.places
        assert len(kept) == REMEMBERED_COMMITS
        assert handler.handle(A, Deposit(1), commit_id=f"x{REMEMBERED_COMMITS + 4}").repeated

    def test_one_search_serves_all_commands_and_finds_what_each_of_them_left(
        self, handler: Handler, store: EventStore, clock: ManualClock
    ) -> None:
        first_attempt: datetime = clock.now
        for number in range(20):
            handler.handle(A, Deposit(1), commit_id=f"x{number}")
        write_snapshot(store, ACCOUNTS, A)
        other: Handler = CommandHandler(store, ACCOUNTS)

        known = [other.handle(A, Deposit(1), commit_id=f"x{n}", first_attempt=first_attempt) for n in range(25)]

        assert [outcome.repeated for outcome in known] == [True] * 20 + [False] * 5
        assert store.get_stream_version(A) == 25

    def test_a_search_that_ended_at_its_commit_is_no_search_for_older_ones(
        self, handler: Handler, store: EventStore, clock: ManualClock
    ) -> None:
        first_attempt: datetime = clock.now
        first = {name: handler.handle(A, Deposit(1), commit_id=name) for name in ("w", "x", "y", "z")}
        write_snapshot(store, ACCOUNTS, A)
        other: Handler = CommandHandler(store, ACCOUNTS)
        for name in ("z", "x", "w", "y"):
            assert told(other.handle(A, Deposit(1), commit_id=name, first_attempt=first_attempt)) == told(first[name])
        assert store.get_stream_version(A) == 4

    def test_what_was_searched_for_is_known_from_then_on(self, clock: ManualClock) -> None:
        """A load, a search and the commit; later a load and the commit."""
        table = CountedReads()
        store = EventStore(table, REGISTRY, clock, no_sleep)
        first_attempt: datetime = clock.now
        CommandHandler(store, ACCOUNTS).handle(A, Deposit(1), commit_id="x")
        write_snapshot(store, ACCOUNTS, A)
        other: Handler = CommandHandler(store, ACCOUNTS)
        reads = []
        for _ in range(3):
            table.reads = 0
            assert other.aggregates.find(A, "x", first_attempt)
            reads.append(table.reads)
        assert reads == [3, 2, 2]

    def test_no_more_is_kept_in_mind_than_the_limit(
        self, handler: Handler, store: EventStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handler_module, "SEARCHED_COMMITS", 5)
        first_attempt: datetime = clock.now
        for number in range(20):
            handler.handle(A, Deposit(1), commit_id=f"x{number}")
        write_snapshot(store, ACCOUNTS, A)
        other: Handler = CommandHandler(store, ACCOUNTS)
        assert other.aggregates.find(A, "x0", first_attempt)
        kept = other.aggregates.kept(A)
        assert kept
        assert list(kept.commits.places) == [f"x{number}" for number in range(15, 20)]

    def test_of_a_long_history_no_more_is_believed_to_be_known_than_is_kept(self) -> None:
        moments = [START + timedelta(seconds=number) for number in range(SEARCHED_COMMITS + 3)]
        newest_first = {f"x{number}": (number, moments[number - 1]) for number in range(len(moments), 0, -1)}

        known = CommitIdCache().preceded_by(newest_first, START).bounded()

        assert (len(known.places), known.oldest) == (SEARCHED_COMMITS, 4)
        assert moments[2] < known.since <= moments[3]


def test_a_decider_may_say_several_things(store: EventStore) -> None:
    def twice(command: Deposit | Withdraw, state: Account) -> list[DomainEvent]:  # noqa: ARG001
        return deposits(command.amount, command.amount)

    outcome = CommandHandler(store, replace(ACCOUNTS, decide=twice)).handle(B, Deposit(4))
    assert (outcome.state.balance, outcome.head.version, len(outcome.events)) == (8, 2, 2)


@pytest.mark.parametrize("behind", [0, 2])
def test_the_first_outcome_of_a_split_commit_has_all_its_events(store: EventStore, behind: int) -> None:
    def much(command: Deposit | Withdraw, state: Account) -> list[DomainEvent]:  # noqa: ARG001
        return bulk(4, 300_000) if command.amount > 1 else deposits(1)

    handler: Handler = CommandHandler(store, replace(ACCOUNTS, decide=much))
    handler.handle(B, Deposit(1))
    first = handler.handle(B, Deposit(2), commit_id="x")
    for _ in range(behind):
        handler.handle(B, Deposit(1))
    for again in (handler, CommandHandler(store, replace(ACCOUNTS, decide=much))):
        assert told(again.handle(B, Deposit(2), commit_id="x")) == told(first)
    assert len(first.events) == 4


def test_a_split_commit_that_a_search_passed_over_is_found_whole(store: EventStore, clock: ManualClock) -> None:
    def much(command: Deposit | Withdraw, state: Account) -> list[DomainEvent]:  # noqa: ARG001
        return bulk(4, 300_000) if command.amount > 1 else deposits(1)

    decider = replace(ACCOUNTS, decide=much)
    handler: Handler = CommandHandler(store, decider)
    first_attempt: datetime = clock.now
    handler.handle(B, Deposit(1), commit_id="older")
    first = handler.handle(B, Deposit(2), commit_id="split")
    handler.handle(B, Deposit(1))
    write_snapshot(store, decider, B)
    other: Handler = CommandHandler(store, decider)
    assert other.handle(B, Deposit(1), commit_id="older", first_attempt=first_attempt).repeated
    assert told(other.handle(B, Deposit(2), commit_id="split", first_attempt=first_attempt)) == told(first)
