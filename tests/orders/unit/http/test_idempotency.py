"""A request with an idempotency key takes effect once and gets one answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Barrier, Event
from types import SimpleNamespace
from typing import Any

import pytest
from tests.orders.support import plain_routes
from tests.orders.support.http import ITEM, ORDER, Answer, Server, body_of, event, problem
from tests.support.clocks import PATIENCE, ManualClock, no_sleep

from banyan.commands.handler import CLOCK_SKEW, REMEMBERED_COMMITS
from banyan.commands.idempotency import MemoryIdempotency, Record
from banyan.entrypoints.http import idempotency
from banyan.entrypoints.http.idempotency import WAITS_SECONDS
from banyan.errors import StoreUnavailable
from banyan.http import Router
from banyan.store.memory import MemoryTable

KEY = {"idempotency_key": "key-1"}


class CountedRecords(MemoryIdempotency):
    """Counts its requests, and refuses to conclude when told."""

    def __init__(self) -> None:
        super().__init__()
        self.used: list[str] = []
        self.refuses = False

    def get(self, key: str) -> Record | None:
        self.used.append("get")
        return super().get(key)

    def claim(self, *arguments: Any) -> Record:
        self.used.append("claim")
        return super().claim(*arguments)

    def replace(self, *arguments: Any) -> Record:
        self.used.append("replace")
        if self.refuses:
            raise StoreUnavailable("throttled")
        return super().replace(*arguments)


class Unreliable(MemoryTable):
    """Refuses inserts, before or after they were made, while told so."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = ""

    def insert(self, commits: Any, **checks: Any) -> None:
        if self.refuses == "before":
            raise StoreUnavailable("throttled")
        super().insert(commits, **checks)
        if self.refuses == "after":
            raise StoreUnavailable("no answer")


@pytest.fixture(params=["replayable", "plain"])
def commands(request: pytest.FixtureRequest) -> Router | None:
    """Routes that promise to be replayable, or that promise nothing."""
    return plain_routes.commands if request.param == "plain" else None


@pytest.fixture
def server(commands: Router | None) -> Server:
    return Server(records=CountedRecords(), commands=commands)


def told(answer: Answer) -> tuple[int, str, str | None]:
    return answer["statusCode"], answer["body"], answer["headers"].get("ETag")


def replayed(answer: Answer) -> bool:
    return "Idempotency-Replayed" in answer["headers"]


def test_a_repeat_gets_the_first_answer(server: Server) -> None:
    first = server.post("/orders", ORDER, **KEY)
    server.post("/orders/o-1/items", ITEM)
    again = server.post("/orders", ORDER, X_Correlation_Id="repeat", **KEY)
    assert told(again) == told(first) == (201, first["body"], '"1"')
    assert (replayed(first), replayed(again)) == (False, True)
    assert again["headers"]["X-Correlation-Id"] == "repeat"
    assert server.commits() == 2


def test_it_costs_a_write_and_a_repeat_one(server: Server, commands: Router | None) -> None:
    """The answer of a route that promises nothing costs another one."""
    assert isinstance(server.records, CountedRecords)
    server.post("/orders", ORDER, **KEY)
    first = ["claim", "replace"] if commands else ["claim"]
    assert server.records.used == first
    server.post("/orders", ORDER, **KEY)
    assert server.records.used == [*first, "claim"]


def test_an_answer_without_a_commit_costs_a_write_before_and_one_after(server: Server) -> None:
    assert isinstance(server.records, CountedRecords)
    server.post("/orders/o-1/items", ITEM, **KEY)
    assert server.records.used == ["claim", "replace"]
    server.post("/orders/o-1/items", ITEM, **KEY)
    assert server.records.used == ["claim", "replace", "claim"]


