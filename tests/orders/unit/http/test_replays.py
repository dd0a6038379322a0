"""The answer of a route that takes a ``ReplayableCall`` is not kept: its commit gives it again, byte for byte."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.orders.support import plain_routes
from tests.orders.support.http import CONTEXT, ITEM, ORDER, Answer, Server, body_of, event, problem
from tests.support.clocks import PATIENCE, ManualClock, no_sleep
from tests.support.ledger import ACCOUNTS, Deposited, account
from tests.support.transfers import DIRECTORIES, TRANSFER, TRANSFER_REGISTRY, Transfer

from banyan.commands import handler
from banyan.commands.idempotency import MemoryIdempotency
from banyan.domain import Domain
from banyan.entrypoints.http.api import Api
from banyan.entrypoints.http.call import routes_of
from banyan.entrypoints.http.idempotency import IdempotentRequests
from banyan.entrypoints.http.openapi import routers
from banyan.errors import Conflict, StoreUnavailable
from banyan.events import CamelModel
from banyan.http import CurrentCall, ReplayableCall, Router
from banyan.store import EventStore
from banyan.store.base import Expected
from banyan.store.eventstore import write_snapshot
from banyan.store.memory import MemoryTable
from orders.commands import PayOrder
from orders.routes import pay_order

DOMAINS = "orders, banyan_tools.new.domain"


@dataclass(frozen=True)
class Example:
    """A request, and what goes before and after it on its stream."""

    route: str
    path: str
    body: Any
    before: tuple[tuple[str, Any], ...]
    after: tuple[tuple[str, Any], ...]


CREATED, MORE = ("/orders", ORDER), ("/orders/o-1/items", {**ITEM, "sku": "B", "price": "0.125"})
PAID, CANCELLED = ("/orders/o-1/pay", {"amount": "5"}), ("/orders/o-1/cancel", {"reason": "späť"})
OPENED = ("/tasks/t-1", {"title": "Žltý kôň"})
FINISHED: tuple[str, Any] = ("/tasks/t-1/finish", {})
RECEIVED = ("/inventory/A/receive", {"quantity": 5})
EXAMPLES = [
    Example("/orders", *CREATED, (), (MORE, MORE, CANCELLED)),
    Example("/orders/<orderId>/items", *MORE, (CREATED,), (MORE, MORE, CANCELLED)),
    Example("/orders/<orderId>/pay", *PAID, (CREATED,), (CANCELLED,)),
    Example("/orders/<orderId>/cancel", *CANCELLED, (CREATED, MORE), ()),
    Example("/inventory/<sku>/receive", *RECEIVED, (RECEIVED,), (RECEIVED, RECEIVED)),
    Example("/tasks/<taskId>", *OPENED, (), (FINISHED,)),
    Example("/tasks/<taskId>/finish", *FINISHED, (OPENED,), ()),
]


def told(answer: Answer) -> Any:
    """All of an answer but what names this very request."""
    own = {"X-Correlation-Id", "Idempotency-Replayed"}
    return {**answer, "headers": {name: value for name, value in answer["headers"].items() if name not in own}}


def replayed(answer: Answer) -> bool:
    return "Idempotency-Replayed" in answer["headers"]


def commits(server: Server) -> int:
    return sum(len(list(server.store.commits(stream))) for stream in server.store.streams())


def snapshots(server: Server) -> None:
    """Hide everything so far behind snapshots."""
    for stream in server.store.streams():
        write_snapshot(server.store, server.application.domain.decider(stream.entity), stream)


def test_every_command_of_these_domains_is_tried() -> None:
    commands = routers(Server(domains=DOMAINS).application.domain)[0]
    assert {path for router in commands for path, _ in routes_of(router)} == {example.route for example in EXAMPLES}


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.route)
def test_a_repeat_is_equal_though_its_stream_moved_on(example: Example, restarts: bool) -> None:
    server = Server(domains=DOMAINS)
    for path, body in example.before:
        assert server.post(path, body)["statusCode"] < 300
    first = server.post(example.path, example.body, idempotency_key="k")
    for path, body in example.after:
        assert server.post(path, body)["statusCode"] < 300
    snapshots(server)
    server.clock.move(timedelta(hours=23))
    if restarts:
        server.restart()
    made = commits(server)
    repeats = [server.post(example.path, example.body, idempotency_key="k") for _ in range(2)]
    assert first["statusCode"] in (200, 201)
    assert [told(again) for again in repeats] == [told(first)] * 2
    assert (replayed(first), *map(replayed, repeats)) == (False, True, True)
    assert commits(server) == made
    record = server.records.get("acme#k")
    assert record
    assert record.answer is None


PRICES = st.decimals("0.0001", "99999.9999", places=4).map(str)
NAMES = st.sampled_from(["c-1", "Kôň & synovia", "東京", "a+b@example.org"])
LINES = st.fixed_dictionaries(
    {"sku": st.sampled_from(["A", "B C", "#%"]), "quantity": st.integers(1, 3), "price": PRICES}
)
REQUESTS = st.one_of(
    st.tuples(
        st.just("/orders"),
        st.fixed_dictionaries({"customerId": NAMES, "items": st.lists(LINES, min_size=1, max_size=3)}).flatmap(
            lambda body: st.sampled_from([body, {**body, "orderId": "o-1"}, {**body, "orderId": "o-2"}])
        ),
    ),
    st.tuples(st.just("/orders/o-1/items"), LINES),
    st.tuples(st.just("/orders/o-1/pay"), st.fixed_dictionaries({"amount": PRICES})),
    st.tuples(st.just("/orders/o-1/cancel"), st.fixed_dictionaries({"reason": NAMES})),
    st.tuples(st.just("/inventory/A/receive"), st.fixed_dictionaries({"quantity": st.integers(0, 9)})),
    st.tuples(st.just("/tasks/t-1"), st.fixed_dictionaries({"title": NAMES})),
    st.tuples(st.just("/tasks/t-1/finish"), st.just({})),
)


@settings(max_examples=60)
@given(st.lists(REQUESTS, min_size=1, max_size=8), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_whatever_was_answered_is_answered_again(
    requests: list[tuple[str, Any]], restarts: bool, hides: bool, random: Any
) -> None:
    """Accepted or rejected, in any order, after everything else happened."""
    server = Server(domains=DOMAINS, sleep=no_sleep)
    server.post("/orders", ORDER)
    sent = [(path, body, f"key-{number}") for number, (path, body) in enumerate(requests)]
    first = {key: server.post(path, body, idempotency_key=key) for path, body, key in sent}
    made = commits(server)
    if hides:
        snapshots(server)
    if restarts:
        server.restart()
    server.clock.move(timedelta(hours=12))
    random.shuffle(sent)
    for path, body, key in sent:
        again = server.post(path, body, idempotency_key=key)
        assert (told(again), replayed(again)) == (told(first[key]), True)
    assert commits(server) == made


class Forgetful(MemoryTable):
    """Dies right after its next insert, when told."""

    dies = False

    def insert(self, *arguments: Any, **more: Any) -> None:
        super().insert(*arguments, **more)
        if self.dies:
            raise KeyboardInterrupt


def test_a_request_that_died_after_its_commit_is_answered_at_once() -> None:
    """Also while its claim holds: nothing is waited for."""
    table = Forgetful()
    server = Server(table=table, sleep=lambda _: pytest.fail("waited"))
    table.dies = True
    with pytest.raises(KeyboardInterrupt):
        server.post("/orders", ORDER, idempotency_key="k")
    table.dies = False
    server.restart()
    again = server.post("/orders", ORDER, idempotency_key="k")
    assert (again["statusCode"], replayed(again), commits(server)) == (201, True, 1)


def test_what_an_older_version_kept_is_answered_and_the_other_way_round() -> None:
    """While a new version is deployed, both of them answer."""
    server = Server(sleep=no_sleep)
    once = IdempotentRequests(server.records, 24, server.clock, no_sleep)
    older = Api(replace(server.application), plain_routes.commands, once=once)

    def post(api: Api, path: str, key: str) -> Answer:
        return api(event("POST", path, ITEM, idempotency_key=key), CONTEXT)

    server.post("/orders", ORDER)
    kept, unkept = post(older, "/orders/o-1/items", "older"), post(server.commands, "/orders/o-1/items", "newer")
    assert told(post(server.commands, "/orders/o-1/items", "older")) == told(kept)
    busy = post(older, "/orders/o-1/items", "newer")
    assert (problem(busy), busy["headers"]["Retry-After"]) == ((409, "request_in_progress"), "1")
    server.clock.move(timedelta(seconds=20))
    assert told(post(older, "/orders/o-1/items", "newer")) == told(unkept)
    assert told(post(server.commands, "/orders/o-1/items", "newer")) == told(unkept)
    assert commits(server) == 3


def test_a_commit_is_found_behind_more_than_are_kept_in_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "SEARCHED_COMMITS", 5)
    server = Server(cache_size=1)
    server.post("/orders", ORDER)
    first = server.post("/orders/o-1/items", ITEM, idempotency_key="k")
    for _ in range(20):
        server.post("/orders/o-1/items", ITEM)
    snapshots(server)
    server.restart()
    for _ in range(3):
        assert told(server.post("/orders/o-1/items", ITEM, idempotency_key="k")) == told(first)
    assert server.commits() == 22


ODD = Router()


@ODD.post("/orders/<orderId>/twice")
def pay_twice(orderId: str, body: PayOrder, call: ReplayableCall) -> Any:  # noqa: N803
    """Break the promise: more than one command."""
    answer = pay_order(orderId, body, call)
    call.handle(call.stream("order", "other", "orderId"), body, if_match=False)
    return answer


def test_a_request_of_two_commands_is_kept_whatever_its_route_promises() -> None:
    server = Server()
    for name in ("o-1", "other"):
        server.post("/orders", {**ORDER, "orderId": name})
    odd = Server(server.store.table, records=server.records, commands=ODD)
    first = odd.post("/orders/o-1/twice", {"amount": "5"}, idempotency_key="k")
    again = odd.post("/orders/o-1/twice", {"amount": "5"}, idempotency_key="k")
    record = server.records.get("acme#k")
    assert first["statusCode"] == 200
    assert record
    assert record.answer
    assert told(again) == told(first)


class Stalled(MemoryTable):
    """Holds the next insert, when told, until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.go_on, self.holds = Event(), Event(), False

    def insert(self, *arguments: Any, **more: Any) -> None:
        if self.holds:
            self.holds = False
            self.arrived.set()
            assert self.go_on.wait(PATIENCE)
        super().insert(*arguments, **more)


