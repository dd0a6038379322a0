"""The log of all streams: every commit, in order, from a moment on."""

from __future__ import annotations

from datetime import timedelta
from itertools import count, islice

from tests.support.clocks import START, ManualClock, only_on_the_exact_engine
from tests.support.engines import Engine
from tests.support.ledger import REGISTRY, account, deposits, fill

from banyan.store import EventStore, Expected, Write
from banyan.store.items import MAX_TRANSACTION_ITEMS, bucket_of

A = account("a")


class TestLog:
    def test_every_commit_stands_in_its_bucket_in_order(self, engine: Engine, store: EventStore) -> None:
        heads = [fill(store, account(str(number)), commits=3, size=2) for number in range(8)]
        buckets = range(engine.table().buckets)

        log = [list(store.log(bucket)) for bucket in buckets]

        assert all(entries == sorted(entries, key=lambda entry: entry.recorded_at) for entries in log)
        told = sorted((str(entry.stream), entry.position) for entries in log for entry in entries)
        assert told == sorted((str(head.stream), position) for head in heads for position in (1, 3, 5))
        assert sum(bool(entries) for entries in log) > 1
        assert sorted(store.streams()) == sorted(head.stream for head in heads)

    def test_it_begins_at_a_moment(self, engine: Engine, store: EventStore, clock: ManualClock) -> None:
        head = fill(store, A, commits=2)
        moment = clock.now
        clock.move(timedelta(hours=1))
        store.append(A, head, deposits(3))

        told = [entry.position for bucket in range(engine.table().buckets) for entry in store.log(bucket, moment)]
        assert told == [2, 3]

    def test_commits_of_one_moment_keep_their_order(self, engine: Engine) -> None:
        store = engine.store(REGISTRY, lambda: START)
        fill(store, A, commits=12)

        told = [entry.position for bucket in range(engine.table().buckets) for entry in store.log(bucket)]
        assert told == list(range(1, 13))

    def test_it_is_read_over_pages(self, engine: Engine, store: EventStore) -> None:
        only_on_the_exact_engine(engine.name)
        buckets = engine.table().buckets
        long_names = (account(f"{number:04}" + "x" * 486) for number in count())
        streams = list(islice((name for name in long_names if bucket_of(name, buckets) == 0), 1100))
        for start in range(0, len(streams), MAX_TRANSACTION_ITEMS):
            some = streams[start : start + MAX_TRANSACTION_ITEMS]
            store.append_many([Write(stream, Expected.NO_STREAM, deposits(1)) for stream in some])

        assert [entry.stream for entry in store.log(0)] == streams
