"""Queries touch nothing that a command needs: a flood of them takes no request and no answer from transfers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from threading import Event
from typing import Any

import pytest
from tests.ledger.support.book import AUDITOR, Book, transfer
from tests.support.clocks import wait_until
from tests.support.engines import DynamoDBEngine
from tests.support.wire import Deliver

THREADS = 4
TRANSFERS = 10
ANSWERS = 60

QUESTIONS = (
    "/accounts/cash",
    "/accounts",
    "/accounts/cash/statement",
    "/trial-balance",
    "/journal",
    "/transfers/t-0",
    "/periods",
)


class Asked:
    """Requests by table."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        self._engine = engine
        self.requests: Counter[str] = Counter()
        engine.wire.around = self._count

    def of_events(self) -> int:
        return self.requests[self._engine.tables.events]

    def _count(self, request: Any, deliver: Deliver) -> Any:
        self.requests.update(tables_in(json.loads(request.body)))
        return deliver(request)


def tables_in(body: Any) -> set[str]:
    """Names of the tables that a request speaks of."""
    if isinstance(body, list):
        return {name for each in body for name in tables_in(each)}
    if not isinstance(body, dict):
        return set()
    named = {body["TableName"]} if isinstance(body.get("TableName"), str) else set()
    return named | set(body.get("RequestItems", ())) | {name for each in body.values() for name in tables_in(each)}


@pytest.fixture
def book(dynamodb: DynamoDBEngine) -> Book:
    book = Book(table=dynamodb.table(), views=dynamodb.views())
    book.open("cash")
    book.open("sales", type="income")
    book.transfer("t-0", ("cash", "1"), ("sales", "-1"))
    book.project_all()
    return book


def post(book: Book, name: str) -> None:
    for number in range(TRANSFERS):
        answer = book.ask("/transfers", transfer(f"{name}-{number}", ("cash", "1"), ("sales", "-1")))
        assert answer["statusCode"] == 201, answer


@contextmanager
def flooded(book: Book) -> Iterator[Counter[int]]:
    """Ask questions from several threads; yields how many were answered, by status."""
    answers: Counter[int] = Counter()
    stopped = Event()

    def ask(first: int) -> None:
        questions = cycle(QUESTIONS[first:] + QUESTIONS[:first])
        while not stopped.is_set():
            answers[book.get(next(questions), claims=AUDITOR)["statusCode"]] += 1

    with ThreadPoolExecutor(THREADS) as pool:
        asking = [pool.submit(ask, number) for number in range(THREADS)]
        try:
            yield answers
        finally:
            stopped.set()
            for each in asking:
                each.result()


def test_a_flood_of_queries_takes_nothing_from_transfers(book: Book, dynamodb: DynamoDBEngine) -> None:
    asked = Asked(dynamodb)
    post(book, "quiet")
    quiet = asked.of_events()
    assert quiet >= TRANSFERS

    asked.requests.clear()
    with flooded(book) as answers:
        wait_until(lambda: answers.total() >= ANSWERS / 2, "the flood")
        assert asked.of_events() == 0
        post(book, "flood")
        assert asked.of_events() <= quiet
        wait_until(lambda: answers.total() >= ANSWERS, "more answers")

    assert set(answers) == {200}
    assert asked.requests[dynamodb.tables.views] > 0
