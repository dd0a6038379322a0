"""Decisions over several streams, on every engine: all or nothing, while all that was looked at stays where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from threading import Barrier
from typing import Any, cast

import pytest
from tests.support.clocks import START, ManualClock, no_sleep, only_on_the_exact_engine
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import ACCOUNTS, account, bulk, deposits
from tests.support.transfers import (
    DIRECTORIES,
    LEAVE_ALL,
    LEAVE_ALL_ONCE,
    TRANSFER,
    TRANSFER_REGISTRY,
    LeaveAll,
    Named,
    Transfer,
)
from tests.support.wire import lost_answer

from banyan.commands.decisions import Decisions, Outcomes
from banyan.commands.handler import Aggregates, ConflictRetries
from banyan.decision import Decision, Participant, Participants, States
from banyan.errors import CommandRejected, CommitTooLarge, ConcurrencyError, ConfigurationError
from banyan.events import DomainEvent
from banyan.store import Commit, EventStore, Expected, Write
from banyan.store.eventstore import write_snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead, StreamId
from banyan.telemetry import NoTelemetry

A, B, W = account("a"), account("b"), account("w")
DIRECTORY = StreamId("acme", "directory", "d")
NUMBERS = count()


@dataclass
class Scene:
    """One process that decides, and the store that others write to."""

    store: EventStore
    retries: int = 3

    def __post_init__(self) -> None:
        self.aggregates = {decider.entity: Aggregates(self.store, decider) for decider in (ACCOUNTS, DIRECTORIES)}
        retries = ConflictRetries(self.retries, sleep=no_sleep)
        self.decisions = Decisions(self.store, self.aggregates, retries, NoTelemetry())

    def transfer(self, amount: int, *, witness: str = "", **options: Any) -> Outcomes:
        return self.decisions.handle(TRANSFER, A, Transfer("a", "b", amount, witness), **options)

    def give(self, stream: StreamId, *amounts: int) -> StreamHead:
        return self.store.append(stream, Expected.ANY, deposits(*amounts)).head

    def balances(self) -> Mapping[str, int]:
        """As another process sees them."""
        fresh = Aggregates(self.store, ACCOUNTS)
        return {stream.id: fresh.load(stream).state.balance for stream in (A, B, W)}


@pytest.fixture
def scene(engine: Engine, clock: ManualClock) -> Scene:
    return Scene(engine.store(TRANSFER_REGISTRY, clock))


class TestWhatIsWritten:
    def test_every_role_gets_its_events(self, scene: Scene) -> None:
        scene.give(A, 10)

        outcomes = scene.transfer(4)

        assert {role: each.state.balance for role, each in outcomes.items()} == {"source": 6, "target": 4}
        assert {role: each.head for role, each in outcomes.items()} == {
            "source": scene.store.head(A),
            "target": scene.store.head(B),
        }
        assert scene.balances() == {"a": 6, "b": 4, "w": 0}

    def test_a_stream_that_was_only_looked_at_stays_as_it_was(self, scene: Scene) -> None:
        scene.give(A, 10)
        witness = scene.give(W, 5)

        outcomes = scene.transfer(4, witness="w")

        assert (outcomes["witness"].head, outcomes["witness"].events) == (witness, ())
        assert scene.store.head(W) == witness

    def test_a_refusal_writes_nothing(self, scene: Scene) -> None:
        scene.give(A, 3)
        with pytest.raises(CommandRejected, match="holds 3"):
            scene.transfer(4)
        assert scene.balances() == {"a": 3, "b": 0, "w": 0}

    def test_what_changes_nothing_writes_nothing(self, scene: Scene) -> None:
        head = scene.give(A, 3)
        outcomes = scene.transfer(0)
        assert (outcomes["source"].head, outcomes["target"].head) == (head, StreamHead.empty(B))

    def test_a_participant_is_found_in_the_state_of_another(self, scene: Scene) -> None:
        scene.give(A, 7)
        scene.store.append(DIRECTORY, Expected.NO_STREAM, [Named(successor="b")])

        outcomes = scene.decisions.handle(LEAVE_ALL, A, LeaveAll("a"))

        assert outcomes["heir"].state.balance == 7
        assert scene.balances() == {"a": 0, "b": 7, "w": 0}

    def test_all_streams_are_of_one_tenant(self, scene: Scene) -> None:
        scene.give(account("a", "other"), 10)
        outcomes = scene.decisions.handle(TRANSFER, account("a", "other"), Transfer("a", "b", 4))
        assert {each.head.stream.tenant for each in outcomes.values()} == {"other"}


class TestConflicts:
    """Another process writes between the look and the write."""

    @pytest.mark.parametrize("moving", [A, B, W], ids=["source", "target", "witness"])
    @pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
    def test_what_moves_meanwhile_is_looked_at_again(self, scene: Scene, moving: StreamId, warm: bool) -> None:
        scene.give(A, 10)
        scene.give(W, 5)
        if warm:
            scene.transfer(1, witness="w")
        before = scene.balances()

        outcomes = self.decide_while(scene, lambda: scene.give(moving, 3), Transfer("a", "b", 2, "w"))

        after = {"a": before["a"] - 2, "b": before["b"] + 2, "w": before["w"]}
        after[moving.id] += 3
        assert scene.balances() == after
        assert outcomes["source"].state.balance == after["a"]

    def test_what_no_longer_holds_is_refused(self, scene: Scene) -> None:
        scene.give(A, 10)
        scene.give(W, 5)

        def withdraw() -> None:
            Scene(scene.store).decisions.handle(TRANSFER, W, Transfer("w", "z", 5))

        with pytest.raises(CommandRejected, match="witness holds 0"):
            self.decide_while(scene, withdraw, Transfer("a", "b", 2, "w"))
        assert scene.balances() == {"a": 10, "b": 0, "w": 0}

    def test_the_last_conflict_names_its_stream(self, engine: Engine, clock: ManualClock) -> None:
        scene = Scene(engine.store(TRANSFER_REGISTRY, clock), retries=0)
        scene.give(A, 10)
        scene.give(W, 5)

        with pytest.raises(ConcurrencyError) as conflict:
            self.decide_while(scene, lambda: scene.give(W, 1), Transfer("a", "b", 2, "w"))

        assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (W, 1, 2)

    @pytest.mark.parametrize("optimistic", [False, True])
    def test_the_version_that_a_caller_saw_is_that_of_the_stream_it_was_sent_to(
        self, scene: Scene, optimistic: bool
    ) -> None:
        scene.give(A, 10)
        scene.give(B, 1)
        scene.transfer(1)

        with pytest.raises(ConcurrencyError) as conflict:
            scene.transfer(1, expected=1, optimistic=optimistic)
        assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (A, 1, 2)
        assert scene.transfer(1, expected=2, optimistic=optimistic)["source"].head.version == 3

    def test_a_refusal_stands_on_what_stood_at_one_moment(self, scene: Scene) -> None:
        """The witness was covered before the source was: at no moment was there a reason to refuse."""
        scene.give(A, 1)
        scene.give(W, 9)
        looks: list[str] = []

        def transfer(command: Transfer, states: Any) -> Any:
            looks.append("look")
            if len(looks) == 1:
                scene.give(A, 9)
            return TRANSFER.decide(command, states)

        outcomes = scene.decisions.handle(replace(TRANSFER, decide=transfer), A, Transfer("a", "b", 5, "w"))

        assert (len(looks), outcomes["source"].state.balance) == (2, 5)

    def test_nothing_to_do_stands_on_what_stood_at_one_moment(self, scene: Scene) -> None:
        looks: list[str] = []

        def transfer(command: Transfer, states: Any) -> Any:
            looks.append("look")
            if len(looks) == 1:
                scene.give(A, 9)
            return TRANSFER.decide(command, states) if states["source"].balance else {}

        outcomes = scene.decisions.handle(replace(TRANSFER, decide=transfer), A, Transfer("a", "b", 5))

        assert (len(looks), outcomes["target"].state.balance) == (2, 5)

    def test_a_stale_guess_is_found_out_by_the_write(self, scene: Scene) -> None:
        scene.give(A, 10)
        scene.give(W, 5)
        scene.transfer(1, witness="w")
        scene.give(W, 1)

        outcomes = scene.transfer(1, witness="w", optimistic=True)

        assert outcomes["witness"].state.balance == 6
        assert scene.balances() == {"a": 8, "b": 2, "w": 6}

    def test_a_conflict_elsewhere_is_tried_again_at_the_version_that_a_caller_saw(self, scene: Scene) -> None:
        scene.give(A, 10)
        outcomes = self.decide_while(scene, lambda: scene.give(B, 3), Transfer("a", "b", 2), expected=1)
        assert (outcomes["source"].head.version, outcomes["target"].state.balance) == (2, 5)

    def test_a_conflict_at_the_version_that_a_caller_saw_is_not_tried_again(self, scene: Scene) -> None:
        scene.give(A, 10)
        with pytest.raises(ConcurrencyError) as conflict:
            self.decide_while(scene, lambda: scene.give(A, 3), Transfer("a", "b", 2), expected=1)
        assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (A, 1, 2)

    @pytest.mark.parametrize("optimistic", [False, True])
    @pytest.mark.parametrize("old", ["", "a"], ids=["rejects", "names one twice"])
    def test_a_participant_that_moved_refuses_nothing_by_what_it_was(
        self, scene: Scene, old: str, optimistic: bool
    ) -> None:
        scene.give(A, 7)
        head = scene.store.append(DIRECTORY, Expected.NO_STREAM, [Named(successor=old)]).head
        with pytest.raises((CommandRejected, ConfigurationError)):
            scene.decisions.handle(LEAVE_ALL_ONCE, A, LeaveAll("a"))
        scene.store.append(DIRECTORY, head, [Named(successor="b")])

        outcomes = scene.decisions.handle(LEAVE_ALL_ONCE, A, LeaveAll("a"), optimistic=optimistic)

        assert outcomes["heir"].state.balance == 7

    @staticmethod
    def decide_while(scene: Scene, act: Callable[[], object], command: Transfer, **options: Any) -> Outcomes:
        """Handle a transfer; something happens while it is decided for the first time."""
        waiting = [act]

        def transfer(command: Transfer, states: Any) -> Any:
            if waiting:
                waiting.pop()()
            return TRANSFER.decide(command, states)

        return scene.decisions.handle(replace(TRANSFER, decide=transfer), account(command.source), command, **options)


class TestRepeats:
    @pytest.mark.parametrize("process", ["the same", "another"])
    @pytest.mark.parametrize("later", [0, 3])
    def test_the_first_outcome_comes_back(self, scene: Scene, clock: ManualClock, process: str, later: int) -> None:
        scene.give(A, 10)
        scene.give(W, 5)
        began = clock() - timedelta(seconds=1)
        first = scene.transfer(4, witness="w", commit_id="x")
        for _ in range(later):
            scene.give(A, 1)
            scene.give(B, 1)
            scene.give(W, 1)
        again = scene if process == "the same" else Scene(scene.store)

        repeated = again.transfer(4, witness="w", commit_id="x", first_attempt=began)

        for role in ("source", "target"):
            assert repeated[role] == replace(first[role], repeated=True)
        assert repeated["witness"] == first["witness"]
        assert scene.balances() == {"a": 6 + later, "b": 4 + later, "w": 5 + later}

    @pytest.mark.parametrize("hidden", [False, True], ids=["in mind", "behind snapshots"])
    def test_an_optimistic_one_comes_back_too(self, scene: Scene, clock: ManualClock, hidden: bool) -> None:
        scene.give(A, 10)
        began = clock() - timedelta(seconds=1)
        first = scene.transfer(4, commit_id="x")
        if hidden:
            for stream in (A, B):
                write_snapshot(scene.store, ACCOUNTS, stream)
            scene = Scene(scene.store)
            scene.transfer(0)

        repeated = scene.transfer(4, commit_id="x", optimistic=True, first_attempt=began if hidden else None)

        assert repeated == {role: replace(each, repeated=True) for role, each in first.items()}
        assert scene.balances() == {"a": 6, "b": 4, "w": 0}

    def test_it_comes_back_though_the_participants_are_others_now(self, scene: Scene, clock: ManualClock) -> None:
        scene.give(A, 7)
        scene.store.append(DIRECTORY, Expected.NO_STREAM, [Named(successor="b")])
        began = clock() - timedelta(seconds=1)
        first = scene.decisions.handle(LEAVE_ALL, A, LeaveAll("a"), commit_id="x")

        repeated = Scene(scene.store).decisions.handle(LEAVE_ALL, A, LeaveAll("a"), commit_id="x", first_attempt=began)

        assert {role: each.events for role, each in repeated.items()} == {
            role: each.events for role, each in first.items()
        }
        assert scene.balances() == {"a": 0, "b": 7, "w": 0}

    @pytest.mark.parametrize("process", ["the same", "another"])
    @pytest.mark.parametrize("successor", ["c", "a", ""], ids=["another", "named twice", "none"])
    def test_it_comes_back_though_what_was_only_looked_at_names_others_now(
        self, scene: Scene, clock: ManualClock, process: str, successor: str
    ) -> None:
        scene.give(A, 7)
        head = scene.store.append(DIRECTORY, Expected.NO_STREAM, [Named(successor="b")]).head
        began = clock() - timedelta(seconds=1)
        first = scene.decisions.handle(LEAVE_ALL_ONCE, A, LeaveAll("a"), commit_id="x")
        scene.store.append(DIRECTORY, head, [Named(successor=successor)])
        again = scene if process == "the same" else Scene(scene.store)

        repeated = again.decisions.handle(LEAVE_ALL_ONCE, A, LeaveAll("a"), commit_id="x", first_attempt=began)

        assert repeated == {
            role: replace(each, repeated=each.repeated or role != "directory") for role, each in first.items()
        }
        assert scene.balances() == {"a": 0, "b": 7, "w": 0}

    def test_it_comes_back_though_other_clocks_were_fast(self, scene: Scene, clock: ManualClock) -> None:
        """A commit is not dated before the one it follows, so one decision may have several times."""
        clock.move(timedelta(seconds=30))
        scene.give(A, 7)
        scene.store.append(DIRECTORY, Expected.NO_STREAM, [Named(successor="b")])
        clock.move(timedelta(seconds=-30))
        began = clock() - timedelta(seconds=1)
        first = scene.decisions.handle(LEAVE_ALL, A, LeaveAll("a"), commit_id="x")
        write_snapshot(scene.store, ACCOUNTS, B)

        repeated = Scene(scene.store).decisions.handle(LEAVE_ALL, A, LeaveAll("a"), commit_id="x", first_attempt=began)

        assert repeated == {role: replace(each, repeated=True) for role, each in first.items()}

    def test_what_was_written_comes_back_though_another_clock_was_fast(self, scene: Scene, clock: ManualClock) -> None:
        """All its commits have the moment of the fast clock, by which a stream that was only read may have gone on."""
        clock.move(timedelta(seconds=30))
        scene.give(A, 10)
        clock.move(timedelta(seconds=-30))
        scene.give(W, 5)
        first = scene.transfer(4, witness="w", commit_id="x")
        scene.give(W, 1)
        again = scene.transfer(4, witness="w", commit_id="x")
        for role in ("source", "target"):
            assert again[role] == replace(first[role], repeated=True)
        assert again["witness"].head.version in (1, 2)
        moments = {each.timestamp for role in ("source", "target") for each in first[role].events}
        assert len(moments) == 1
        assert min(moments) > clock.now

    def test_what_was_only_looked_at_comes_back_though_the_clock_stood_still(self, engine: Engine) -> None:
        scene = Scene(engine.store(TRANSFER_REGISTRY, lambda: START))
        scene.give(A, 10)
        scene.give(W, 5)
        first = scene.transfer(4, witness="w", commit_id="x")
        assert scene.transfer(4, witness="w", commit_id="x")["witness"] == first["witness"]

    def test_a_lost_answer_costs_nothing_more(self, dynamodb: DynamoDBEngine, clock: ManualClock) -> None:
        """The transaction's token has made it one by the time the SDK sends it again."""
        scene = Scene(dynamodb.store(TRANSFER_REGISTRY, clock))
        scene.give(A, 10)
        scene.give(W, 5)
        dynamodb.wire.clear()
        dynamodb.wire.inject(lost_answer, on="TransactWriteItems")

        outcomes = scene.transfer(4, witness="w")

        assert outcomes["source"].state.balance == 6
        assert scene.balances() == {"a": 6, "b": 4, "w": 5}
        assert dynamodb.wire.sent.count("TransactWriteItems") == 2


