"""Requests that handle several commands: each takes effect, once, and If-Match speaks of the first one's stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import pytest
from tests.orders.support.http import CONTEXT, Answer, Server, body_of, event, problem
from tests.support.clocks import ManualClock
from tests.support.ledger import ACCOUNTS, Deposit, Deposited, account
from tests.support.transfers import DIRECTORIES, TRANSFER, TRANSFER_REGISTRY, Transfer

from banyan.commands.idempotency import MemoryIdempotency
from banyan.domain import Domain
from banyan.entrypoints.http.api import Api
from banyan.entrypoints.http.idempotency import IdempotentRequests
from banyan.events import CamelModel
from banyan.http import CurrentCall, Router
from banyan.store import Commit, EventStore, Expected
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead

DOMAIN = Domain("bank", TRANSFER_REGISTRY, [ACCOUNTS, DIRECTORIES], decisions=[TRANSFER])
COMMANDS = {"a": Deposit(1), "b": Deposit(2), "a→b": Transfer("a", "b", 3), "b→a": Transfer("b", "a", 3)}


class Asked(CamelModel):
    """Which commands to handle, and which of them say that ``If-Match`` does not speak of their stream."""

    commands: Sequence[str]
    other: Sequence[int] = ()


class Bank:
    """An API whose one route handles what it is asked to, and may be interrupted after that."""

    def __init__(self, table: MemoryTable | None = None) -> None:
        self.store = EventStore(table or MemoryTable(), TRANSFER_REGISTRY, ManualClock())
        self.records = MemoryIdempotency()
        self.interrupted = False
        for name in "ab":
            self.store.append(account(name), Expected.NO_STREAM, [Deposited(amount=9)], commit_id="first")

    def post(self, *commands: str, other: Sequence[int] = (), **headers: Any) -> Answer:
        """Send a request to a process that has seen nothing so far."""
        application = replace(Server().application, domain=DOMAIN, store=self.store)
        once = IdempotentRequests(self.records, 24, ManualClock())
        api = Api(application, self.router(), once=once)
        return api(event("POST", "/", {"commands": commands, "other": other}, **headers), CONTEXT)

    def router(self) -> Router:
        router = Router()

        @router.post("/")
        def handle(body: Asked, call: CurrentCall) -> Any:
            for place, name in enumerate(body.commands):
                stream = call.stream("account", name[0], "account")
                call.handle(stream, COMMANDS[name], if_match=place not in body.other)
            if self.interrupted:
                raise RuntimeError("the process dies before it answers")
            return {}

        return router

    def ids(self, name: str) -> list[str]:
        """Ids of the commits of an account, but for its first."""
        return [commit.commit_id for commit in self.store.commits(account(name))][1:]


@pytest.mark.parametrize(
    ("commands", "other", "a", "b"),
    [
        (["a", "a", "a"], [], 3, 0),
        (["a", "b", "a", "b"], [1, 3], 2, 2),
        (["a→b", "b", "a"], [1], 2, 2),
        (["a", "a→b"], [], 2, 1),
        (["a", "b→a"], [1], 2, 1),
        (["b", "a→b", "a→b"], [1, 2], 2, 3),
    ],
)
def test_each_takes_effect_once_however_often_the_request_is_sent(
    commands: list[str], other: list[int], a: int, b: int
) -> None:
    bank = Bank()
    bank.interrupted = True
    assert bank.post(*commands, other=other, idempotency_key="k")["statusCode"] == 500
    bank.interrupted = False
    made = bank.ids("a"), bank.ids("b")

    assert bank.post(*commands, other=other, idempotency_key="k")["statusCode"] == 200
    assert (len(made[0]), len(made[1])) == (a, b)
    assert (bank.ids("a"), bank.ids("b")) == made
    assert len(set(made[0])) == a


@pytest.mark.parametrize("done", [1, 2])
def test_what_was_stored_under_one_id_for_all_is_not_made_twice(done: int) -> None:
    """As it was before each command had an id of its own; the request is repeated to newer code."""
    bank, older = Bank(), Bank()
    bank.interrupted = True
    bank.post("a", "b", other=[1], idempotency_key="k")
    record = bank.records.get("acme#k")
    assert record
    id = str(uuid5(UUID("5a3c0f5e-9a2e-5d0b-8f0e-6f1f5a4f7c11"), f"acme#k@{record.started_at.isoformat()}"))

    older.records = bank.records
    for name in "ab"[:done]:
        older.store.append(account(name), Expected.ANY, [Deposited(amount=1)], commit_id=id)
    assert older.post("a", "b", other=[1], idempotency_key="k")["statusCode"] == 200
    assert older.ids("a") == older.ids("b") == bank.ids("a") == bank.ids("b") == [id]


@pytest.mark.parametrize(
    ("version", "status", "made"),
    [('"1"', 200, (2, 1)), ("*", 200, (2, 1)), ('"2"', 412, (0, 0)), ('"7"', 412, (0, 0))],
)
def test_if_match_speaks_of_the_first_stream_before_anything_is_written(
    version: str, status: int, made: tuple[int, int]
) -> None:
    bank = Bank()
    bank.store.append(account("b"), 1, [Deposited(amount=1)])
    before = len(bank.ids("b"))

    assert bank.post("a", "b", "a", other=[1], if_match=version)["statusCode"] == status
    assert (len(bank.ids("a")), len(bank.ids("b")) - before) == made


class Contended(MemoryTable):
    """Another writer is always first to the second account."""

    rival: Callable[[], object] | None = None

    def insert(self, commits: Sequence[Commit], *, unmoved: Sequence[StreamHead] = ()) -> None:
        if self.rival and len(commits) > 1:
            self.rival()
        super().insert(commits, unmoved=unmoved)


def test_a_conflict_of_another_stream_than_that_of_if_match_is_contention() -> None:
    table = Contended()
    bank = Bank(table)
    table.rival = lambda: bank.store.append(account("b"), Expected.ANY, [Deposited(amount=1)])
    answer = bank.post("a→b", if_match='"1"')
    assert (answer["statusCode"], problem(answer)[1]) == (409, "version_conflict")
    assert "acme:account:b" in body_of(answer)["detail"]
    assert bank.ids("a") == []


@pytest.mark.parametrize("headers", [{}, {"if_match": '"1"'}])
@pytest.mark.parametrize(("commands", "other"), [(["a", "b"], []), (["a", "b"], [0, 1]), (["a", "a"], [1])])
def test_a_route_that_does_not_name_its_stream_always_fails(
    commands: list[str], other: list[int], headers: dict[str, str]
) -> None:
    bank = Bank()
    assert bank.post(*commands, other=other, **headers)["statusCode"] == 500
    assert bank.ids("b") == []
