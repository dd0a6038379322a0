"""What the read models of the ledger answer: balances at a time, statements, the journal, the trial balance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.ledger.support.book import AUDITOR, Book
from tests.support.http import body_of, problem

from banyan.projections.memory import MemoryViews
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from ledger.projections import HISTORY
from ledger.reads import trial_balance


@pytest.fixture
def book() -> Book:
    book = Book()
    book.open("cash", "bank", name="Liquid")
    book.open("sales", type="income")
    book.transfer("t-1", ("cash", "10"), ("sales", "-10"), effectiveDate="2025-12-30", description="first")
    book.transfer("t-2", ("cash", "-4"), ("bank", "4"), effectiveDate="2026-01-02")
    book.transfer("t-3", ("cash", "1"), ("sales", "-1"), effectiveDate="2025-12-31", description="late")
    return book


def lines(answer: Any) -> list[tuple[str, str, str]]:
    return [(each["transferId"], each["amount"], each["balance"]) for each in answer["lines"]]


def test_a_statement_runs_by_effective_date(book: Book) -> None:
    answer = book.read("/accounts/cash/statement")
    assert lines(answer) == [("t-1", "10.00", "10.00"), ("t-3", "1.00", "11.00"), ("t-2", "-4.00", "7.00")]
    assert (answer["openingBalance"], answer["closingBalance"]) == ("0.00", "7.00")


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_a_statement_show_the_same_balances(book: Book, order: str) -> None:
    book.transfer("t-4", ("cash", "2"), ("cash", "3"), ("sales", "-5"), effectiveDate="2025-12-31")
    whole = lines(book.read("/accounts/cash/statement", order=order))
    pages: list[tuple[str, str, str]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = book.read("/accounts/cash/statement", order=order, limit=2, **cursor)
        pages += lines(answer)
        if answer["cursor"] is None:
            break
        cursor = {"cursor": answer["cursor"]}
    assert pages == whole
    assert [each[2] for each in (whole if order == "asc" else whole[::-1])] == [
        "10.00",
        "11.00",
        "13.00",
        "16.00",
        "12.00",
    ]


def test_a_statement_of_some_days_begins_with_what_was_there(book: Book) -> None:
    answer = book.read("/accounts/cash/statement", **{"from": "2025-12-31", "to": "2025-12-31"})
    assert lines(answer) == [("t-3", "1.00", "11.00")]
    assert (answer["openingBalance"], answer["closingBalance"]) == ("10.00", "11.00")


def test_an_account_as_it_stood(book: Book) -> None:
    then = book.clock.now
    book.clock.move(timedelta(seconds=1))
    book.transfer("t-4", ("cash", "100"), ("sales", "-100"), effectiveDate="2025-12-31")
    assert book.read("/accounts/cash")["balance"] == "107.00"
    at = book.read("/accounts/cash", at=then.isoformat())
    assert (at["balance"], at["version"]) == ("7.00", 4)
    assert datetime.fromisoformat(at["asOf"]) <= then
    assert book.read("/accounts/cash", atVersion=3)["balance"] == "6.00"
    assert book.read("/accounts/cash", effectiveAt="2025-12-31")["balance"] == "111.00"
    assert book.read("/accounts/cash", effectiveAt="2025-12-29")["balance"] == "0.00"


def test_questions_that_cannot_be_answered(book: Book) -> None:
    book.project_all()

    def refused(path: str, **query: Any) -> tuple[int, str]:
        return problem(book.get(path, query=query, claims=AUDITOR))

    assert refused("/accounts/cash", atVersion=9) == (404, "version_not_found")
    assert refused("/accounts/nobody") == (404, "account_not_found")
    assert refused("/accounts/nobody/statement") == (404, "account_not_found")
    assert refused("/accounts/cash", at="2026-01-01T00:00:00Z", atVersion=1) == (422, "ambiguous_time")
    assert refused("/accounts/cash", at="2020-01-01T00:00:00Z") == (404, "account_not_found")
    assert refused("/journal", **{"from": "2026-01-02", "to": "2026-01-01"}) == (422, "invalid_range")
    for moment in ("2026-01-05T00:00:00", "2026-01-05Tnoon"):
        assert refused("/accounts/cash", effectiveAt=moment) == (422, "invalid_input")
        assert refused("/trial-balance", at=moment) == (422, "invalid_input")
    assert refused("/trial-balance", at="2026") == (422, "invalid_input")


@pytest.mark.parametrize(
    ("moment", "cash"),
    [("0001-01-01T00:00:00Z", None), ("0001-01-01T00:00:00+01:00", None), ("9999-12-31T23:59:59-01:00", "7.00")],
)
def test_moments_at_the_ends_of_time(book: Book, moment: str, cash: str | None) -> None:
    assert book.read("/accounts/cash", effectiveAt=moment)["balance"] == (cash or "0.00")
    balances = {each["accountId"]: each["balance"] for each in book.read("/trial-balance", at=moment)["accounts"]}
    assert balances.get("cash") == cash
    answer = book.get("/accounts/cash", query={"at": moment}, claims=AUDITOR)
    assert body_of(answer).get("balance") == cash


def test_the_journal_lists_what_was_posted_for_some_days(book: Book) -> None:
    book.transfer("t-5", ("cash", "1"), ("sales", "-1"), pending=True)
    found = book.read("/journal", **{"from": "2025-12-31", "to": "2026-01-02"})["entries"]
    assert [(each["transferId"], each["effectiveDate"]) for each in found] == [
        ("t-3", "2025-12-31"),
        ("t-2", "2026-01-02"),
    ]
    assert found[1]["postings"] == [
        {"accountId": "cash", "amount": "-4.00", "currency": "EUR"},
        {"accountId": "bank", "amount": "4.00", "currency": "EUR"},
    ]


def test_accounts_are_listed_by_type_and_currency(book: Book) -> None:
    book.open("dollars", currency="USD")
    assert [each["accountId"] for each in book.read("/accounts")["accounts"]] == ["bank", "cash", "dollars", "sales"]
    assert [each["accountId"] for each in book.read("/accounts", type="income")["accounts"]] == ["sales"]
    assert [each["accountId"] for each in book.read("/accounts", currency="USD")["accounts"]] == ["dollars"]


def balances(answer: Any) -> dict[str, str]:
    return {each["accountId"]: each["balance"] for each in answer["accounts"]}


def test_a_trial_balance_now_then_and_by_effective_date(book: Book) -> None:
    then = book.clock.now
    book.clock.move(timedelta(seconds=1))
    book.transfer("t-4", ("cash", "100"), ("sales", "-100"), effectiveDate="2025-12-31")
    now = book.read("/trial-balance")
    assert balances(now) == {"bank": "4.00", "cash": "107.00", "sales": "-111.00"}
    assert now["totals"] == [{"currency": "EUR", "debits": "111.00", "credits": "111.00"}]
    assert balances(book.read("/trial-balance", at=then.isoformat())) == {
        "bank": "4.00",
        "cash": "7.00",
        "sales": "-11.00",
    }
    by_day = book.read("/trial-balance", effectiveAt="2025-12-31")
    assert balances(by_day) == {"bank": "0.00", "cash": "111.00", "sales": "-111.00"}
    both = book.read("/trial-balance", at=then.isoformat(), effectiveAt="2025-12-31")
    assert balances(both) == {"bank": "0.00", "cash": "11.00", "sales": "-11.00"}


def test_half_a_transfer_is_never_shown(book: Book) -> None:
    """Two halves that cancel out would pass for balanced; they are not, and the answer waits."""
    book.project_all()
    book.transfer("t-4", ("cash", "5"), ("sales", "-5"))
    book.transfer("t-5", ("bank", "-5"), ("sales", "5"))
    for stream in book.store.streams():
        if stream.id in ("cash", "bank"):
            assert not book.runner.project(book.store.commits(stream))
    answer = book.get("/trial-balance", claims=AUDITOR)
    assert problem(answer) == (503, "read_model_lagging")
    assert balances(book.read("/trial-balance")) == {"bank": "-1.00", "cash": "12.00", "sales": "-11.00"}


def project_history(book: Book) -> None:
    """Bring the history up to date, and no other read model."""
    history = ProjectionProcessor(book.store, book.views, [HISTORY], retry_policy=RetryPolicy(clock=book.clock))
    for stream in (each for each in book.store.streams() if each.entity == "account"):
        assert not history.project(book.store.commits(stream))


def test_what_was_recorded_later_is_not_in_an_earlier_trial_balance_of_a_day(book: Book) -> None:
    """Though the totals of days are ahead of the accounts."""
    book.project_all()
    then = book.clock.now
    book.clock.move(timedelta(seconds=1))
    book.transfer("t-4", ("cash", "100"), ("sales", "-100"), effectiveDate="2025-12-31")
    project_history(book)
    answer = book.get("/trial-balance", query={"at": then, "effectiveAt": "2025-12-31"}, claims=AUDITOR)
    assert balances(body_of(answer)) == {"bank": "0.00", "cash": "11.00", "sales": "-11.00"}


def test_a_balance_by_effective_date_says_which_version_it_shows(book: Book) -> None:
    book.project_all()
    book.transfer("t-4", ("cash", "100"), ("sales", "-100"))
    project_history(book)
    answer = body_of(book.get("/accounts/cash", query={"effectiveAt": "2026-01-05"}, claims=AUDITOR))
    assert (answer["balance"], answer["version"]) == ("107.00", 5)


def test_a_trial_balance_says_when_the_newest_event_in_it_was_recorded(book: Book) -> None:
    book.project_all()
    shown = book.read("/trial-balance")
    book.transfer("t-4", ("cash", "100"), ("sales", "-100"))
    later = body_of(book.get("/trial-balance", claims=AUDITOR))
    assert later["asOf"] == shown["asOf"] < book.read("/trial-balance")["asOf"]
    assert shown["asOf"] <= shown["at"] < later["at"]


def test_a_trial_balance_is_of_all_pages_of_accounts(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = book.read("/trial-balance")["accounts"]
    monkeypatch.setattr(trial_balance, "ACCOUNTS_AT_ONCE", 2)
    assert book.read("/trial-balance")["accounts"] == whole
    monkeypatch.setattr(trial_balance, "MOST_ACCOUNTS", 2)
    assert problem(book.get("/trial-balance", claims=AUDITOR)) == (422, "too_many_accounts")


class MovingViews(MemoryViews):
    """Read models that learn of what was recorded in the middle of an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.move: Callable[[], None] = lambda: None

    def list_owned(self, *place: Any, **more: Any) -> Any:
        found = super().list_owned(*place, **more)
        move, self.move = self.move, lambda: None
        move()
        return found


def test_lines_and_balances_of_a_statement_are_of_one_version() -> None:
    views = MovingViews()
    book = Book(views=views, min_version_wait_ms=20)
    book.open("cash", "bank")
    book.transfer("t-1", ("cash", "1"), ("bank", "-1"))
    book.project_all()
    book.transfer("t-2", ("cash", "2"), ("bank", "-2"), effectiveDate="2025-12-31")
    views.move = book.project_all
    answer = body_of(book.get("/accounts/cash/statement", claims=AUDITOR))
    assert lines(answer) == [("t-2", "2.00", "2.00"), ("t-1", "1.00", "3.00")]