class TestWhatItCosts:
    @pytest.fixture
    def counted(self, dynamodb: DynamoDBEngine, clock: ManualClock) -> tuple[Scene, DynamoDBEngine]:
        scene = Scene(dynamodb.store(TRANSFER_REGISTRY, clock))
        scene.give(A, 100)
        scene.give(W, 50)
        dynamodb.wire.clear()
        return scene, dynamodb

    def test_cold_one_read_a_stream_and_one_write(self, counted: tuple[Scene, DynamoDBEngine]) -> None:
        scene, dynamodb = counted
        scene.transfer(1, witness="w")
        assert sorted(dynamodb.wire.sent) == ["Query", "Query", "Query", "TransactWriteItems"]

    @pytest.mark.parametrize("witness", ["", "w"])
    def test_warm_one_read_for_all_and_one_write(self, counted: tuple[Scene, DynamoDBEngine], witness: str) -> None:
        scene, dynamodb = counted
        scene.transfer(1, witness=witness)
        dynamodb.wire.clear()
        scene.transfer(1, witness=witness)
        assert dynamodb.wire.sent == ["BatchGetItem", "TransactWriteItems"]

    def test_optimistic_no_read(self, counted: tuple[Scene, DynamoDBEngine]) -> None:
        scene, dynamodb = counted
        scene.transfer(1, witness="w")
        dynamodb.wire.clear()
        scene.transfer(1, witness="w", optimistic=True)
        assert dynamodb.wire.sent == ["TransactWriteItems"]

    def test_one_that_moved_is_read_alone(self, counted: tuple[Scene, DynamoDBEngine]) -> None:
        scene, dynamodb = counted
        scene.transfer(1, witness="w")
        scene.give(B, 1)
        dynamodb.wire.clear()
        scene.transfer(1, witness="w")
        assert dynamodb.wire.sent == ["BatchGetItem", "Query", "TransactWriteItems"]

    def test_a_cold_refusal_makes_sure_with_one_read(self, counted: tuple[Scene, DynamoDBEngine]) -> None:
        scene, dynamodb = counted
        with pytest.raises(CommandRejected):
            scene.transfer(1000)
        assert sorted(dynamodb.wire.sent) == ["BatchGetItem", "Query", "Query"]

    def test_a_warm_refusal_is_sure_already(self, counted: tuple[Scene, DynamoDBEngine]) -> None:
        scene, dynamodb = counted
        scene.transfer(1)
        dynamodb.wire.clear()
        with pytest.raises(CommandRejected):
            scene.transfer(1000)
        assert dynamodb.wire.sent == ["BatchGetItem"]

    def test_one_stream_alone_needs_no_transaction(self, counted: tuple[Scene, DynamoDBEngine]) -> None:
        scene, dynamodb = counted
        alone = Decision(
            Transfer, lambda _, __: {"source": Participant(ACCOUNTS, "a")}, lambda _, __: {"source": deposits(1)}
        )
        scene.decisions.handle(alone, A, Transfer("a", "", 1))
        assert dynamodb.wire.sent == ["Query", "PutItem"]