def test_without_a_key_nothing_is_remembered(server: Server) -> None:
    server.post("/orders", ORDER)
    server.post("/orders/o-1/items", ITEM)
    server.post("/orders/o-1/items", ITEM)
    assert isinstance(server.records, CountedRecords)
    assert (server.records.used, server.commits()) == ([], 3)


def test_an_order_without_an_id_is_made_once(server: Server) -> None:
    body = {"customerId": "c", "items": [ITEM]}
    ids = {body_of(server.post("/orders", body, **KEY))["orderId"] for _ in range(3)}
    assert len(ids) == 1
    assert server.commits(ids.pop()) == 1


def test_a_rejection_is_final_too(server: Server) -> None:
    refused = server.post("/orders/o-1/items", ITEM, **KEY)
    assert problem(refused) == (404, "order_not_found")
    server.post("/orders", ORDER)
    again = server.post("/orders/o-1/items", ITEM, **KEY)
    assert told(again) == told(refused)
    assert replayed(again)
    assert server.commits() == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/orders/o-1/items", {**ITEM, "quantity": 3}),
        ("/orders/o-2/items", ITEM),
        ("/orders/o-1/pay", {"amount": 5}),
    ],
)
def test_a_key_belongs_to_one_request(server: Server, path: str, body: Any) -> None:
    server.post("/orders", ORDER)
    server.post("/orders/o-1/items", ITEM, **KEY)
    assert problem(server.post(path, body, **KEY)) == (422, "idempotency_key_reused")
    assert server.commits() == 2


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"if_match": '"2"'},
        {"if_match": '"12"'},
        {"x_occurred_at": "2010-12-01T08:26:00Z"},
        {"if_match": '"1"', "x_occurred_at": "2010-12-01T08:26:00Z"},
        {"if_match": '"1"', "query": {"dry": "1"}},
    ],
)
def test_a_key_belongs_to_one_set_of_conditions(server: Server, other: dict[str, Any]) -> None:
    server.post("/orders", ORDER)
    first = server.post("/orders/o-1/items", ITEM, if_match='"1"', **KEY)
    assert first["statusCode"] == 200
    assert problem(server.post("/orders/o-1/items", ITEM, **other, **KEY)) == (422, "idempotency_key_reused")
    assert told(server.post("/orders/o-1/items", ITEM, if_match='"1"', **KEY)) == told(first)
    assert server.commits() == 2


def test_a_conflict_is_not_the_answer_to_another_condition(server: Server) -> None:
    server.post("/orders", ORDER)
    assert problem(server.post("/orders/o-1/items", ITEM, if_match='"7"', **KEY)) == (412, "version_conflict")
    assert problem(server.post("/orders/o-1/items", ITEM, if_match='"1"', **KEY)) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("spelled", [{"If_Match": ' "1" '}, {"IF_MATCH": '"01"'}])
def test_equal_conditions_may_be_spelled_otherwise(server: Server, spelled: dict[str, str]) -> None:
    server.post("/orders", ORDER)
    moments = {"x_occurred_at": "2010-12-01T08:26:00Z"}, {"x_occurred_at": "2010-12-01T09:26:00+01:00"}
    first = server.post("/orders/o-1/items", ITEM, if_match='"1"', **moments[0], **KEY)
    again = server.post("/orders/o-1/items", ITEM, **spelled, **moments[1], **KEY)
    assert told(again) == told(first)


def test_a_key_without_conditions_stands_for_what_it_always_stood_for(server: Server) -> None:
    """Keys that are in use outlive a deployment."""
    server.post("/orders/o-1/pay", {"amount": "5"}, **KEY)
    record = server.records.get("acme#key-1")
    assert record is not None
    assert record.fingerprint == sha256(b'user-1 POST /orders/o-1/pay {"amount":"5"}').hexdigest()


