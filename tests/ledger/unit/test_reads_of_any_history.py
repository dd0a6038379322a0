"""Whatever was recorded, and in whatever order read models learn of it, they answer what naive sums over it say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.ledger.support.book import AUDITOR, Book
from tests.ledger.support.folds import NOTHING, Fold, standing, text
from tests.support.clocks import EVERYTHING
from tests.support.http import body_of

from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from ledger.projections import ACCOUNTS, HISTORY

HISTORIES = 100 if EVERYTHING else 5
LAGS = 400 if EVERYTHING else 25
MOMENTS = 1 if EVERYTHING else 3
"""Every so many of them."""

INSTANT = timedelta(microseconds=1)
EUR = ("cash", "Cash", "sales", "rent")
USD = ("dollars", "capital")
DAYS = (None, date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 5), date(2026, 2, 1))

Step = tuple[Any, ...]
days = st.sampled_from(DAYS)
waits = st.sampled_from([0, 0, 1, 90_000])
cents = st.integers(1, 500)
few = st.sampled_from([100, 100, 100, 200])


def transfers(
    amounts: st.SearchStrategy[int], most: int = 4, among: Sequence[Sequence[str]] = (EUR, EUR, USD)
) -> st.SearchStrategy[Step]:
    """Amounts from some accounts to others of the currency, now and then to the same one."""
    lines = st.one_of(*(lines_of(accounts, amounts, most) for accounts in among))
    return st.tuples(st.just("transfer"), lines, days, st.booleans(), waits)


def lines_of(accounts: Sequence[str], amounts: st.SearchStrategy[int], most: int) -> st.SearchStrategy[Any]:
    """Balanced postings; the last one makes up for the others."""
    one = st.tuples(st.sampled_from(accounts), amounts, st.sampled_from([1, -1]))
    return st.tuples(st.lists(one, min_size=1, max_size=most - 1), st.sampled_from(accounts)).filter(
        lambda each: sum(amount * sign for _, amount, sign in each[0]) != 0
    )


resolutions = st.tuples(st.sampled_from(["post", "part", "void", "reverse"]), st.integers(0, 99), waits)
histories = st.lists(st.one_of(transfers(cents), transfers(cents), resolutions), min_size=4, max_size=20)


def begun() -> Book:
    book = Book()
    for id in EUR:
        book.open(id, type="income" if id == "sales" else "asset")
    for id in USD:
        book.open(id, currency="USD", type="equity" if id == "capital" else "asset")
    return book


def do(book: Book, number: int, step: Step) -> None:
    """One step of a history; what cannot be done is left undone."""
    book.clock.move(timedelta(seconds=step[-1]))
    if step[0] == "transfer":
        _, (lines, last), day, pending, _ = step
        rest = -sum(amount * sign for _, amount, sign in lines)
        postings = [
            (id, text(Decimal(cents * sign) / 100)) for id, cents, sign in [*lines, (last, abs(rest), sign_of(rest))]
        ]
        more = {"effectiveDate": day.isoformat()} if day else {}
        book.transfer(f"t-{number}", *postings, pending=pending and number % 2 == 0, **more)
    else:
        verb, choice, _ = step
        body = {"reason": "wrong"} if verb == "reverse" else {"amount": "0.01"} if verb == "part" else {}
        book.ask(f"/transfers/t-{choice % max(number, 1)}/{'post' if verb == 'part' else verb}", body)


def sign_of(amount: int) -> int:
    return 1 if amount > 0 else -1


def happened(steps: Sequence[Step]) -> tuple[Book, Fold]:
    """A book whose read models know its accounts, and all that was recorded in it."""
    book = begun()
    book.project_all()
    for number, step in enumerate(steps):
        do(book, number, step)
    return book, Fold(book)


def ask(book: Book, path: str, **query: Any) -> Any:
    answer = book.get(path, query=query, claims=AUDITOR)
    assert answer["statusCode"] == 200, answer
    return body_of(answer)


def pages(book: Book, path: str, member: str, **query: Any) -> list[Any]:
    """All pages of a list, joined."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        answer = ask(book, path, **query, **cursor)
        found += answer[member]
        if answer["cursor"] is None:
            return found
        cursor = {"cursor": answer["cursor"]}


def balances(answer: Any) -> Mapping[str, str]:
    return {each["accountId"]: each["balance"] for each in answer["accounts"]}


def around(moments: Sequence[datetime]) -> Sequence[datetime]:
    """Each moment, and the instant before it."""
    return [each for moment in moments for each in (moment - INSTANT, moment)]


def assert_accounts_are_as_they_stood(book: Book, fold: Fold) -> None:
    for id in fold.currencies:
        events = fold.account(id)
        for count, event in enumerate(events, 1):
            after = ask(book, f"/accounts/{id}", atVersion=event.version)
            assert (after["version"], held(after)) == (event.version, standing(events[:count]))
        for moment in around(sorted({event.timestamp for event in events}))[1:]:
            by_then = [event for event in events if event.timestamp <= moment]
            at = ask(book, f"/accounts/{id}", at=moment.isoformat())
            assert (at["version"], held(at)) == (by_then[-1].version, standing(by_then))
        for day in DAYS[1:]:
            answer = ask(book, f"/accounts/{id}", effectiveAt=day)
            assert answer["balance"] == fold.balances(fold.moments[-1], day)[id]


