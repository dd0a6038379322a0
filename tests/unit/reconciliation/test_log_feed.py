"""What a run learns from the log: every commit once it shows, however late that is, and nothing twice without need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, islice

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.clocks import START
from tests.support.ledger import account

from banyan.documents import Key, MemoryDocuments
from banyan.reconciliation import feeds
from banyan.reconciliation.feeds import OVERLAP, SETTLED, LogFeed, SharedLog
from banyan.store import LogEntry
from banyan.store.items import bucket_of, log_key

BUCKETS = 2
POSITIONS = Key("positions", "reader")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOURS = timedelta(hours=6)


@dataclass
class LateLog:
    """A log in which commits show some time after they were written, dated by clocks that differ."""

    buckets: int = BUCKETS
    now: datetime = START
    written: list[tuple[datetime, LogEntry]] = field(default_factory=list)
    spread: dict[LogEntry, int] = field(default_factory=dict)
    asked: list[datetime | None] = field(default_factory=list)

    def log_buckets(self) -> range:
        """All that there are."""
        return range(self.buckets)

    def write(self, name: str, skew: timedelta = timedelta(0), lag: timedelta = timedelta(0)) -> LogEntry:
        """A commit of now, by a clock that is fast or slow, which the index shows later."""
        entry = LogEntry(self.now + skew, account(name), 1)
        self.written.append((self.now + lag, entry))
        self.spread[entry] = bucket_of(entry.stream, self.buckets)
        return entry

    def log(self, bucket: int, after: datetime | None = None) -> Iterator[LogEntry]:
        """Entries that are to be seen now, in the order of their dates."""
        self.asked.append(after)
        shown = [entry for visible, entry in self.written if visible <= self.now]
        own = [entry for entry in shown if self.spread[entry] == bucket]
        return iter(sorted((e for e in own if after is None or e.recorded_at >= after), key=log_key))


class Reader:
    """A feed over a late log, made again for each process."""

    def __init__(self) -> None:
        self.log = LateLog()
        self.documents = MemoryDocuments()
        self.seen: list[tuple[datetime, str]] = []
        """Streams that were named, and when."""

    def run(
        self, limit: int = 100, kills: Iterable[bool] = (), pause: timedelta = timedelta(0), chunks: int | None = None
    ) -> list[str]:
        """All that a run names; where it is killed, another process continues it, and after so many chunks none."""
        before, killed, named = self.log.now, iter(kills), list[str]()
        feed = self.feed()
        for _ in islice(count(), chunks):
            changes = feed.changed(before, limit)
            if next(killed, False):
                feed = self.feed()
                continue
            if not changes.ids:
                break
            named += changes.ids
            self.seen += [(self.log.now, id) for id in changes.ids]
            feed.seen(changes)
            self.log.now += pause
        return named

    def feed(self) -> LogFeed:
        """A feed of another process."""
        return LogFeed(SharedLog(self.log), self.documents, "reader")  # type: ignore[arg-type]


commits = st.tuples(st.just("write"), st.integers(-55, 55), st.integers(0, 50))
waits = st.tuples(st.just("wait"), st.integers(0, 90), st.just(0))
runs = st.tuples(st.just("run"), st.integers(1, 3), st.integers(0, 40))
parts = st.tuples(st.just("part"), st.integers(1, 3), st.integers(0, 4))
growth = st.tuples(st.just("grow"), st.integers(1, 5), st.just(0))


@given(st.lists(st.one_of(commits, waits, runs, parts, growth), max_size=40), st.lists(st.booleans(), max_size=12))
@settings(max_examples=400)
def test_every_commit_is_named_once_it_can_be_seen(history: list[tuple[str, int, int]], killed: list[bool]) -> None:
    reader, kills = Reader(), iter(killed)
    for number, (act, one, other) in enumerate(history):
        if act == "write":
            reader.log.write(f"a{number}", one * SECOND, other * SECOND)
        elif act == "wait":
            reader.log.now += one * SECOND
        elif act == "grow":
            reader.log.buckets += one
        elif act == "run":
            reader.run(one, kills, other * SECOND)
        else:
            reader.run(one, kills, chunks=other)
    reader.log.now += OVERLAP
    reader.run()
    for visible, entry in reader.log.written:
        assert any(at >= visible for at, id in reader.seen if id == str(entry.stream))


def test_a_run_names_nothing_that_the_last_one_saw() -> None:
    reader = Reader()
    for number in range(20):
        reader.log.write(f"a{number}")
        reader.log.now += SECOND
    assert len(reader.run(limit=3)) == 20
    reader.log.now += SECOND
    assert reader.run() == []
    reader.log.write("late", skew=-OVERLAP / 2)
    reader.log.write("new")
    reader.log.now += SECOND
    assert {str(account("late")), str(account("new"))} <= set(reader.run())
    reader.log.now += SECOND
    assert reader.run() == []


def test_what_was_seen_long_after_it_was_written_is_not_read_again() -> None:
    reader = Reader()
    last = [reader.log.write(f"a{number}", number * timedelta(milliseconds=1)) for number in range(20)]
    for _ in range(3):
        reader.log.now += HOURS
        reader.log.asked.clear()
        reader.run()
    newest = {bucket_of(entry.stream, BUCKETS): entry.recorded_at for entry in last}
    assert reader.log.asked == [newest[bucket] for bucket in range(BUCKETS)]
    assert HOURS > SETTLED


def test_what_the_index_shows_within_the_hour_is_named() -> None:
    reader = Reader()
    reader.log.write("late", lag=30 * MINUTE)
    for number in range(20):
        reader.log.now += SECOND
        reader.log.write(f"a{number}")
    reader.log.now += SECOND
    reader.run()
    for _ in range(3):
        reader.log.now += 15 * MINUTE
        reader.run()
    assert str(account("late")) in {id for _, id in reader.seen}


def test_a_slow_clock_and_a_late_index_together_hide_nothing() -> None:
    reader = Reader()
    reader.log.buckets = 1
    late = reader.log.write("late", skew=-59 * SECOND, lag=59 * SECOND)
    reader.log.now += 58 * SECOND
    reader.log.write("a1")
    assert reader.run() == [str(account("a1"))]
    reader.log.now += SECOND
    assert str(late.stream) in reader.run()


def test_what_only_one_pass_saw_in_part_is_named_again_once() -> None:
    """A process that continues a run passes over what the one before it saw, and cannot know that this was all."""
    reader = Reader()
    for number in range(8):
        reader.log.write(f"a{number}")
    reader.log.now += SECOND
    assert len(reader.run(1, iter([False, False, True]))) == 8
    reader.log.now += SECOND
    assert 0 < len(reader.run()) < 8
    reader.log.now += SECOND
    assert reader.run() == []


def test_a_run_that_was_given_up_is_not_taken_for_the_one_that_continues() -> None:
    """Its place in a bucket that the new run has not come to yet says nothing about what the new run saw there."""
    reader = Reader()
    one, other = ([n for n in map("a{}".format, range(40)) if bucket_of(account(n), BUCKETS) == at] for at in (0, 1))
    for name in (*one[:2], *other[:2]):
        reader.log.write(name)
        reader.log.now += SECOND
    assert len(reader.run(1, chunks=3)) == 3

    late = reader.log.write(other[2], skew=-30 * SECOND)
    for name in (*one[3:5], other[3]):
        reader.log.now += 2 * MINUTE
        reader.log.write(name)
    reader.log.now += SECOND
    assert str(late.stream) in reader.run(1, iter([False, True]))


@pytest.mark.parametrize(("position", "named"), [("last", 0), ("first", 8)])
def test_a_place_that_an_older_release_kept_counts(position: str, named: int) -> None:
    """It knows of no windows, neither to write one nor to forget it; here it went back to the beginning, or did not."""
    reader = Reader()
    reader.log.buckets = 1
    entries = [reader.log.write(f"a{number}", number * SECOND) for number in range(8)]
    reader.log.now += HOURS
    reader.run()
    reached = {"0": log_key(entries[-1 if position == "last" else 0])}
    reader.documents.put(POSITIONS, orjson.dumps(["2026-01-05T09:00:00.000000Z", reached]).decode())
    reader.log.now += HOURS
    assert len(reader.run()) == named


def test_feeds_of_one_run_read_the_log_once_and_the_next_run_reads_it_again() -> None:
    log = LateLog(buckets=1)
    shared = SharedLog(log)  # type: ignore[arg-type]
    log.write("a1")
    for _ in range(2):
        log.now += SECOND
        found = [list(shared.upto(log.now, 0, None)) for _ in range(3)]
        log.write("a2")
    assert (len(log.asked), [len(each) for each in found]) == (2, [2, 2, 2])


@pytest.mark.parametrize("entries", [3, 4, 5])
def test_a_log_that_is_too_long_to_be_remembered_is_read_to_its_end_each_time(
    entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "SHORT", 4)
    log = LateLog(buckets=1)
    shared = SharedLog(log)  # type: ignore[arg-type]
    for number in range(entries):
        log.write(f"a{number}")
    assert [len(list(shared.upto(log.now, 0, None))) for _ in range(2)] == [entries, entries]