def test_a_new_life_of_a_key_makes_a_new_order(commands: Router | None) -> None:
    body = {"customerId": "c", "items": [ITEM]}
    server = Server(commands=commands)
    made: list[str] = []
    for _ in range(3):
        first, again = (server.post("/orders", body, **KEY) for _ in range(2))
        assert (first["statusCode"], told(again)) == (201, told(first))
        made.append(body_of(first)["orderId"])
        server.clock.move(timedelta(hours=24))
    assert len(set(made)) == 3
    assert [server.commits(order) for order in made] == [1, 1, 1]


@pytest.mark.parametrize("refuses", ["before", "after"])
def test_a_crash_does_not_end_the_life_of_a_key(refuses: str, commands: Router | None) -> None:
    body = {"customerId": "c", "items": [ITEM]}
    table = Unreliable()
    server = Server(table=table, commands=commands)
    server.post("/orders", body, **KEY)
    server.clock.move(timedelta(hours=25))
    table.refuses = refuses
    assert problem(server.post("/orders", body, **KEY)) == (503, "unavailable")
    table.refuses = ""
    server.restart()
    server.clock.move(timedelta(hours=23))
    again = server.post("/orders", body, **KEY)
    assert again["statusCode"] == 201
    assert len(list(server.store.streams())) == 2
    assert server.commits(body_of(again)["orderId"]) == 1


def test_the_same_request_may_be_spelled_otherwise(server: Server) -> None:
    first = server.post("/orders", '{"orderId":"o-1","customerId":"c","items":[]}', **KEY)
    again = server.post("/orders", ' {"items": [], "customerId": "\\u0063", "orderId": "o-1"}', **KEY)
    assert told(again) == told(first)


def test_a_key_is_remembered_as_long_as_the_setting_says(commands: Router | None) -> None:
    server = Server(idempotency_hours=48, commands=commands)
    server.post("/orders", ORDER)
    server.post("/orders/o-1/items", ITEM, **KEY)
    server.clock.move(timedelta(hours=47, minutes=59))
    assert replayed(server.post("/orders/o-1/items", ITEM, **KEY))
    server.clock.move(timedelta(minutes=2))
    late = server.post("/orders/o-1/items", ITEM, **KEY)
    assert (late["statusCode"], body_of(late)["version"], replayed(late)) == (200, 3, False)
    events = body_of(server.get("/orders/o-1/events"))["events"]
    assert len({event["eventId"] for event in events}) == 3


@pytest.mark.parametrize("refuses", ["before", "after"])
def test_a_server_error_is_not_final(refuses: str, commands: Router | None) -> None:
    table = Unreliable()
    server = Server(table=table, commands=commands)
    server.post("/orders", ORDER)
    table.refuses = refuses
    assert problem(server.post("/orders/o-1/items", ITEM, **KEY)) == (503, "unavailable")
    table.refuses = ""
    server.restart()
    server.post("/orders/o-1/items", {**ITEM, "sku": "RIVAL"})
    again = server.post("/orders/o-1/items", ITEM, **KEY)
    assert again["statusCode"] == 200
    assert body_of(again)["version"] == (2 if refuses == "after" else 3)
    assert server.commits() == 3


class Buggy(MemoryTable):
    """Fails as no one foresaw, while told so."""

    fails = False

    def insert(self, commits: Any, **checks: Any) -> None:
        if self.fails:
            raise ZeroDivisionError
        super().insert(commits, **checks)


def test_an_error_that_no_one_foresaw_is_not_final_either(commands: Router | None) -> None:
    table = Buggy()
    server = Server(table=table, commands=commands)
    table.fails = True
    assert server.post("/orders", ORDER, **KEY)["statusCode"] == 500
    table.fails = False
    again = server.post("/orders", ORDER, **KEY)
    assert (again["statusCode"], replayed(again)) == (201, False)


class SetBack(MemoryIdempotency):
    """Sets a clock back behind each claim."""

    clock = ManualClock()

    def claim(self, record: Record, now: datetime) -> Record:
        standing = super().claim(record, now)
        self.clock.move(-CLOCK_SKEW / 2)
        return standing