def held(answer: Any) -> tuple[str, str, str]:
    return answer["balance"], answer["pendingDebits"], answer["pendingCredits"]


def assert_statements_run(book: Book, fold: Fold, limit: int) -> None:
    ranges = [(date.min, date.max), (DAYS[2], DAYS[3]), (DAYS[3], date.max), (date.min, DAYS[1])]
    for id, (first, last), order in product(fold.currencies, ranges, ("asc", "desc")):
        asked = {"from": first, "to": last, "order": order}
        opening, lines, closing = fold.statement(id, first, last)
        page = ask(book, f"/accounts/{id}/statement", limit=limit, **asked)
        assert (page["openingBalance"], page["closingBalance"]) == (opening, closing)
        found = pages(book, f"/accounts/{id}/statement", "lines", limit=limit, **asked)
        shown = [(each["transferId"], each["amount"], each["balance"]) for each in found]
        assert shown == (lines if order == "asc" else lines[::-1])


def assert_the_journal_is_whole(book: Book, fold: Fold, limit: int) -> None:
    for first, last in ((date.min, date.max), (DAYS[2], DAYS[4])):
        found = pages(book, "/journal", "entries", limit=limit, **{"from": first, "to": last})
        assert [(each["effectiveDate"], each["transferId"]) for each in found] == fold.journal(first, last)


def assert_trial_balances_are_of_each_moment_and_day(book: Book, fold: Fold) -> None:
    for moment, day in product(around(fold.moments[::MOMENTS]), (None, *fold.days)):
        asked = {"at": moment.isoformat(), **({"effectiveAt": day} if day else {})}
        answer = ask(book, "/trial-balance", **asked)
        assert balances(answer) == fold.balances(moment, day)
        assert all(each["debits"] == each["credits"] for each in answer["totals"])
    for day, code in product((None, *fold.days), ("EUR", "USD")):
        asked = {"currency": code, **({"effectiveAt": day} if day else {})}
        assert balances(ask(book, "/trial-balance", **asked)) == fold.balances(fold.moments[-1], day, code)


@pytest.mark.slow
@settings(max_examples=HISTORIES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(histories, st.integers(1, 4))
def test_answers_are_what_was_recorded(steps: Sequence[Step], limit: int) -> None:
    book, fold = happened(steps)
    book.project_all()
    assert_accounts_are_as_they_stood(book, fold)
    assert_statements_run(book, fold, limit)
    assert_the_journal_is_whole(book, fold, limit)
    assert_trial_balances_are_of_each_moment_and_day(book, fold)


class LaggingReadModels:
    """Learns of the accounts' commits in any order, and sees what the trial balance answers in between."""

    def __init__(self, book: Book, fold: Fold) -> None:
        self.book, self.fold = book, fold
        self.streams = sorted(stream for stream in book.store.streams() if stream.entity == "account")
        self.processors = [
            ProjectionProcessor(book.store, book.views, [each], retry_policy=RetryPolicy(clock=book.clock))
            for each in (ACCOUNTS, HISTORY)
        ]

    def learn(self, which: int, account: int, count: int) -> None:
        """One of the read models, of so many commits of an account."""
        commits = list(self.book.store.commits(self.streams[account % len(self.streams)]))
        assert not self.processors[which].project(commits[: count % len(commits) + 1])

    def ask(self, moment: datetime | None, day: date | None) -> None:
        """The trial balance, which shows whole transfers that were recorded by then for that day, or waits."""
        asked = {**({"at": moment.isoformat()} if moment else {}), **({"effectiveAt": day} if day else {})}
        answer = self.book.get("/trial-balance", query=asked, claims=AUDITOR)
        if answer["statusCode"] == 503:
            return
        shown = balances(body_of(answer))
        moved = self.fold.by_transfer(moment or self.book.clock.now, day)
        assert tuple(shown.values()) in subset_sums(tuple(shown), moved), (asked, shown)


def subset_sums(accounts: Sequence[str], moved: Sequence[Mapping[str, Decimal]]) -> set[tuple[str, ...]]:
    """The balances of accounts that any choice of whole transfers makes, also such as touch others."""
    sums = {tuple(NOTHING for _ in accounts)}
    for each in moved:
        if set(each) <= set(accounts):
            parts = [each.get(id, NOTHING) for id in accounts]
            sums |= {tuple(a + b for a, b in zip(one, parts, strict=True)) for one in sums}
    return {tuple(map(text, each)) for each in sums}


news = st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(0, 9))
busy = st.lists(st.one_of(transfers(few, 2, (EUR,)), transfers(few, 3)), min_size=3, max_size=9)


@pytest.mark.slow
@settings(max_examples=LAGS, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(busy, st.lists(news, min_size=5, max_size=15), st.integers(0, 9), days)
def test_trial_balances_are_of_whole_transfers_while_read_models_lag(
    steps: Sequence[Step], learned: Sequence[tuple[int, int, int]], moment: int, day: date | None
) -> None:
    book, fold = happened(steps)
    models = LaggingReadModels(book, fold)
    for each in learned:
        models.learn(*each)
        for then, up_to in product((None, fold.moments[-1 - moment % len(fold.moments)]), (None, day)):
            models.ask(then, up_to)
    book.project_all()
    assert balances(ask(book, "/trial-balance")) == fold.balances(fold.moments[-1])