def fickle(_: Transfer, __: States) -> Participants:
    """Others, each time it is asked."""
    fickle_id = f"n{next(NUMBERS)}"
    return {"source": Participant(ACCOUNTS, "a"), fickle_id: Participant(ACCOUNTS, fickle_id)}


class UnwrittenTable(MemoryTable):
    """Takes no write."""

    def insert(self, commits: Sequence[Commit], *, unmoved: Sequence[StreamHead] = ()) -> None:
        raise AssertionError(f"{len(commits)} commits and {len(unmoved)} checks were sent")


class TestMistakes:
    def test_more_streams_than_a_transaction_holds(self, scene: Scene) -> None:
        def many(count: int) -> Decision[Transfer]:
            participants = {f"{n}": Participant(ACCOUNTS, f"a{n}" if n else "a") for n in range(count)}
            return Decision(Transfer, lambda _, __: participants, lambda _, __: {"0": deposits(1)})

        with pytest.raises(CommitTooLarge, match="101 streams"):
            scene.decisions.handle(many(101), A, Transfer("a", "", 1))
        assert scene.store.head(A).version == 0
        assert scene.decisions.handle(many(100), A, Transfer("a", "", 1))["0"].head.version == 1

    @pytest.mark.parametrize(
        ("streams", "written", "events", "message"),
        [
            (2, 2, bulk(8, 380_000), "bytes, a transaction holds"),
            (100, 100, bulk(2, 390_000), "101 items, a transaction holds"),
            (100, 1, bulk(2, 390_000), "101 items, a transaction holds"),
        ],
        ids=["4 MB", "split commits", "split commits and checks"],
    )
    def test_more_than_a_transaction_holds_is_refused_before_a_write_is_sent(
        self, streams: int, written: int, events: Sequence[DomainEvent], message: str
    ) -> None:
        scene = Scene(EventStore(UnwrittenTable(), TRANSFER_REGISTRY, ManualClock()))
        participants = {f"{n}": Participant(ACCOUNTS, f"a{n}" if n else "a") for n in range(streams)}
        decided = {f"{n}": events if n == 0 or written == 2 else deposits(1) for n in range(written)}

        with pytest.raises(CommitTooLarge, match=message):
            scene.decisions.handle(
                Decision(Transfer, lambda _, __: participants, lambda _, __: decided), A, Transfer("a", "", 1)
            )

    @pytest.mark.parametrize(
        ("decision", "message"),
        [
            (
                replace(TRANSFER, participants=lambda _, __: {"b": Participant(ACCOUNTS, "b")}),
                "not among its participants",
            ),
            (
                replace(TRANSFER, participants=lambda _, __: {r: Participant(ACCOUNTS, "a") for r in "xy"}),
                "has two roles",
            ),
            (
                replace(TRANSFER, decide=lambda _, __: {"stranger": deposits(1)}),
                "'stranger', which is not a participant",
            ),
            (replace(TRANSFER, decide=lambda _, __: cast(Any, deposits(1))), "returned a list"),
            (replace(TRANSFER, decide=lambda _, __: cast(Any, None)), "returned a NoneType"),
            (replace(TRANSFER, participants=fickle), "never settle"),
        ],
        ids=["elsewhere", "twice", "stranger", "list", "none", "settles"],
    )
    def test_a_decision_that_contradicts_itself(self, scene: Scene, decision: Decision[Transfer], message: str) -> None:
        scene.give(A, 10)
        with pytest.raises(ConfigurationError, match=message):
            scene.decisions.handle(decision, A, Transfer("a", "b", 1))
        assert scene.balances() == {"a": 10, "b": 0, "w": 0}

    def test_a_chain_may_be_as_long_as_a_transaction(self, scene: Scene, engine: Engine) -> None:
        """Each participant is found in the state of the one before."""
        only_on_the_exact_engine(engine.name)

        def chained(_: Transfer, states: States) -> Participants:
            return {f"{n}": Participant(ACCOUNTS, f"a{n}" if n else "a") for n in range(min(100, len(states) + 1))}

        chain = Decision(Transfer, chained, lambda _, states: {f"{len(states) - 1}": deposits(1)})
        for number in (1, 2):
            assert scene.decisions.handle(chain, A, Transfer("a", "", 1))["99"].head.version == number

    def test_an_entity_that_takes_no_part(self, scene: Scene) -> None:
        decisions = Decisions(scene.store, {"account": scene.aggregates["account"]}, ConflictRetries(), NoTelemetry())
        with pytest.raises(ConfigurationError, match="'directory' takes no part"):
            decisions.handle(LEAVE_ALL, A, LeaveAll("a"))


