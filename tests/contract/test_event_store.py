"""What every event store does: appending, reading, loading, and doing nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.support.clocks import START, ManualClock, lengthy
from tests.support.engines import Engine
from tests.support.ledger import REGISTRY, Deposited, Withdrawn, account, bulk, deposits, fill, noise

from banyan.errors import CommitTooLarge, ConcurrencyError, UnknownEventType, UnsupportedSchemaVersion
from banyan.events import DomainEvent, Event, EventRegistry, Metadata, Upcaster
from banyan.store import EventStore, Expected, Loaded, Snapshot, Write
from banyan.store.items import RecordedEvents
from banyan.streams import StreamHead, StreamId

A, B, C = account("a"), account("b"), account("c")

Expect = Callable[[StreamHead], StreamHead | int | Expected]
WAYS_TO_EXPECT = pytest.mark.parametrize(
    "expect", [lambda head: head, lambda head: head.version, lambda _: Expected.ANY], ids=["head", "version", "any"]
)


def amounts(store: EventStore, stream: StreamId, **span: int) -> list[int]:
    return [amount_of(event) for event in store.read(stream, **span)]


def amount_of(event: Event) -> int:
    assert isinstance(event.payload, Deposited | Withdrawn)
    return event.payload.amount


class TestAppend:
    def test_events_come_back_as_they_were_recorded(self, store: EventStore) -> None:
        told = Metadata(correlation_id="c-1", causation_id="c-0", actor="ann", occurred_at=START)
        appended = store.append(A, Expected.NO_STREAM, [Deposited(amount=5), Withdrawn(amount=2)], metadata=told)

        assert tuple(store.read(A)) == appended.events
        assert [event.version for event in appended.events] == [1, 2]
        assert [event.event_type for event in appended.events] == ["Deposited", "Withdrawn"]
        assert {event.metadata for event in appended.events} == {told}
        assert len({event.event_id for event in appended.events}) == 2
        assert not appended.repeated

    def test_the_head_it_returns_is_the_next_expected_version(self, store: EventStore) -> None:
        first = store.append(A, StreamHead.empty(A), deposits(1, 2, 3))
        second = store.append(A, first.head, deposits(4))

        assert (first.head.version, second.head.version) == (3, 4)
        assert store.head(A) == second.head
        assert store.get_stream_version(A) == 4

    @WAYS_TO_EXPECT
    def test_it_builds_on_what_stands_there(self, store: EventStore, expect: Expect) -> None:
        head = fill(store, A, commits=2, size=2)

        assert store.append(A, expect(head), deposits(5)).head.version == 5
        assert amounts(store, A) == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("expected", [0, 1, 3, 7, Expected.NO_STREAM])
    def test_another_version_conflicts(self, store: EventStore, expected: int | Expected) -> None:
        fill(store, A, commits=2)

        with pytest.raises(ConcurrencyError) as conflict:
            store.append(A, expected, deposits(9))

        number = expected if isinstance(expected, int) else 0
        assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (A, number, 2)
        assert amounts(store, A) == [1, 2]

    @pytest.mark.parametrize("behind", [1, 2, 3])
    def test_a_stale_head_conflicts_however_far_behind(self, store: EventStore, behind: int) -> None:
        heads = [StreamHead.empty(A)]
        for size in (1, 5, 2):
            heads.append(store.append(A, heads[-1], deposits(*[1] * size)).head)
        stale = heads[-1 - behind]

        with pytest.raises(ConcurrencyError) as conflict:
            store.append(A, stale, deposits(*[2] * 4))

        assert (conflict.value.expected, conflict.value.actual) == (stale.version, 8)
        assert 2 not in amounts(store, A)

    def test_a_version_inside_a_commit_conflicts(self, store: EventStore) -> None:
        fill(store, A, commits=1, size=5)

        with pytest.raises(ConcurrencyError) as conflict:
            store.append(A, 3, deposits(9))

        assert (conflict.value.expected, conflict.value.actual) == (3, 5)

    def test_time_never_runs_backwards(self, store: EventStore, clock: ManualClock) -> None:
        first = store.append(A, 0, deposits(1))
        clock.move(timedelta(hours=-1))
        second = store.append(A, first.head, deposits(2))

        assert second.head.recorded_at == first.head.recorded_at
        assert [event.timestamp for event in store.read(A)] == [first.head.recorded_at] * 2

    @pytest.mark.parametrize("events", [[], [type("Stranger", (DomainEvent,), {})()]], ids=["nothing", "stranger"])
    def test_what_cannot_be_read_back_is_refused(self, store: EventStore, events: list[DomainEvent]) -> None:
        with pytest.raises((ValueError, UnknownEventType)):
            store.append(A, 0, events)
        assert store.get_stream_version(A) == 0

    def test_a_head_of_another_stream_is_refused(self, store: EventStore) -> None:
        with pytest.raises(ValueError, match="says nothing about"):
            store.append(A, StreamHead.empty(B), deposits(1))


class TestRepeat:
    @pytest.mark.parametrize("size", [1, 5, 1000])
    @WAYS_TO_EXPECT
    def test_the_first_result_comes_back(self, store: EventStore, expect: Expect, size: int) -> None:
        head = fill(store, A, commits=2, size=2)
        events = bulk(size, 600)
        first = store.append(A, expect(head), events, commit_id="x")
        store.append(A, first.head, deposits(99))

        again = store.append(A, expect(head), events, commit_id="x")

        assert again.repeated
        assert (again.head, again.events) == (first.head, first.events)
        assert store.get_stream_version(A) == 4 + size + 1

    def test_it_comes_back_for_a_new_stream(self, store: EventStore, clock: ManualClock) -> None:
        first = store.append(A, Expected.NO_STREAM, deposits(1), commit_id="x")
        clock.move(timedelta(days=1))

        again = store.append(A, Expected.NO_STREAM, deposits(1), commit_id="x")

        assert (again.repeated, again.events) == (True, first.events)

    def test_it_comes_back_for_several_streams(self, store: EventStore) -> None:
        head = fill(store, B, commits=1)
        writes = [Write(A, 0, deposits(1)), Write(B, head, bulk(1500, 600)), Write(C, Expected.ANY, deposits(4))]
        first = store.append_many(writes, commit_id="x")
        store.append(B, first[1].head, deposits(4))

        again = store.append_many(writes, commit_id="x")

        assert [(a.head, a.events) for a in again] == [(a.head, a.events) for a in first]
        assert all(appended.repeated for appended in again)

    def test_the_id_of_another_stream_means_nothing(self, store: EventStore) -> None:
        first = store.append(A, 0, deposits(1), commit_id="x")
        other = store.append(B, 0, deposits(1), commit_id="x")

        assert not other.repeated
        assert first.events[0].event_id != other.events[0].event_id

    @pytest.mark.parametrize("standing", ["nothing", "another"])
    def test_an_id_used_for_fewer_streams_conflicts(self, store: EventStore, standing: str) -> None:
        store.append(A, 0, deposits(1), commit_id="x")
        if standing == "another":
            store.append(B, 0, deposits(2), commit_id="y")

        with pytest.raises(ConcurrencyError) as conflict:
            store.append_many([Write(A, 0, deposits(1)), Write(B, Expected.NO_STREAM, deposits(2))], commit_id="x")

        assert conflict.value.stream == B

    def test_a_commit_is_found_by_its_id(self, store: EventStore) -> None:
        head = store.append(A, 0, deposits(1, 2), commit_id="x").head
        head = store.append(A, head, bulk(1500, 600), commit_id="y").head
        head = store.append(A, head, deposits(3), commit_id="z").head

        ends = {i: commit.last for i in ("v", "x", "y", "z") if (commit := store.find(A, i))}
        assert ends == {"x": 2, "y": 1502, "z": 1503}
        assert [commit.commit_id for commit in store.recorded_since(A, head.recorded_at)] == ["z"]


class TestAppendMany:
    def test_all_streams_get_their_events(self, store: EventStore) -> None:
        head = fill(store, B, commits=2)

        appended = store.append_many([Write(A, 0, deposits(1)), Write(B, head, deposits(7, 8))])

        assert [a.head for a in appended] == [store.head(A), store.head(B)]
        assert (amounts(store, A), amounts(store, B)) == ([1], [1, 2, 7, 8])

    @pytest.mark.parametrize("expected", [Expected.NO_STREAM, StreamHead.empty(B), 0])
    def test_a_conflict_names_its_stream_and_writes_nothing(
        self, store: EventStore, expected: StreamHead | int | Expected
    ) -> None:
        fill(store, B, commits=3)

        with pytest.raises(ConcurrencyError) as conflict:
            store.append_many(
                [Write(A, 0, deposits(1)), Write(B, expected, deposits(9)), Write(C, Expected.ANY, deposits(1))]
            )

        assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (B, 0, 3)
        assert [store.get_stream_version(stream) for stream in (A, B, C)] == [0, 3, 0]

    def test_it_holds_only_while_heads_are_where_they_were_read(self, store: EventStore) -> None:
        head, empty = fill(store, B, commits=2, size=2), StreamHead.empty(C)

        first = store.append_many([Write(A, 0, deposits(1))], unmoved=[head, empty])
        fill(store, C, commits=1)
        with pytest.raises(ConcurrencyError) as conflict:
            store.append_many([Write(A, first[0].head, deposits(2))], unmoved=[head, empty])

        assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == (C, 0, 1)
        assert amounts(store, A) == [1]
        assert store.head(B) == head

    @pytest.mark.parametrize("behind", [1, 2])
    def test_a_stale_head_that_was_only_read_conflicts_however_far_behind(self, store: EventStore, behind: int) -> None:
        heads = [fill(store, B, commits=1, size=3)]
        heads += [store.append(B, heads[-1], deposits(1)).head for _ in range(1)]
        heads += [store.append(B, heads[-1], deposits(1, 2)).head]

        with pytest.raises(ConcurrencyError) as conflict:
            store.append_many([Write(A, 0, deposits(1))], unmoved=[heads[-1 - behind]])

        assert (conflict.value.stream, conflict.value.actual) == (B, 6)
        assert store.get_stream_version(A) == 0

    def test_a_repeat_counts_though_what_it_depended_on_has_moved(self, store: EventStore) -> None:
        head = fill(store, B, commits=1)
        first = store.append_many([Write(A, 0, deposits(1))], commit_id="x", unmoved=[head])
        store.append(B, head, deposits(9))
        store.append(A, first[0].head, deposits(9))

        again = store.append_many([Write(A, 0, deposits(1))], commit_id="x", unmoved=[head])

        assert (again[0].repeated, again[0].head, again[0].events) == (True, first[0].head, first[0].events)

    def test_a_repeat_counts_though_it_depends_on_another_head(self, engine: Engine) -> None:
        """At the same moment, so that the commits are equal to the last byte."""
        store = engine.store(REGISTRY, lambda: START)
        first = store.append_many([Write(A, 0, deposits(1))], commit_id="x", unmoved=[StreamHead.empty(B)])

        again = store.append_many([Write(A, 0, deposits(1))], commit_id="x", unmoved=[StreamHead.empty(C)])

        assert (again[0].repeated, again[0].head) == (True, first[0].head)

    def test_what_conflicts_where_it_writes_is_named_before_what_it_only_read(self, store: EventStore) -> None:
        fill(store, A, commits=1)
        fill(store, B, commits=1)

        with pytest.raises(ConcurrencyError) as conflict:
            store.append_many([Write(A, 0, deposits(1))], unmoved=[StreamHead.empty(B)])

        assert conflict.value.stream == A

    def test_a_stream_that_is_written_need_not_be_checked(self, store: EventStore) -> None:
        with pytest.raises(ValueError, match="only once"):
            store.append_many([Write(A, 0, deposits(1))], unmoved=[StreamHead.empty(A)])

    def test_more_heads_than_a_transaction_holds_are_refused(self, store: EventStore) -> None:
        heads = [StreamHead.empty(account(f"c{number}")) for number in range(100)]

        with pytest.raises(CommitTooLarge, match="101 items"):
            store.append_many([Write(A, 0, deposits(1))], unmoved=heads)
        assert store.append_many([Write(A, 0, deposits(1))], unmoved=heads[1:])[0].head.version == 1

    def test_it_is_known_which_heads_have_moved(self, store: EventStore) -> None:
        stale = fill(store, A, commits=1, size=5)
        store.append(A, stale, deposits(1))
        head = fill(store, B, commits=2)

        assert store.moved([stale, head, StreamHead.empty(C)]) == {A}
        assert store.moved([]) == frozenset()

    def test_a_stream_stands_only_once(self, store: EventStore) -> None:
        with pytest.raises(ValueError, match="only once"):
            store.append_many([Write(A, 0, deposits(1)), Write(A, 0, deposits(2))])


class TestSizes:
    def test_above_400_kb_a_commit_is_split_and_stays_one(self, store: EventStore) -> None:
        first = store.append(A, 0, bulk(1000, 1000), commit_id="x")
        store.append(A, first.head, deposits(1001))

        assert sum(commit.commit_id == "x" for commit in store.commits(A)) > 1
        assert amounts(store, A) == list(range(1, 1002))
        assert amounts(store, A, after=499, to_version=600) == list(range(500, 601))
        assert store.load(A, since=first.head).head.version == 1001
        assert tuple(store.load(A).events[:1000]) == first.events

    def test_an_item_may_be_filled_to_the_brim(self, store: EventStore) -> None:
        store.append(A, 0, deposits(1, note=noise(530_000)))

        assert amounts(store, A) == [1]

    @pytest.mark.parametrize(("count", "size"), [(1, 560_000), pytest.param(5000, 1500, marks=lengthy)])
    def test_too_large_a_commit_writes_nothing(self, store: EventStore, count: int, size: int) -> None:
        with pytest.raises(CommitTooLarge):
            store.append(A, 0, bulk(count, size))
        assert store.get_stream_version(A) == 0

    def test_too_many_streams_write_nothing(self, store: EventStore) -> None:
        streams = [account(str(number)) for number in range(101)]

        with pytest.raises(CommitTooLarge):
            store.append_many([Write(stream, 0, deposits(1)) for stream in streams])
        assert store.get_stream_version(streams[0]) == 0


class TestRead:
    def test_it_is_known_which_streams_exist(self, store: EventStore) -> None:
        streams = [StreamId("acme", "account", f"a{number}") for number in range(230)]
        there = streams[::23]
        for stream in there:
            store.append(stream, 0, deposits(1, 2))
            store.append(stream, 2, deposits(3))

        assert store.existing(streams) == set(there)
        assert store.existing([]) == set()

    def test_a_stream_that_is_not_there_is_empty(self, store: EventStore) -> None:
        assert list(store.read(A)) == []
        assert store.head(A) == StreamHead.empty(A)
        assert store.load(A).head == StreamHead.empty(A)

    @pytest.mark.parametrize(
        ("after", "last"),
        [(0, None), (0, 7), (3, None), (5, 6), (6, 6), (6, 12), (12, None), (11, 40), (40, None), (-1, 2)],
    )
    def test_any_span_of_versions(self, store: EventStore, after: int, last: int | None) -> None:
        fill(store, A, commits=4, size=3)

        read = [event.version for event in store.read(A, after, to_version=last)]
        assert read == [version for version in range(1, 13) if version > after and version <= (last or 12)]

    def test_the_version_read_last_is_where_the_next_read_continues(self, store: EventStore) -> None:
        fill(store, A, commits=4, size=3)

        first = list(store.read(A, to_version=5))
        assert first + list(store.read(A, first[-1].version)) == list(store.read(A))

    def test_more_than_a_page_is_read_to_the_end(self, store: EventStore) -> None:
        head = StreamHead.empty(A)
        for number in range(12):
            head = store.append(A, head, deposits(number, note=noise(200_000, seed=number))).head

        assert amounts(store, A) == list(range(12))
        assert [amount_of(event) for event in store.load(A).events] == list(range(12))
        assert store.load(A, since=StreamHead.empty(A)).head == head

    def test_many_commits_are_loaded_to_the_beginning(self, store: EventStore) -> None:
        head = fill(store, A, commits=140)

        loaded = store.load(A)
        assert loaded.head == head
        assert [amount_of(event) for event in loaded.events] == list(range(1, 141))

    def test_only_the_news_are_loaded(self, store: EventStore) -> None:
        seen = fill(store, A, commits=3)
        head = store.append(A, seen, deposits(4, 5)).head

        assert [amount_of(event) for event in store.load(A, since=seen).events] == [4, 5]
        assert store.load(A, since=head) == Loaded(head, None, (), RecordedEvents())

    def test_an_unknown_event_type_is_named(self, engine: Engine, store: EventStore) -> None:
        store.append(A, 0, [Withdrawn(amount=1)])

        with pytest.raises(UnknownEventType, match="Withdrawn"):
            list(engine.store(EventRegistry([Deposited])).read(A))

    def test_a_newer_schema_version_is_named_and_an_older_one_lifted(self, engine: Engine, store: EventStore) -> None:
        newer = type("Deposited", (Deposited,), {"schema_version": 2, "__annotations__": {}})
        lift = Upcaster("Deposited", 1, lambda data: {**data, "note": "lifted"})
        renewed = engine.store(EventRegistry([newer], [lift]))
        head = store.append(A, 0, deposits(1)).head
        renewed.append(A, head, [newer(amount=2, note="new")])

        assert [event.payload.model_dump()["note"] for event in renewed.read(A)] == ["lifted", "new"]
        with pytest.raises(UnsupportedSchemaVersion, match="Deposited has schema version 2"):
            list(store.read(A))


class TestSnapshots:
    @staticmethod
    def at(head: StreamHead, state_version: int = 1, state: str = '{"balance":3}') -> Snapshot:
        return Snapshot(head.stream, head.version, head.digest, state_version, state)

    def test_a_fitting_one_stands_for_what_came_before(self, store: EventStore) -> None:
        head = fill(store, A, commits=3, size=2)
        store.save_snapshot(self.at(head))
        store.append(A, head, deposits(7))

        loaded = store.load(A, state_version=1)

        assert loaded.snapshot == self.at(head)
        assert [event.version for event in loaded.events] == [7]
        assert store.load(A).snapshot is None
        assert amounts(store, A) == [1, 2, 3, 4, 5, 6, 7]

    def test_the_newest_that_fits_is_taken(self, store: EventStore) -> None:
        first = fill(store, A, commits=2)
        second = store.append(A, first, deposits(3)).head
        store.save_snapshot(self.at(first))
        store.save_snapshot(self.at(second, state_version=2))

        old, new = store.load(A, state_version=1), store.load(A, state_version=2)

        assert (old.snapshot, [event.version for event in old.events]) == (self.at(first), [3])
        assert (new.snapshot, tuple(new.events), new.head) == (self.at(second, 2), (), second)

    @pytest.mark.parametrize(
        "forge",
        [
            lambda head: Snapshot(A, head.version, "f" * 64, 1, "{}"),
            lambda head: Snapshot(A, head.version - 1, head.digest, 1, "{}"),
            lambda head: Snapshot(A, head.version + 1, head.digest, 1, "{}"),
            lambda head: Snapshot(A, head.version, head.digest, 7, "{}"),
        ],
        ids=["digest", "inside a commit", "ahead", "state version"],
    )
    def test_one_that_does_not_fit_is_passed_over(
        self, store: EventStore, forge: Callable[[StreamHead], Snapshot]
    ) -> None:
        good = fill(store, A, commits=2)
        store.save_snapshot(self.at(good))
        head = store.append(A, good, deposits(3, 4)).head
        store.save_snapshot(forge(head))

        loaded = store.load(A, state_version=1)

        assert loaded.snapshot == self.at(good)
        assert [event.version for event in loaded.events] == [3, 4]
        assert loaded.head == store.head(A) == head

    def test_one_behind_a_part_of_a_commit_is_passed_over(self, store: EventStore) -> None:
        head = store.append(A, 0, bulk(3, 300_000)).head
        part = next(store.commits(A))
        store.save_snapshot(self.at(part.head))

        loaded = store.load(A, state_version=1)
        assert (loaded.snapshot, loaded.head, len(loaded.events)) == (None, head, 3)
