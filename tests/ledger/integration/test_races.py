"""Money moves between 20 accounts from several processes while answers are lost, processes die and a month closes."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.ledger.support.book import AUDITOR
from tests.ledger.support.closed_books import (
    History,
    assert_balanced,
    assert_chains_hold,
    assert_each_transfer_is_there_once,
    assert_holds_are_released_once,
    assert_nothing_is_overdrawn,
    assert_reconciled,
    commits_of,
    history_of,
    posted_in,
    project,
)
from tests.ledger.support.teller import CLOSING, CONTEXT, EUR, USD, Ask, Shift, Teller, asks, is_forbidden, work
from tests.support.clocks import EVERYTHING, ManualClock, wait_until
from tests.support.engines import BUCKETS, DynamoDBEngine, impatient
from tests.support.http import body_of, event

from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.http.api import query_api
from banyan.store.eventstore import utc_now
from banyan.streams import StreamId
from ledger.accounts.events import AmountPosted
from ledger.amounts import total
from ledger.projections import HISTORY
from ledger.transfers.state import TRANSFER

PROCESSES, THREADS, TRANSFERS = (4, 8, 2000) if EVERYTHING else (2, 8, 96)
KILLS = 3 if EVERYTHING else 1
SETTINGS = {
    "BANYAN_DOMAIN": "ledger",
    "BANYAN_LOG_BUCKETS": BUCKETS,
    "BANYAN_BACKOFF_MS": 20,
    "BANYAN_RECONCILIATION_SETTLE_MS": 1,
    "BANYAN_MIN_VERSION_WAIT_MS": 0,
}
MINUTES = 40 if EVERYTHING else 10


class Branch:
    """A process with its shift; killed, it is started again and repeats what it does not know the end of."""

    def __init__(self, shift: Shift) -> None:
        self.shift = shift
        self._start()

    def _start(self) -> None:
        self._process = get_context("spawn").Process(target=work, args=(self.shift,))
        self._process.start()

    @property
    def answered(self) -> int:
        return len(self.shift.answers())

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._start()

    def end(self) -> None:
        self._process.join(60 * MINUTES)
        assert self._process.exitcode == 0


class Closer:
    """Closes and reopens a month, over and over, while others post into it."""

    def __init__(self, engine: DynamoDBEngine, teller: Teller) -> None:
        self._engine = engine
        self._teller = teller
        self.turns = 0
        self.seconds: list[float] = []

    @property
    def counted(self) -> Counter[str]:
        return self._teller.counts.counted

    def turn(self, verb: str) -> None:
        self.turns += 1
        began = time.perf_counter()
        ask = Ask(f"{verb}-{self.turns}", f"/periods/{CLOSING}/{verb}", {"reason": "month end"})
        answer = self._teller.answer(ask)
        assert answer["statusCode"] == 200, answer
        self.seconds.append(time.perf_counter() - began)

    def posted(self) -> set[str]:
        return posted_in(history_of(self._teller.application, commits_of(self._engine)), CLOSING)

    def close_for(self, pause: Any) -> None:
        """Nothing comes into a month between the answer that it is closed and the request to reopen it."""
        self.turn("close")
        before = self.posted()
        pause()
        assert self.posted() == before
        self.turn("reopen")


@pytest.fixture
def environ(dynamodb_local: DynamoDBEngine) -> dict[str, str]:
    tables = dynamodb_local.tables
    names = {f"{name.upper()}_TABLE": getattr(tables, name) for name in type(tables).model_fields}
    return {name: str(value) for name, value in {**SETTINGS, **names}.items()}


@contextmanager
def working(shifts: Sequence[Shift]) -> Iterator[list[Branch]]:
    branches = [Branch(shift) for shift in shifts]
    yield branches
    for branch in branches:
        branch.end()


def open_accounts(teller: Teller) -> None:
    for code, ids in (("EUR", EUR), ("USD", USD)):
        for id in ids:
            body = {
                "accountId": id,
                "type": "asset" if id[-1] < "5" else "liability",
                "currency": code,
                "overdraft": "forbidden" if is_forbidden(id) else "allowed",
            }
            assert teller.answer(Ask(f"open-{id}", "/accounts", body))["statusCode"] == 201


@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES)
def test_nothing_is_lost_or_doubled_while_processes_are_killed(
    dynamodb_local: DynamoDBEngine, environ: dict[str, str], tmp_path: Path
) -> None:
    endpoint = dynamodb_local.client.meta.endpoint_url
    numbers = [range(number, TRANSFERS, PROCESSES) for number in range(PROCESSES)]
    shifts = [
        Shift(endpoint, environ, each, THREADS, tmp_path / f"{index}.journal") for index, each in enumerate(numbers)
    ]
    with impatient():
        teller = Teller(endpoint, environ)
        open_accounts(teller)
        closer = Closer(dynamodb_local, teller)
        began = time.perf_counter()
        with working(shifts) as branches:
            closing = Thread(target=lambda: _close_at_times(closer, branches))
            closing.start()
            for kill in range(KILLS):
                for branch in branches if EVERYTHING else branches[:1]:
                    enough = len(branch.shift.numbers) * (kill + 1) // (KILLS + 1)
                    wait_until(lambda b=branch, n=enough: b.answered >= n, "answers", 60 * MINUTES)  # type: ignore[misc]
                    branch.kill()
        seconds = time.perf_counter() - began
        closing.join()

    _report(shifts, closer, seconds)
    _assert_all_is_there_once(dynamodb_local, environ, shifts)


def _close_at_times(closer: Closer, branches: Sequence[Branch]) -> None:
    def answered() -> int:
        return sum(branch.answered for branch in branches)

    for part in (1, 3):
        wait_until(lambda p=part: answered() >= TRANSFERS * p // 6, "answers", 60 * MINUTES)  # type: ignore[misc]
        closer.close_for(
            lambda p=part: wait_until(lambda: answered() >= TRANSFERS * (p + 1) // 6, "answers", 60 * MINUTES)
        )


def _assert_all_is_there_once(engine: DynamoDBEngine, environ: dict[str, str], shifts: Sequence[Shift]) -> None:
    commits = commits_of(engine)
    clock = ManualClock(utc_now() + timedelta(hours=1))
    application = bootstrap(environ, client=lambda: engine.client, clock=clock)
    history = history_of(application, commits)

    assert_balanced(history)
    assert_each_transfer_is_there_once(history)
    assert_holds_are_released_once(history)
    assert_nothing_is_overdrawn(history)
    assert_acknowledged(history, [answer for shift in shifts for answer in shift.answers()])
    assert_chains_hold(application, sorted(history))
    if EVERYTHING:
        application = without_history(application)
    project(application, commits)
    assert_reconciled(application)
    ask = query_api(application)
    for id in (*EUR, *USD):
        row = body_of(ask(event("GET", f"/accounts/{id}", claims=AUDITOR), CONTEXT))
        events = history[StreamId("acme", "account", id)]
        posted = total(event.payload.amount for event in events if isinstance(event.payload, AmountPosted))
        assert row["balance"] == posted.text(2)


def without_history(application: Application) -> Application:
    """DynamoDB Local takes seconds for each transaction of a hundred rows once there are thousands of them."""
    domain = application.domain
    kept = [projection for projection in domain.projections if projection is not HISTORY]
    return replace(application, domain=replace(domain, projections=kept))


def assert_acknowledged(history: History, answers: Sequence[dict[str, Any]]) -> None:
    """Each request has one answer, however often it was sent, and what it says stands in the transfer's stream."""
    granted = defaultdict[str, list[Any]](list)
    for answer in answers:
        assert answer["status"] in (200, 201, 404, 409, 422), answer
        if answer["status"] < 300:
            granted[answer["id"]].append(answer["body"])
    assert {answer["id"].rpartition("-")[0] for answer in answers} == {f"t-{number}" for number in range(TRANSFERS)}
    for bodies in granted.values():
        assert all(body == bodies[0] for body in bodies)
        said = bodies[0]
        stream = StreamId("acme", "transfer", said["transferId"])
        then = TRANSFER.fold(event.payload for event in history[stream] if event.version <= said["version"])
        assert (then.status, then.effective_date) == (said["status"], _day(said["effectiveDate"]))
        assert (then.late_for, then.reversed) == (_day(said["lateFor"]), said["reversedBy"] is not None)
    sure = {f"t-{number}-1" for number in range(TRANSFERS) if is_sure(number)}
    assert sure <= {id for id, bodies in granted.items() if bodies[0]["status"] == "posted"}
    assert len(sure) > TRANSFERS / 3


def is_sure(number: int) -> bool:
    """Whether a transfer is posted whatever the others do: it takes nothing that may not be overdrawn."""
    body = asks(number)[0].body
    takes = [line["accountId"] for line in body["postings"] if line["amount"].startswith("-")]
    return not body["pending"] and not any(map(is_forbidden, takes))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _report(shifts: Sequence[Shift], closer: Closer, seconds: float) -> None:
    """For whoever runs it with ``-s``."""
    counted = Counter[str]()
    for shift in shifts:
        counted.update(json.loads(shift.journal.with_suffix(".counts").read_text()))
    print(f"\n{TRANSFERS} transfers in {seconds:.0f} s, of the processes that lived: {dict(counted)}")
    print(f"turns of the month took {[f'{each:.2f} s' for each in closer.seconds]}: {dict(closer.counted)}")
