"""A pending transfer whose time is up while it is posted and voided: it is resolved exactly once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from tests.ledger.support.book import ALICE, transfer
from tests.ledger.support.closed_books import (
    History,
    assert_balanced,
    assert_each_transfer_is_there_once,
    assert_holds_are_released_once,
    assert_nothing_is_overdrawn,
    commits_of,
    history_of,
)
from tests.support.clocks import EVERYTHING, PATIENCE, ManualClock
from tests.support.engines import BUCKETS, DynamoDBEngine
from tests.support.http import CONTEXT, Answer, body_of, event
from tests.support.wire import Deliver, operation_of

from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.http.api import Api, command_api
from banyan.streams import StreamId
from ledger.accounts.decider import ACCOUNT
from ledger.transfers.state import TRANSFER, TransferStatus

TRANSFERS = 100 if EVERYTHING else 12
SECONDS = 60
DAY_SECONDS = 86_400
ATTEMPTS = 100
FOREVER_MS = 1e9
MEANWHILE_SECONDS = 0.02


class Rivals:
    """Three processes over one table: the deadlines' clock is past the time of all transfers, the others' is not."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        names = {f"{name.upper()}_TABLE": getattr(engine.tables, name) for name in type(engine.tables).model_fields}
        self._environ = {**names, "BANYAN_DOMAIN": "ledger", "BANYAN_LOG_BUCKETS": str(BUCKETS)}
        self._engine = engine
        self._clocks: list[ManualClock] = []
        self.deadlines = self._application(timedelta(seconds=SECONDS + 30))
        self.poster, self.voider = (command_api(self._application(timedelta(0))) for _ in range(2))

    def wait_for_what_was_delayed(self) -> None:
        """Let the deadlines' clock go on."""
        self._clocks[0].move(timedelta(minutes=10))

    def _application(self, ahead: timedelta) -> Application:
        clock = ManualClock()
        clock.move(ahead)
        self._clocks.append(clock)
        return bootstrap({**self._environ, "BANYAN_BACKOFF_MS": "5"}, client=lambda: self._engine.client, clock=clock)

    def history(self) -> History:
        return history_of(self.deadlines, commits_of(self._engine))


def ask(api: Api, path: str, body: Any = None) -> Answer:
    return api(event("POST", path, body or {}, claims=ALICE), CONTEXT)


def insist(api: Api, path: str) -> Answer:
    """Ask again while others are in the way."""
    answers = (ask(api, path) for _ in range(ATTEMPTS))
    return next(answer for answer in answers if answer["statusCode"] != 409)


def slowly(request: Any, deliver: Deliver) -> Any:
    """Between what was read and what is written, others get a chance."""
    if operation_of(request) == "TransactWriteItems":
        time.sleep(random.uniform(0, MEANWHILE_SECONDS))
    return deliver(request)


def test_a_transfer_that_expires_while_it_is_posted_and_voided_is_resolved_once(
    dynamodb_local: DynamoDBEngine,
) -> None:
    here = Rivals(dynamodb_local)
    for id in ("wallet", "shop"):
        body = {"accountId": id, "type": "asset", "currency": "EUR", "overdraft": "allowed"}
        assert ask(here.poster, "/accounts", body)["statusCode"] == 201
    ids = [f"t-{number}" for number in range(TRANSFERS)]
    everything = {
        **dict.fromkeys([*ids, "left-alone"], SECONDS),
        "only-posted": DAY_SECONDS,
        "only-voided": DAY_SECONDS,
    }
    for id, seconds in everything.items():
        body = transfer(id, ("wallet", "-1"), ("shop", "1"), pending=True, expiresInSeconds=seconds)
        assert ask(here.voider, "/transfers", body)["statusCode"] == 201
    here.deadlines.reactor.project(commits_of(dynamodb_local))
    dynamodb_local.wire.around = slowly

    said = race(
        lambda: [
            *(ask(here.poster, f"/transfers/{id}/post") for id in ids[::-1]),
            insist(here.poster, "/transfers/only-posted/post"),
        ],
        lambda: [
            *(ask(here.voider, f"/transfers/{id}/void") for id in ids[len(ids) // 2 :] + ids[: len(ids) // 2]),
            insist(here.voider, "/transfers/only-voided/void"),
        ],
        lambda: [here.deadlines.deadline_runner.run(lambda: FOREVER_MS)],
    )
    dynamodb_local.wire.around = lambda request, deliver: deliver(request)
    here.wait_for_what_was_delayed()
    again = here.deadlines.deadline_runner.run(lambda: FOREVER_MS)

    history = here.history()
    statuses = Counter(
        TRANSFER.fold(e.payload for e in history[StreamId("acme", "transfer", id)]).status for id in everything
    )
    posted, voided = (sum(answer["statusCode"] == 200 for answer in answers) for answers in said[:2])
    (run,) = said[2]
    refusals = {body_of(answer)["code"] for answers in said[:2] for answer in answers if answer["statusCode"] != 200}
    assert statuses[TransferStatus.POSTED] == posted
    assert statuses[TransferStatus.VOIDED] == voided
    assert statuses[TransferStatus.EXPIRED] == run.fired + again.fired
    assert statuses.total() == posted + voided + run.fired + again.fired
    assert (run.failed + run.parked, again.failed, again.delayed, again.parked) == (0, 0, 0, 0)
    assert refusals <= {"transfer_not_pending", "version_conflict"}
    for check in (
        assert_balanced,
        assert_each_transfer_is_there_once,
        assert_holds_are_released_once,
        assert_nothing_is_overdrawn,
    ):
        check(history)
    wallet = ACCOUNT.fold(e.payload for e in history[StreamId("acme", "account", "wallet")])
    assert (wallet.balance.text(2), wallet.pending_credits) == (f"{-posted}.00", 0)
    assert posted
    assert voided
    assert run.fired + again.fired


def race(*contestants: Callable[[], Any]) -> list[Any]:
    """Let all begin at once; what each of them got."""
    barrier = Barrier(len(contestants), timeout=PATIENCE)

    def run(contestant: Callable[[], Any]) -> Any:
        barrier.wait()
        return contestant()

    with ThreadPoolExecutor(len(contestants)) as pool:
        return list(pool.map(run, contestants))
