"""``/health`` and ``/openapi.json``, which anyone may call, make next to no work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from tests.orders.support.http import CONTEXT, Server, event, problem
from tests.support.clocks import PATIENCE, ManualClock, wait_until

from banyan.entrypoints.http import openapi
from banyan.entrypoints.http.health import KEPT, HealthCheck
from banyan.errors import StoreUnavailable
from banyan.projections.memory import MemoryViews


class Tables:
    """A table that counts its reads, and answers as it is set."""

    def __init__(self) -> None:
        self.reads = 0
        self.fails = False
        self.answers = Event()
        self.answers.set()

    def read(self) -> None:
        self.reads += 1
        assert self.answers.wait(PATIENCE)
        if self.fails:
            raise StoreUnavailable("throttled")


@pytest.fixture
def table() -> Tables:
    return Tables()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def check(table: Tables, clock: ManualClock) -> HealthCheck:
    return HealthCheck({"events": table.read}, clock, limit=timedelta(seconds=PATIENCE))


def test_a_failure_that_is_kept_does_not_grow(check: HealthCheck, table: Tables) -> None:
    """Each line of the log has the place of its error."""
    table.fails = True
    places = []
    for _ in range(5):
        with pytest.raises(StoreUnavailable, match="the events table does not answer") as failure:
            check()
        places.append(len(failure.traceback))
    assert (places, table.reads) == ([places[0]] * 5, 1)


class CountedViews(MemoryViews):
    """Counts its reads."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def states(self, *arguments: Any) -> Any:
        self.reads += 1
        return super().states(*arguments)


def test_a_hundred_requests_read_the_tables_once() -> None:
    views = CountedViews()
    server = Server(views=views)
    answers = [server.get("/health", tenant=None, query={"fresh": number}) for number in range(100)]
    assert {answer["statusCode"] for answer in answers} == {200}
    assert views.reads == 1
    server.clock.move(KEPT)
    server.get("/health", tenant=None)
    assert views.reads == 2


@pytest.mark.parametrize("path", ["/health", "/openapi.json"])
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_read_nothing(monkeypatch: pytest.MonkeyPatch, path: str, method: str) -> None:
    views = CountedViews()
    server = Server(views=views)
    monkeypatch.setattr(openapi, "document", lambda *_: pytest.fail("rendered"))
    assert problem(server.queries(event(method, path, tenant=None), CONTEXT)) == (404, "not_found")
    assert problem(server.commands(event(method, path, tenant=None), CONTEXT)) == (401, "unauthorized")
    assert views.reads == 0


def test_the_document_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[None] = []

    def document(*_: Any) -> str:
        rendered.append(None)
        return "{}"

    monkeypatch.setattr(openapi, "document", document)
    server = Server()
    for number in range(20):
        assert server.get("/openapi.json", tenant=None, query={"n": number})["body"] == "{}"
    assert len(rendered) == 1


def test_a_failure_is_kept_as_long_as_a_success(check: HealthCheck, table: Tables, clock: ManualClock) -> None:
    table.fails = True
    for _ in range(10):
        with pytest.raises(StoreUnavailable):
            check()
    table.fails = False
    with pytest.raises(StoreUnavailable):
        check()
    assert table.reads == 1
    clock.move(KEPT)
    assert check() == ["events"]
    assert table.reads == 2


def test_a_clock_that_is_set_back_ends_what_is_kept(check: HealthCheck, table: Tables, clock: ManualClock) -> None:
    check()
    clock.move(timedelta(hours=-1))
    check()
    assert table.reads == 2


def test_those_that_ask_at_the_same_time_wait_for_one_check(check: HealthCheck, table: Tables) -> None:
    table.answers.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(check) for _ in range(8)]
        wait_until(lambda: table.reads, "the check to begin")
        table.answers.set()
        assert [each.result(PATIENCE) for each in asked] == [["events"]] * 8
    assert table.reads == 1


def test_a_check_that_hangs_is_given_up_and_joined_by_no_other(table: Tables, clock: ManualClock) -> None:
    check = HealthCheck({"events": table.read}, clock, limit=timedelta(0))
    table.answers.clear()
    for _ in range(10):
        with pytest.raises(StoreUnavailable):
            check()
        clock.move(KEPT * 2)
    assert table.reads <= 1
    table.answers.set()
    wait_until(lambda: _answered(check), "a check after the one that hung")
    assert table.reads == 2


def _answered(check: HealthCheck) -> bool:
    try:
        return check() == ["events"]
    except StoreUnavailable:
        return False


def test_an_unavailable_table_is_said_as_such() -> None:
    class Broken(MemoryViews):
        def states(self, *_: Any) -> Any:
            raise StoreUnavailable("throttled")

    server = Server(views=Broken())
    assert problem(server.get("/health", tenant=None)) == (503, "unavailable")
