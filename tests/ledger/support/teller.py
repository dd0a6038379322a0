"""One of several processes that move money while answers are lost, and that may be killed at any moment."""

from __future__ import annotations

import json
import logging
import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

from tests.ledger.support.book import ALICE
from tests.support.engines import dynamodb_client, impatient
from tests.support.http import Answer, body_of, event
from tests.support.wire import Deliver, Wire, lost_answer, operation_of, refused, tap

from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.http.api import Api, command_api

LEASE_MS = 1000
CONTEXT: Any = SimpleNamespace(
    function_name="test", aws_request_id="request", get_remaining_time_in_millis=lambda: LEASE_MS
)
"""A claim of a process that was killed lasts two seconds."""

WRITES = ("PutItem", "TransactWriteItems")
LOST = 1 / 3
LOST_READS = 1 / 30
"""Reads are many and easily repeated; if more of them failed, the SDK would soon have used up its quota of retries."""

CONFLICTING = 1 / 12
REPEATS = 200
CLOSING, OPEN = "2026-02", "2026-03"
EUR, USD = ([f"{code}-{number}" for number in range(10)] for code in ("eur", "usd"))


def is_forbidden(account: str) -> bool:
    """Whether an account may not be overdrawn."""
    return account[-1] in "012"


@dataclass(frozen=True)
class Shift:
    """What one process has to do: the transfers with some numbers, each with all that follows on it.

    Parameters
    ----------
    environ : Mapping[str, str]
        Of the functions.
    journal : Path
        Where it writes down each answer that it got; what another process wrote there is done.
    """

    endpoint: str
    environ: Mapping[str, str]
    numbers: range
    threads: int
    journal: Path

    def answers(self) -> list[dict[str, Any]]:
        """What was acknowledged so far, the repeats of it too."""
        text = self.journal.read_text() if self.journal.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


@dataclass(frozen=True)
class Ask:
    """One request; sent again, it has the same ids."""

    id: str
    path: str
    body: Mapping[str, Any]


def asks(number: int) -> Sequence[Ask]:
    """A random transfer, the same for the same number, and what follows on it."""
    chance = random.Random(number)
    transfer = f"t-{number}"
    kind = number % 10
    body = {
        "transferId": transfer,
        "effectiveDate": f"{CLOSING if chance.random() < 0.4 else OPEN}-{chance.randint(1, 28):02}",
        "postings": [line for accounts in _sides(chance) for line in _lines(chance, accounts)],
        "pending": kind < 3,
    }
    then: Mapping[int, tuple[str, Mapping[str, Any]]] = {
        0: ("post", {}),
        1: ("post", {"amount": "1.25"}),
        2: ("void", {}),
        3: ("reverse", {"reason": "wrong"}),
    }
    follow_up = [Ask(f"{transfer}-2", f"/transfers/{transfer}/{then[kind][0]}", then[kind][1])] if kind in then else []
    return [Ask(f"{transfer}-1", "/transfers", body), *follow_up]


def _sides(chance: random.Random) -> Sequence[Sequence[str]]:
    return [EUR, USD] if chance.random() < 0.2 else [chance.choice([EUR, USD])]


def _lines(chance: random.Random, accounts: Sequence[str]) -> Sequence[Mapping[str, str]]:
    """Two or three postings that add up to zero, all of them of 2 at least."""
    chosen = chance.sample(accounts, chance.choice([2, 2, 3]))
    cents = [chance.randint(200, 3000) for _ in chosen[1:]]
    sign = chance.choice([1, -1])
    amounts = [-sum(cents) * sign, *(each * sign for each in cents)]
    return [{"accountId": id, "amount": f"{each / 100:.2f}"} for id, each in zip(chosen, amounts, strict=True)]


class Counts:
    """What happened, counted by all threads."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self._lock = Lock()

    def count(self, name: str, value: int = 1) -> None:
        with self._lock:
            self.counted[name] += value

    def duration(self, name: str, milliseconds: float) -> None:
        """Nothing is measured here."""

    def gauge(self, name: str, value: float, of: str = "") -> None:
        """Nothing is measured here."""


class Teller:
    """Sends requests to functions of its own, over a wire that loses answers and meets other transactions."""

    def __init__(self, endpoint: str, environ: Mapping[str, str]) -> None:
        client = dynamodb_client(endpoint)
        self.wire: Wire = tap(client)
        self.wire.around = self._troubled
        self.counts = Counts()
        self.application: Application = bootstrap(environ, client=lambda: client, telemetry=self.counts)
        self._api: Api = command_api(self.application)

    def answer(self, ask: Ask, key: str = "") -> Answer:
        """Send a request until it is answered for good."""
        request = event("POST", ask.path, ask.body, claims=ALICE, idempotency_key=key or ask.id)
        for _ in range(REPEATS):
            answer = self._api(request, CONTEXT)
            if answer["statusCode"] < 500 and "Retry-After" not in answer["headers"]:
                return answer
            self.counts.count(f"repeated after {body_of(answer)['code']}")
        raise AssertionError(f"no answer to {ask} after {REPEATS} attempts")

    def _troubled(self, request: Any, deliver: Deliver) -> Any:
        operation = operation_of(request)
        if operation == "TransactWriteItems" and random.random() < CONFLICTING:
            self.counts.count("TransactionConflict")
            items = len(json.loads(request.body)["TransactItems"])
            reasons = ["None"] * items
            reasons[random.randrange(items)] = "TransactionConflict"
            return refused("TransactionCanceledException", reasons=reasons)(request, deliver)
        lost = random.random() < (LOST if operation in WRITES else LOST_READS)
        return lost_answer(request, deliver) if lost else deliver(request)


def work(shift: Shift) -> None:
    """Do all that is not done; main function of a process."""
    logging.disable(logging.ERROR)
    done = {answer["id"] for answer in shift.answers()}
    left = [n for n in shift.numbers if not all(ask.id in done for ask in asks(n))]
    teller = Teller(shift.endpoint, shift.environ)
    journal = os.open(shift.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def carry_out(number: int) -> None:
        for ask in asks(number):
            answer = teller.answer(ask)
            said = {"id": ask.id, "status": answer["statusCode"], "body": body_of(answer)}
            os.write(journal, f"{json.dumps(said)}\n".encode())

    with impatient(), ThreadPoolExecutor(shift.threads) as pool:
        list(pool.map(carry_out, left))
    counted = {**teller.counts.counted, "requests": len(teller.wire.sent)}
    shift.journal.with_suffix(".counts").write_text(json.dumps(counted))
