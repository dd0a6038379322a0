"""A month is closed and reopened while eight threads post into it, and transactions conflict: neither side starves."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from tests.ledger.support.book import ALICE, transfer
from tests.ledger.support.closed_books import assert_balanced, commits_of, history_of, posted_in
from tests.ledger.support.conflicting import ConflictingTransactions
from tests.support.clocks import EVERYTHING, wait_until
from tests.support.engines import BUCKETS, DynamoDBEngine
from tests.support.http import CONTEXT, body_of, event

from banyan.bootstrap import bootstrap
from banyan.entrypoints.http.api import command_api

THREADS = 8
TURNS = 5 if EVERYTHING else 1
REQUESTS = 4
"""Of the closer, at most; each tries its transaction many times."""
TRANSACTION_SECONDS, MEANWHILE = 0.005, 6
PERIOD, NEXT = "2026-02", "2026-03-01"


class Office:
    """Posts into one month from all threads, each between accounts of its own, so that only the month is contended."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        names = {f"{name.upper()}_TABLE": getattr(engine.tables, name) for name in type(engine.tables).model_fields}
        environ = {**names, "BANYAN_DOMAIN": "ledger", "BANYAN_LOG_BUCKETS": str(BUCKETS)}
        self.application = bootstrap(environ, client=lambda: engine.client)
        self._api = command_api(self.application)
        self.answered: list[Counter[str]] = [Counter() for _ in range(THREADS)]
        self.over = Event()

    def ask(self, path: str, body: Any) -> tuple[int, Any]:
        answer = self._api(event("POST", path, body, claims=ALICE), CONTEXT)
        return answer["statusCode"], body_of(answer)

    def open_accounts(self) -> None:
        for number in range(THREADS):
            for side in "ab":
                body = {"accountId": f"{side}{number}", "type": "asset", "currency": "EUR"}
                assert self.ask("/accounts", body)[0] == 201

    def post(self, number: int) -> None:
        """Until it is over; an answer that asks for a repeat is one."""
        turn = 0
        while not self.over.is_set():
            turn += 1
            lines = (f"a{number}", "1"), (f"b{number}", "-1")
            status, said = self.ask("/transfers", transfer(f"t-{number}-{turn}", *lines, effectiveDate=f"{PERIOD}-03"))
            self.answered[number][said["effectiveDate"] if status == 201 else said["code"]] += 1

    def turn(self, verb: str) -> int:
        """Requests until the month was turned."""
        for number in range(REQUESTS):
            if self.ask(f"/periods/{PERIOD}/{verb}", {"reason": "month end"})[0] == 200:
                return number + 1
        raise AssertionError(f"nothing came of {REQUESTS} requests to {verb} the month")

    def all_post(self, day: str, more: int = 1) -> None:
        """Wait until each thread had some more answers for a day."""
        before = [each[day] for each in self.answered]
        due: Callable[[], bool] = lambda: all(  # noqa: E731
            each[day] >= known + more for each, known in zip(self.answered, before, strict=True)
        )
        wait_until(due, f"transfers of all threads for {day}")


def test_closing_and_posting_both_get_their_turn(dynamodb_local: DynamoDBEngine) -> None:
    office, transactions = Office(dynamodb_local), ConflictingTransactions(TRANSACTION_SECONDS, MEANWHILE)
    office.open_accounts()
    dynamodb_local.wire.around = transactions
    closings = list[tuple[float, float]]()
    threads = [Thread(target=office.post, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(TURNS):
            office.all_post(f"{PERIOD}-03")
            office.turn("close")
            closed = time.perf_counter()
            office.all_post(NEXT, more=2)
            closings.append((closed, time.perf_counter()))
            office.turn("reopen")
        office.all_post(f"{PERIOD}-03")
        wait_until(lambda: transactions.refused, "a conflict")
    finally:
        office.over.set()
        for thread in threads:
            thread.join()
        dynamodb_local.wire.around = lambda request, deliver: deliver(request)

    assert sum(each["unavailable"] for each in office.answered) <= sum(map(Counter.total, office.answered)) / 20
    history = history_of(office.application, commits_of(dynamodb_local))
    assert_balanced(history)
    written = [transactions.began_at[f"acme:transfer:{id}"] for id in posted_in(history, PERIOD)]
    assert len(written) >= THREADS
    assert not [at for at in written for closed, reopened in closings if closed < at < reopened]
