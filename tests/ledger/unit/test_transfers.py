"""Transfers through the API: balanced, once, reversible once."""

from __future__ import annotations

import pytest
from tests.ledger.support.book import Book, transfer
from tests.support.http import body_of


@pytest.fixture
def book() -> Book:
    book = Book()
    book.open("cash", "bank")
    book.open("sales", type="income")
    return book


def test_a_transfer_is_posted_to_all_its_accounts(book: Book) -> None:
    answer = book.transfer("t-1", ("cash", "10.00"), ("bank", "2.5"), ("sales", "-12.50"))
    assert answer == {
        "transferId": "t-1",
        "status": "posted",
        "version": 2,
        "effectiveDate": "2026-01-05",
        "lateFor": None,
        "expiresAt": None,
        "reverses": None,
        "reversalRequested": None,
        "reversedBy": None,
    }
    assert [book.balance(each) for each in ("cash", "bank", "sales")] == ["10.00", "2.50", "-12.50"]


@pytest.mark.parametrize(
    ("postings", "code"),
    [
        ([("cash", "1"), ("sales", "-2")], "unbalanced"),
        ([("cash", "1.001"), ("sales", "-1.001")], "too_many_decimals"),
        ([("cash", "1"), ("nobody", "-1")], "account_not_found"),
        ([("cash", "0"), ("sales", "0")], "amount_zero"),
    ],
)
def test_postings_that_break_a_rule_are_refused(book: Book, postings: list[tuple[str, str]], code: str) -> None:
    assert book.refused("/transfers", transfer("t-1", *postings)) == (422, code)
    assert book.known_transfer("t-1").status is None
    assert book.balance("cash") == "0.00"


@pytest.mark.parametrize(
    ("asked", "details"),
    [
        ({"postings": [{"accountId": "cash", "amount": 1}]}, ["postings.0.amount: an amount is text such as"]),
        ({"postings": [{"accountId": "cash", "amount": "1"}]}, ["postings: List should have at least 2 items, not 1"]),
        ({"postings": "x"}, ["postings: Input should be a list"]),
        (
            {"postings": [1, {}]},
            ["postings.0: Input should be an object", "postings.1.accountId: ", "postings.1.amount: "],
        ),
        ({"description": "x" * 501}, ["description: String should have at most 500 characters"]),
        ({"effectiveDate": "2026-02-30"}, ["effectiveDate: the calendar has no such day"]),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_else(
    book: Book, asked: dict[str, object], details: list[str]
) -> None:
    answer = body_of(book.ask("/transfers", {**transfer("t-1", ("cash", "1"), ("sales", "-1")), **asked}))
    found = [f"{each['field']}: {each['message']}" for each in answer["errors"]]
    assert [each.startswith(detail) for each, detail in zip(found, details, strict=True)] == [True] * len(details), (
        found
    )


def test_each_currency_balances_on_its_own(book: Book) -> None:
    book.open("dollars", currency="USD")
    postings = [("cash", "1"), ("dollars", "-1")]
    assert book.refused("/transfers", transfer("t-1", *postings)) == (422, "unbalanced")


def test_the_same_content_again_is_the_first_answer(book: Book) -> None:
    first = book.transfer("t-1", ("cash", "1.0"), ("sales", "-1"), pending=True)
    book.done("/transfers/t-1/post")
    assert book.transfer("t-1", ("cash", "1.00"), ("sales", "-1"), pending=True) == first
    assert book.balance("cash") == "1.00"


def test_another_content_under_the_same_id_is_refused(book: Book) -> None:
    book.transfer("t-1", ("cash", "1"), ("sales", "-1"))
    other = transfer("t-1", ("cash", "2"), ("sales", "-2"))
    assert book.refused("/transfers", other) == (409, "transfer_exists_with_different_content")


def test_a_reversal_takes_everything_back_once(book: Book) -> None:
    book.transfer("t-1", ("cash", "1"), ("sales", "-1"))
    answer = book.done("/transfers/t-1/reverse", {"reason": "wrong account"})
    assert answer["reversedBy"] == "reversal-1-t-1"
    assert book.balance("cash") == "0.00"
    assert book.refused("/transfers/t-1/reverse", {"reason": "again"}) == (409, "transfer_already_reversed")
    refused = book.refused("/transfers/reversal-1-t-1/reverse", {"reason": "no"})
    assert refused == (409, "reversal_cannot_be_reversed")


def test_a_pending_transfer_holds_the_money(book: Book) -> None:
    book.open("wallet", overdraft="forbidden")
    book.transfer("t-1", ("wallet", "10"), ("sales", "-10"))
    book.transfer("t-2", ("wallet", "-7"), ("cash", "7"), pending=True)
    assert book.refused("/transfers", transfer("t-3", ("wallet", "-4"), ("cash", "4"))) == (409, "insufficient_funds")
    book.done("/transfers/t-2/post", {"amount": "5"})
    assert (book.balance("wallet"), book.account("wallet").available.text(2)) == ("5.00", "5.00")
    assert book.refused("/transfers/t-2/void") == (409, "transfer_not_pending")


def test_a_late_item_goes_into_the_next_open_period(book: Book) -> None:
    book.done("/periods/2026-01/close")
    book.done("/periods/2026-02/close")
    answer = book.transfer("t-1", ("cash", "1"), ("sales", "-1"), effectiveDate="2026-01-31")
    assert (answer["effectiveDate"], answer["lateFor"]) == ("2026-03-01", "2026-01-31")
    assert [each["period"] for each in book.read("/periods")["periods"]] == ["2026-02", "2026-01"]
    book.done("/periods/2026-01/reopen", {"reason": "forgotten invoice"})
    answer = book.transfer("t-2", ("cash", "1"), ("sales", "-1"), effectiveDate="2026-01-31")
    assert (answer["effectiveDate"], answer["lateFor"]) == ("2026-01-31", None)


@pytest.mark.parametrize("period", ["2026-13", "2026-1", "0000-01", "2026-01-05", "today"])
def test_a_period_is_a_month(book: Book, period: str) -> None:
    assert book.refused(f"/periods/{period}/close") == (422, "invalid_input")