@pytest.mark.parametrize("optimistic", [False, True])
def test_racing_transfers_lose_and_make_nothing(engine: Engine, optimistic: bool) -> None:
    """Eight processes' worth of caches move money in a ring; the sum stays, and nothing is overdrawn."""
    only_on_the_exact_engine(engine.name)
    names = "abcd"
    store = engine.store(TRANSFER_REGISTRY)
    for name in names:
        store.append(account(name), Expected.NO_STREAM, deposits(20))
    barrier, rounds = Barrier(8), 6

    def mover(number: int) -> int:
        scene, moved = Scene(store, retries=50), 0
        barrier.wait()
        for turn in range(rounds):
            source, target = names[(number + turn) % 4], names[(number + turn + 1 + number % 3) % 4]
            command = Transfer(source, target, 1 + number % 3)
            try:
                scene.decisions.handle(TRANSFER, account(source), command, optimistic=optimistic)
                moved += 1
            except CommandRejected:
                pass
        return moved

    with ThreadPoolExecutor(8) as pool:
        moved = sum(pool.map(mover, range(8)))

    states = [Aggregates(store, ACCOUNTS).load(account(name)).state for name in names]
    assert sum(state.balance for state in states) == 80
    assert min(state.balance for state in states) >= 0
    assert sum(state.movements for state in states) == len(names) + 2 * moved


def test_an_id_that_was_used_for_other_streams_conflicts(scene: Scene) -> None:
    scene.store.append_many([Write(A, Expected.NO_STREAM, deposits(10))], commit_id="x")
    with pytest.raises(ConcurrencyError):
        Scene(scene.store, retries=0).store.append_many(
            [Write(A, Expected.NO_STREAM, deposits(10)), Write(B, Expected.NO_STREAM, deposits(1))], commit_id="x"
        )
