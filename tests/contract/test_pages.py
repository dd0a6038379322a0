"""Pages of sorted rows: joined they are the whole, in both directions, whatever is inserted meanwhile."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
from tests.contract.test_views import state, step
from tests.support.clocks import EVERYTHING, ManualClock, only_on_the_exact_engine
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.ledger import REGISTRY, account, deposits

from banyan.errors import InvalidCursor, ReadModelLagging, VersionNotReached
from banyan.projections.base import Add, ViewProjection
from banyan.projections.pages import NEWEST_FIRST, Page, SortOrder, SortRange, make_cursor
from banyan.projections.views import Generation, ViewRow, Views
from banyan.queries import POLL_MS, Queries

SALES, COSTS = (ViewProjection(name, "account", lambda _: ()) for name in ("sales", "costs"))
LIVE = Generation("sales")
PARTS = ("p0", "p1", "p2", "p3")
ROUNDS = 40 if EVERYTHING else 5

Place = tuple[str, str]


class Rows:
    """Rows of a view that queries read page by page; each new row is one more stream's."""

    def __init__(self, engine: Engine, tenant: str = "acme") -> None:
        self.views, self.store, self.tenant, self.streams = engine.views(), engine.store(REGISTRY), tenant, count()
        self.waits: list[float] = []
        self.catches_up: Callable[[], None] = lambda: None
        self.queries = Queries(self.store, self.views, wait_ms=100, clock=ManualClock(), sleep=self._sleep)

    def add(self, places: Sequence[Place]) -> None:
        writes = [Add(partition, sort, {"n": 1}) for partition, sort in places]
        self.views.update(LIVE, [step(account(f"s{next(self.streams)}", self.tenant), 0, writes)], ManualClock().now)

    def page(self, *range: Any, **options: Any) -> Page[ViewRow]:
        return self.queries.rows(SALES, self.tenant, PARTS, *range, **options).value

    def joined(self, *range: Any, sizes: Callable[[], int], between: Callable[[], None], **options: Any) -> list[Place]:
        """All pages, each of another size."""
        seen: list[Place] = []
        cursor: str | None = None
        while True:
            page = self.page(*range, limit=sizes(), cursor=cursor, **options)
            seen += places(page)
            cursor = page.cursor
            if cursor is None:
                return seen
            between()

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.catches_up()


def places(rows: Sequence[ViewRow]) -> list[Place]:
    return [(row.partition, row.sort) for row in rows]


def within(found: Sequence[Place], first: str, last: str | None, order: SortOrder) -> list[Place]:
    """What a query is to find, computed the slow way."""
    inside = [place for place in found if place[1] >= first and (last is None or place[1] <= last)]
    return sorted(set(inside), reverse=order == "descending")


def made_up(source: random.Random, most: int) -> list[Place]:
    letters = "aZ0é-#%\U0001f333"
    sorts = ["".join(source.choices(letters, k=source.randrange(4))) for _ in range(source.randrange(most))]
    return sorted({(source.choice(PARTS), sort) for sort in sorts})


@pytest.fixture
def rows(memory: Engine) -> Rows:
    return Rows(memory)


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_pages_joined_are_the_whole_and_miss_or_double_nothing_that_stood(engine: Engine, order: SortOrder) -> None:
    only_on_the_exact_engine(engine.name)
    for seed in range(ROUNDS):
        source, rows = random.Random(seed), Rows(engine, f"t{seed}")
        standing = made_up(source, 60)
        rows.add(standing)
        first, last = source.choice([("", None), ("0", "a"), ("Z", None), ("", "é"), ("b", "a")])
        sizes = partial(source.randint, 1, 7)
        expected = within(standing, first, last, order)
        assert places(rows.page(first, last, order=order)) == expected
        assert rows.joined(first, last, order=order, sizes=sizes, between=lambda: None) == expected

        inserting = partial(insert, rows, source)
        found = rows.joined(first, last, order=order, sizes=sizes, between=inserting)
        assert found == sorted(set(found), reverse=order == "descending")
        assert [place for place in found if place in standing] == expected


def insert(rows: Rows, source: random.Random) -> None:
    rows.add(made_up(source, 8))


def test_a_page_that_ends_the_list_has_no_cursor(rows: Rows) -> None:
    rows.add([("p0", "a"), ("p0", "b"), ("p3", "c")])
    assert rows.page(limit=3).cursor is None
    assert rows.page(limit=2).cursor is not None
    assert rows.page().cursor is None
    assert list(rows.page("x", limit=1)) == []