def test_the_commit_of_a_store_whose_clock_is_slow_is_found_by_a_repeat(commands: Router | None) -> None:
    """It was recorded before the request began, by that clock, and lies behind a long history."""

    table, records = Unreliable(), SetBack()
    server = Server(table=table, records=records, commands=commands)
    records.clock = server.clock
    server.post("/orders", ORDER)
    table.refuses = "after"
    assert problem(server.post("/orders/o-1/items", ITEM, **KEY)) == (503, "unavailable")
    table.refuses = ""
    for _ in range(REMEMBERED_COMMITS + 2):
        assert server.post("/orders/o-1/items", ITEM)["statusCode"] == 200
    server.clock.move(timedelta(minutes=5))
    server.restart()
    assert body_of(server.post("/orders/o-1/items", ITEM, **KEY))["version"] == 2
    assert server.commits() == REMEMBERED_COMMITS + 4


class Contended(MemoryTable):
    """Lets a rival in before every insert, as long as there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.rival: Callable[[], object] | None = None

    def insert(self, commits: Any, **checks: Any) -> None:
        rival, self.rival = self.rival, None
        if rival:
            rival()
        self.rival = rival
        super().insert(commits, **checks)


def test_contention_is_not_final(commands: Router | None) -> None:
    table = Contended()
    server, other = Server(table=table, commands=commands), Server(table=table)
    server.post("/orders", ORDER)
    table.rival = lambda: other.post("/orders/o-1/items", ITEM)
    answer = server.post("/orders/o-1/items", ITEM, **KEY)
    table.rival = None
    assert problem(answer) == (409, "version_conflict")
    assert answer["headers"]["Retry-After"] == "1"
    rivals = server.commits()
    again = server.post("/orders/o-1/items", ITEM, **KEY)
    assert (again["statusCode"], body_of(again)["version"]) == (200, rivals + 1)


def test_a_conflict_with_the_version_the_caller_named_is_final(server: Server) -> None:
    server.post("/orders", ORDER)
    server.post("/orders/o-1/items", ITEM)
    stale = server.post("/orders/o-1/items", ITEM, if_match='"1"', **KEY)
    assert problem(stale) == (412, "version_conflict")
    assert replayed(server.post("/orders/o-1/items", ITEM, if_match='"1"', **KEY))


@pytest.mark.parametrize("body", [ORDER, {"customerId": "c", "items": [ITEM]}])
def test_an_answer_that_cannot_be_kept_is_given_all_the_same(body: Any) -> None:
    server = Server(records=CountedRecords(), commands=plain_routes.commands)
    assert isinstance(server.records, CountedRecords)
    server.records.refuses = True
    first = server.post("/orders", body, **KEY)
    assert first["statusCode"] == 201
    server.records.refuses = False
    server.clock.move(timedelta(seconds=20))
    server.restart()
    again = server.post("/orders", body, **KEY)
    assert (told(again), replayed(again)) == (told(first), False)
    assert len(list(server.store.streams())) == server.commits(body_of(first)["orderId"]) == 1


class Held(MemoryTable):
    """Holds its first insert until told to continue."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.go_on = Event(), Event()

    def insert(self, commits: Any, **checks: Any) -> None:
        if not self.arrived.is_set():
            self.arrived.set()
            assert self.go_on.wait(PATIENCE)
        super().insert(commits, **checks)


def test_a_repeat_waits_for_the_first_to_finish(commands: Router | None) -> None:
    table = Held()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        table.go_on.set()
        first.result(PATIENCE)

    server = Server(table=table, sleep=sleep, commands=commands)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.post, "/orders", ORDER, **KEY)
        assert table.arrived.wait(PATIENCE)
        again = server.post("/orders", ORDER, **KEY)
    assert told(again) == told(first.result())
    assert (replayed(again), len(waits), server.commits()) == (True, 1, 1)