def test_one_that_looks_changes_nothing_while_another_is_at_work() -> None:
    """What it would decide by itself, such as a refusal, is not its answer."""
    table = Stalled()
    server = Server(table=table, sleep=no_sleep)
    server.post("/orders", ORDER)
    table.holds = True
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.post, "/orders/o-1/items", ITEM, idempotency_key="k")
        assert table.arrived.wait(PATIENCE)
        assert server.post("/orders/o-1/cancel", {"reason": "late"})["statusCode"] == 200
        assert problem(server.post("/orders/o-1/items", ITEM, idempotency_key="k")) == (409, "request_in_progress")
        table.go_on.set()
        refused = first.result(PATIENCE)
    assert problem(refused) == (409, "order_cancelled")
    again = server.post("/orders/o-1/items", ITEM, idempotency_key="k")
    assert (told(again), body_of(again)["code"], server.commits()) == (told(refused), "order_cancelled", 2)


def test_a_route_that_promises_nothing_is_not_entered_to_look() -> None:
    """It may do something besides, which happens once while its claim holds."""
    entered: list[str] = []
    careless = Router()

    @careless.post("/orders/<orderId>/pay")
    def charge(orderId: str, body: PayOrder, call: CurrentCall) -> Any:  # noqa: N803
        entered.append(orderId)
        return pay_order(orderId, body, call)

    table = Stalled()
    server = Server(table=table, sleep=no_sleep, commands=careless)
    Server(table).post("/orders", ORDER)
    table.holds = True
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(server.post, "/orders/o-1/pay", {"amount": "5"}, idempotency_key="k")
        assert table.arrived.wait(PATIENCE)
        again = server.post("/orders/o-1/pay", {"amount": "5"}, idempotency_key="k")
        table.go_on.set()
    assert problem(again) == (409, "request_in_progress")
    assert (first.result()["statusCode"], entered) == (200, ["o-1"])


