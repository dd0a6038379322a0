"""Many writers at one stream: one winner for each version, and nothing acknowledged is lost."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain
from multiprocessing import get_context
from threading import Barrier

import pytest
from tests.support.clocks import no_sleep, only_on_the_exact_engine
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import ACCOUNTS, REGISTRY, Deposit, account, bulk, deposits
from tests.support.racer import RACE, Won, race, race_in_a_process

from banyan.commands.handler import CommandHandler, ConflictRetries
from banyan.errors import ConcurrencyError
from banyan.store import EventStore, Expected, Write
from banyan.store.verify import VerifiedStream, verify_stream
from banyan.streams import StreamHead

THREADS = 8
PROCESSES = 4
WINS = 12


def assert_one_winner_each(store: EventStore, results: Iterable[tuple[Won, int]], versions: int) -> None:
    """Every version was acknowledged once, to the writer whose commit stands there."""
    acknowledged = sorted(chain.from_iterable(won for won, _ in results))
    assert acknowledged == [(commit.position, commit.commit_id) for commit in store.commits(RACE)]
    assert [version for version, _ in acknowledged] == list(range(1, versions + 1))
    assert verify_stream(store, RACE) == VerifiedStream(RACE, versions, ())


def test_threads_race_at_one_stream(engine: Engine) -> None:
    only_on_the_exact_engine(engine.name)
    store, barrier = engine.store(REGISTRY), Barrier(THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda racer: race(store, racer, WINS, barrier.wait), range(THREADS)))

    assert_one_winner_each(store, results, THREADS * WINS)
    assert sum(conflicts for _, conflicts in results) >= THREADS - 1


@pytest.mark.slow
def test_processes_race_at_one_stream(dynamodb_local: DynamoDBEngine) -> None:
    store, endpoint = dynamodb_local.store(REGISTRY), dynamodb_local.client.meta.endpoint_url
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        futures = [
            pool.submit(race_in_a_process, endpoint, dynamodb_local.events, racer, WINS * 4)
            for racer in range(PROCESSES)
        ]
        results = [future.result() for future in futures]

    assert_one_winner_each(store, results, PROCESSES * WINS * 4)
    assert sum(conflicts for _, conflicts in results) >= PROCESSES - 1


@pytest.mark.parametrize("size", [1, 3])
def test_writers_at_the_same_head_have_one_winner(engine: Engine, size: int) -> None:
    """Commits of one event, and commits split over three items."""
    store, barrier = engine.store(REGISTRY), Barrier(THREADS)
    head = store.append(RACE, 0, deposits(1)).head
    events = deposits(2) if size == 1 else bulk(size, 300_000)

    def write(racer: int) -> int | ConcurrencyError:
        barrier.wait()
        try:
            return store.append(RACE, head, events, commit_id=str(racer)).head.version
        except ConcurrencyError as conflict:
            return conflict

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(write, range(THREADS)))

    conflicts = [result for result in results if isinstance(result, ConcurrencyError)]
    assert sorted(result for result in results if isinstance(result, int)) == [1 + size]
    assert {(c.stream, c.expected, c.actual) for c in conflicts} == {(RACE, 1, 1 + size)}
    assert not verify_stream(store, RACE).problems


def test_two_streams_move_together(engine: Engine) -> None:
    """Every transfer touches both accounts, so both end with the same commits."""
    store, barrier = engine.store(REGISTRY), Barrier(THREADS)
    streams = account("left"), account("right")

    def transfer(racer: int) -> int:
        barrier.wait()
        heads, conflicts = [StreamHead.empty(stream) for stream in streams], 0
        while True:
            try:
                store.append_many(
                    [Write(h.stream, h, deposits(racer)) for h in heads[:: 1 if racer % 2 else -1]],
                    commit_id=str(racer),
                )
                return conflicts
            except ConcurrencyError:
                heads, conflicts = [store.head(stream) for stream in streams], conflicts + 1

    with ThreadPoolExecutor(THREADS) as pool:
        conflicts = sum(pool.map(transfer, range(THREADS)))

    left, right = ([commit.commit_id for commit in store.commits(stream)] for stream in streams)
    assert left == right
    assert sorted(left) == [str(racer) for racer in range(THREADS)]
    assert conflicts >= THREADS - 1


def test_a_repeat_racing_its_first_attempt_writes_once(engine: Engine) -> None:
    store, barrier = engine.store(REGISTRY), Barrier(THREADS)

    def write(_: int) -> tuple[StreamHead, bool]:
        barrier.wait()
        appended = store.append(RACE, Expected.NO_STREAM, deposits(1), commit_id="once")
        return appended.head, appended.repeated

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(write, range(THREADS)))

    assert sorted(repeated for _, repeated in results) == [False] + [True] * (THREADS - 1)
    assert {head for head, _ in results} == {store.head(RACE)}


def test_commands_of_many_containers_all_count(engine: Engine) -> None:
    """Each thread has a handler, and so a cache, of its own."""
    store = engine.store(REGISTRY)

    def container(number: int) -> None:
        handler = CommandHandler(store, ACCOUNTS, retries=ConflictRetries(100, sleep=no_sleep))
        for _ in range(5):
            handler.handle(RACE, Deposit(number), optimistic=number % 2 == 0)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(container, range(1, THREADS + 1)))

    assert CommandHandler(store, ACCOUNTS).load(RACE).state.balance == 5 * sum(range(1, THREADS + 1))
    assert verify_stream(store, RACE, ACCOUNTS) == VerifiedStream(RACE, 5 * THREADS, ())