def test_a_cursor_fits_its_own_query_only(rows: Rows) -> None:
    rows.add([("p0", "a"), ("p0", "b"), ("p1", "c")])
    cursor = rows.page("a", "c", limit=1).cursor
    assert cursor
    assert places(rows.page("a", "c", limit=5, cursor=cursor)) == [("p0", "b"), ("p1", "c")]
    for range, options in [(("a", "b"), {}), (("",), {}), (("a", "c"), {"order": "descending"})]:
        with pytest.raises(InvalidCursor, match="another list"):
            rows.page(*range, limit=1, cursor=cursor, **options)
    for projection, tenant, partitions in [
        (SALES, "globex", PARTS),
        (SALES, "acme", PARTS[:2]),
        (COSTS, "acme", PARTS),
    ]:
        with pytest.raises(InvalidCursor, match="another list"):
            rows.queries.rows(projection, tenant, partitions, "a", "c", limit=1, cursor=cursor)


@pytest.mark.parametrize(("partition", "sort"), [("p9", "b"), ("p0", "d"), ("p0", ""), ("p0", "b" * 2000)])
def test_a_place_that_was_made_up_is_refused(rows: Rows, partition: str, sort: str) -> None:
    """Anyone can compute what binds a cursor to its query: it keeps mistakes out, not intent."""
    query = ["sales@1", "acme", list(PARTS), "a", "c", "ascending"]
    with pytest.raises(InvalidCursor):
        rows.page("a", "c", limit=1, cursor=make_cursor(query, partition, sort))