class Unreadable(MemoryTable):
    """Answers no query, when told."""

    fails = False

    def forward(self, *arguments: Any) -> Any:
        if self.fails:
            raise StoreUnavailable("throttled")
        return super().forward(*arguments)


def test_a_look_that_fails_is_not_tried_again_while_the_client_waits() -> None:
    table = Unreadable()
    server = Server(table=table, sleep=lambda _: pytest.fail("waited"))
    first = server.post("/orders", ORDER, idempotency_key="k")
    table.fails = True
    failed = server.post("/orders", ORDER, idempotency_key="k")
    assert (problem(failed), failed["headers"]["Retry-After"]) == ((503, "unavailable"), "1")
    table.fails = False
    assert told(server.post("/orders", ORDER, idempotency_key="k")) == told(first)


def test_a_refusal_after_the_commit_is_kept() -> None:
    fickle = Router()

    @fickle.post("/orders/<orderId>/pay")
    def refuse(orderId: str, body: PayOrder, call: ReplayableCall) -> Any:  # noqa: N803
        pay_order(orderId, body, call)
        raise Conflict("changed_my_mind", "after all")

    server = Server(commands=fickle)
    Server(server.store.table).post("/orders", ORDER)
    first, again = (server.post("/orders/o-1/pay", {"amount": "5"}, idempotency_key="k") for _ in range(2))
    record = server.records.get("acme#k")
    assert problem(first) == (409, "changed_my_mind")
    assert record
    assert record.answer
    assert (told(again), server.commits()) == (told(first), 2)