def test_a_repeat_gives_up_waiting_after_a_while(commands: Router | None) -> None:
    table = Held()
    waits: list[float] = []
    server = Server(table=table, sleep=waits.append, commands=commands)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.post, "/orders", ORDER, **KEY)
        assert table.arrived.wait(PATIENCE)
        again = server.post("/orders", ORDER, **KEY)
        other = server.post("/orders", {**ORDER, "customerId": "other"}, **KEY)
        table.go_on.set()
    assert problem(again) == (409, "request_in_progress")
    assert again["headers"]["Retry-After"] == "1"
    assert (sum(waits), max(waits)) == (sum(WAITS_SECONDS), 1.6)
    assert problem(other) == (422, "idempotency_key_reused")
    assert first.result()["statusCode"] == 201


def test_one_that_outlives_its_lease_does_no_harm(commands: Router | None) -> None:
    """The first attempt stalls before its insert, a repeat takes over and finishes, then the first continues."""
    table = Held()
    server = Server(table=table, commands=commands)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.post, "/orders", ORDER, **KEY)
        assert table.arrived.wait(PATIENCE)
        server.clock.move(timedelta(seconds=20))
        again = server.post("/orders", ORDER, **KEY)
        table.go_on.set()
    assert told(first.result()) == told(again)
    assert server.commits() == 1


class Died(BaseException):
    """The process ends in the middle of its work."""


class Deadly(MemoryTable):
    """Whoever inserts dies, and leaves its claim."""

    def insert(self, commits: Any, **checks: Any) -> None:  # noqa: ARG002
        raise Died


@pytest.mark.parametrize("seconds", [10, 29])
def test_a_claim_holds_for_longer_than_an_invocation_may_run_also_one_that_was_taken_over(seconds: int) -> None:
    """Counted from when it was claimed or taken over, not from the first request."""
    server = Server(table=Deadly(), sleep=no_sleep)
    request = event("POST", "/orders", ORDER, idempotency_key="key-1")
    invocation = SimpleNamespace(get_remaining_time_in_millis=lambda: seconds * 1000)
    for _ in range(3):
        with pytest.raises(Died):
            server.commands(request, invocation)
        server.clock.move(timedelta(seconds=seconds))
        assert problem(server.commands(request, invocation)) == (409, "request_in_progress")
        server.clock.move(timedelta(seconds=2))


def test_many_at_once_take_effect_once(commands: Router | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAITS_SECONDS", [0.1] * int(10 * PATIENCE))
    for _ in range(5):
        server = Server(sleep=time.sleep, commands=commands)
        server.post("/orders", ORDER)
        start = Barrier(8, timeout=PATIENCE)

        def send(_: int, server: Server = server, start: Barrier = start) -> Answer:
            start.wait()
            return server.post("/orders/o-1/items", ITEM, **KEY)

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))
        assert {told(answer) for answer in answers} == {told(answers[0])}
        assert answers[0]["statusCode"] == 200
        assert sum(not replayed(answer) for answer in answers) == 1
        assert server.commits() == 2


def test_an_answer_too_large_to_keep_is_given_all_the_same(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: Any) -> Record:
        raise ValueError("the item is above 400 KB")

    monkeypatch.setattr(server.records, "replace", too_large)

    assert server.post("/orders", ORDER, **KEY)["statusCode"] == 201


def test_a_key_belongs_to_the_caller_who_used_it(server: Server) -> None:
    server.post("/orders", ORDER, **KEY)
    answer = server.post("/orders", ORDER, claims={"sub": "user-2", "tenant": "acme"}, **KEY)

    assert problem(answer) == (422, "idempotency_key_reused")


def test_a_body_with_countless_faults_gets_a_short_answer(server: Server) -> None:
    answer = server.post("/orders", {**ORDER, "items": [{}] * 3000}, **KEY)

    assert problem(answer) == (422, "invalid_input")
    assert len(answer["body"]) < 5_000