@pytest.mark.parametrize("cursor", ["x", "%%%", "WzFd", "bnVsbA==", "é", "WzEsMiwzXQ==", "e30=", "Ilx1ZDgwMCI="])
def test_a_damaged_cursor_is_refused(rows: Rows, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        rows.page(limit=1, cursor=cursor)


def test_a_page_is_one_query_for_each_partition_it_touches(dynamodb: DynamoDBEngine) -> None:
    rows = Rows(dynamodb)
    rows.add([(part, f"{number:02}") for part in PARTS for number in range(20)])
    for limit, order, queries in [(5, "ascending", 1), (5, "descending", 1), (30, "descending", 2)]:
        dynamodb.wire.clear()
        assert len(rows.page(limit=limit, order=order)) == limit
        assert dynamodb.wire.sent == ["Query"] * queries


class TestLookups:
    """Lists of streams: as above, though many rows may have the same sort, with which any page may end."""

    RANGES = (("", None), ("b", "d"), ("b", None), ("", "c"), ("c", "c"), ("d", "b"))

    @pytest.mark.parametrize("order", ["ascending", "descending"])
    def test_pages_joined_are_the_whole_and_miss_or_double_nothing_that_stood(
        self, engine: Engine, order: SortOrder
    ) -> None:
        only_on_the_exact_engine(engine.name)
        for seed, (first, last) in enumerate(self.RANGES * (ROUNDS // 5)):
            source, listed = random.Random(seed), AccountList(engine.views(), f"t{seed}", SortRange(first, last, order))
            listed.add(source, 25)
            standing = listed.expected()
            assert sorted(listed.joined(source, between=lambda: None)) == standing
            found = listed.joined(source, between=partial(listed.add, source, 3))
            sorts = [sort for sort, _ in found]
            assert sorts == sorted(sorts, reverse=order == "descending")
            assert len(set(found)) == len(found)
            assert set(standing) <= set(found) <= set(listed.expected())

    def test_a_cursor_fits_its_own_list_only(self, memory: Engine) -> None:
        views = memory.views()
        for name in ("anna", "ben"):
            views.put_state(LIVE, state(account(name), 1, on1=("open", name), on2=("open", name)), 0)
        wanted = SortRange("a", "z")
        cursor = views.lookup(LIVE, "acme", 1, "open", 1, wanted=wanted).cursor
        assert [row.stream.id for row in views.lookup(LIVE, "acme", 1, "open", 1, cursor, wanted).rows] == ["ben"]
        for index, other in [(2, wanted), (1, NEWEST_FIRST), (1, SortRange("a", "y")), (1, replace(wanted, first=""))]:
            with pytest.raises(InvalidCursor, match="another list"):
                views.lookup(LIVE, "acme", index, "open", 1, cursor, other)

    @pytest.mark.parametrize(
        "place",
        [
            ("zz", "acme:account:anna", "-"),
            ("b" * 2000, "acme:account:anna", "-"),
            ("b", "globex:account:anna", "-"),
            ("b", "no stream", "-"),
            ("b", "acme:account:anna", ""),
            ("b", "acme:account:anna", "-" * 2000),
            ("b", "acme:account:anna"),
        ],
    )
    def test_a_place_that_was_made_up_is_refused(self, memory: Engine, place: tuple[str, ...]) -> None:
        cursor = make_cursor(["sales@1", "acme", 1, "open", "a", "z", "ascending"], *place)
        with pytest.raises(InvalidCursor):
            memory.views().lookup(LIVE, "acme", 1, "open", 1, cursor, SortRange("a", "z"))

    def test_a_cursor_from_before_lists_had_ranges_still_continues_its_list(self, engine: Engine) -> None:
        views = engine.views()
        for name in ("anna", "ben", "carl"):
            views.put_state(LIVE, state(account(name), 1, on1=("open", name)), 0)
        cursor = urlsafe_b64encode(b'["sales@1#acme#open",":carl","sales@1#acme:account:carl"]').decode()
        page = views.lookup(LIVE, "acme", 1, "open", 1, cursor)
        assert [row.stream.id for row in page.rows] == ["ben"]
        assert [row.stream.id for row in views.lookup(LIVE, "acme", 1, "open", 1, page.cursor).rows] == ["anna"]
        with pytest.raises(InvalidCursor):
            views.lookup(LIVE, "acme", 1, "open", 1, cursor, SortRange("a", "z"))


class AccountList:
    """Accounts in one list, and what a range of it is to hold."""

    def __init__(self, views: Views, tenant: str, wanted: SortRange) -> None:
        self.views, self.tenant, self.wanted = views, tenant, wanted
        self.sorts: dict[str, str] = {}

    def add(self, source: random.Random, count: int) -> None:
        for _ in range(count):
            name, sort = f"s{source.randrange(10**9)}", source.choice(["", "a", "b", "c", "d", "é"])
            self.views.put_state(LIVE, state(account(name, self.tenant), 1, on1=("open", sort)), 0)
            self.sorts[name] = sort

    def expected(self) -> list[Place]:
        first, last = self.wanted.first, self.wanted.last
        return sorted(
            (sort, name) for name, sort in self.sorts.items() if sort >= first and (last is None or sort <= last)
        )

    def joined(self, source: random.Random, between: Callable[[], None]) -> list[Place]:
        """All pages, each of another size."""
        seen: list[Place] = []
        cursor: str | None = None
        while True:
            page = self.views.lookup(LIVE, self.tenant, 1, "open", source.randint(1, 5), cursor, self.wanted)
            seen += [(row.lookups[1][1], row.stream.id) for row in page.rows]
            cursor = page.cursor
            if cursor is None:
                return seen
            between()


class TestMinVersions:
    """Rows of a view at the versions that a caller asks for, or a refusal: never older rows."""

    ANNA, BEN = account("anna"), account("ben")

    @pytest.fixture
    def anna(self, rows: Rows) -> Rows:
        rows.store.append(self.ANNA, 0, deposits(1))
        return rows

    def apply(self, rows: Rows) -> None:
        rows.views.update(LIVE, [step(self.ANNA, 0, [Add("p0", "a", {"n": 1})])], ManualClock().now)

    def test_rows_that_show_them_come_at_once(self, anna: Rows) -> None:
        self.apply(anna)
        assert places(anna.page(min_versions={self.ANNA: 1, self.BEN: 0})) == [("p0", "a")]
        assert not anna.waits

    def test_rows_are_waited_for(self, anna: Rows) -> None:
        anna.catches_up = lambda: self.apply(anna)
        assert places(anna.page(min_versions={self.ANNA: 1})) == [("p0", "a")]
        assert anna.waits == [POLL_MS / 1000]

    def test_rows_that_lag_are_not_served(self, anna: Rows) -> None:
        anna.store.append(self.ANNA, 1, deposits(1))
        self.apply(anna)
        with pytest.raises(ReadModelLagging) as refused:
            anna.page(min_versions={self.ANNA: 2})
        assert (refused.value.stream, refused.value.expected, refused.value.actual) == (self.ANNA, 2, 1)
        assert sum(anna.waits) == pytest.approx(0.1)

    def test_a_version_that_is_not_there_is_not_waited_for(self, anna: Rows) -> None:
        for stream, version, actual in [(self.ANNA, 2, 1), (self.BEN, 1, 0)]:
            with pytest.raises(VersionNotReached) as refused:
                anna.page(min_versions={self.ANNA: 1, stream: version})
            assert (refused.value.expected, refused.value.actual) == (version, actual)
        assert not anna.waits

    def test_any_number_of_streams_is_one_read_more(self, dynamodb: DynamoDBEngine) -> None:
        rows = Rows(dynamodb)
        streams = [account(f"a{number}") for number in range(20)]
        rows.views.update(LIVE, [step(stream, 0, []) for stream in streams], ManualClock().now)
        dynamodb.wire.clear()
        rows.page(min_versions=dict.fromkeys(streams, 1), limit=1)
        assert dynamodb.wire.sent == ["BatchGetItem", *["Query"] * len(PARTS)]