TRANSFERS = Router()


class Order(CamelModel):
    """Which accounts a transfer concerns, and the one whose answer is wanted."""

    source: str
    target: str
    amount: int
    witness: str = ""
    asked: str


@TRANSFERS.post("/transfers")
def make_transfer(body: Order, call: ReplayableCall) -> Any:
    """Answer with the balance of the account that the command is sent to."""
    command = Transfer(body.source, body.target, body.amount, body.witness)
    outcome = call.handle(call.stream("account", body.asked, "asked"), command)
    return {"balance": outcome.state.balance, "version": outcome.head.version}


@pytest.mark.parametrize(("asked", "kept"), [("a", False), ("b", False), ("w", True)])
def test_a_decision_is_replayed_if_the_stream_it_was_sent_to_has_its_commit(asked: str, kept: bool) -> None:
    records, store = MemoryIdempotency(), EventStore(MemoryTable(), TRANSFER_REGISTRY, ManualClock())
    domain = Domain("bank", TRANSFER_REGISTRY, [ACCOUNTS, DIRECTORIES], decisions=[TRANSFER])
    once = IdempotentRequests(records, 24, ManualClock(), no_sleep)

    def post() -> Answer:
        app = replace(Server().application, domain=domain, store=store)
        body = {"source": "a", "target": "b", "amount": 5, "witness": "w", "asked": asked}
        return Api(app, TRANSFERS, once=once)(event("POST", "/transfers", body, idempotency_key="k"), CONTEXT)

    for name in "aw":
        store.append(account(name), Expected.NO_STREAM, [Deposited(amount=9)])
    first = post()
    for name in "abw":
        store.append(account(name), Expected.ANY, [Deposited(amount=1)])
    record = records.get("acme#k")
    assert record
    assert (first["statusCode"], record.answer is not None) == (200, kept)
    assert (told(post()), store.get_stream_version(account("a"))) == (told(first), 3)


class Contended(MemoryTable):
    """Another process writes to the target before each transfer."""

    def insert(self, commits: Any, **more: Any) -> None:
        if len(commits) > 1:
            EventStore(self, TRANSFER_REGISTRY).append(account("b"), Expected.ANY, [Deposited(amount=1)])
        super().insert(commits, **more)


@pytest.mark.parametrize(("seen", "status"), [(None, 409), (1, 409), (2, 412)])
def test_a_decision_that_keeps_losing_elsewhere_is_no_false_precondition(seen: int | None, status: int) -> None:
    """``If-Match`` speaks of the stream that the command was sent to."""
    domain = Domain("bank", TRANSFER_REGISTRY, [ACCOUNTS, DIRECTORIES], decisions=[TRANSFER])
    store = EventStore(Contended(), TRANSFER_REGISTRY, ManualClock())
    store.append(account("a"), Expected.NO_STREAM, [Deposited(amount=9)])
    server = Server().application
    settings = server.settings.model_copy(update={"backoff_ms": 0})
    api = Api(replace(server, domain=domain, store=store, settings=settings), TRANSFERS)
    body = {"source": "a", "target": "b", "amount": 5, "asked": "a"}
    sent = event("POST", "/transfers", body)
    if seen:
        sent["headers"]["if-match"] = f'"{seen}"'
    assert problem(api(sent, CONTEXT)) == (status, "version_conflict")
