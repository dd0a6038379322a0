"""Four eyes: what is above a limit waits for another person."""

from __future__ import annotations

import pytest
from tests.ledger.support.book import ALICE, AUDITOR, BOB, Book, limits, transfer

from ledger.settings import LedgerSettings


@pytest.fixture
def book() -> Book:
    book = Book(limits(EUR="100"))
    book.open("cash")
    book.open("sales", type="income")
    return book


def test_a_transfer_above_the_limit_waits_for_another_person(book: Book) -> None:
    answer = book.transfer("t-1", ("cash", "100.01"), ("sales", "-100.01"))
    assert (answer["status"], book.balance("cash")) == ("awaiting_approval", "0.00")
    alice = {**ALICE, "scope": "ledger/approve"}
    assert book.refused("/transfers/t-1/approve", claims=alice) == (409, "approver_is_author")
    assert book.refused("/transfers/t-1/approve") == (403, "forbidden_scope")
    assert book.done("/transfers/t-1/approve", claims=BOB)["status"] == "posted"
    assert book.balance("cash") == "100.01"


def test_the_limit_itself_needs_nobody_else(book: Book) -> None:
    assert book.transfer("t-1", ("cash", "100.00"), ("sales", "-100"))["status"] == "posted"


@pytest.mark.parametrize("wrong", [{"EUR ": "100"}, {"€": "100"}, {"EUR": "1e2"}, {"EUR": 100}], ids=str)
def test_a_limit_that_would_never_count_is_no_setting(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="approval_limits"):
        LedgerSettings.model_validate({"approval_limits": wrong})


def test_a_rejected_reversal_can_be_asked_for_again(book: Book) -> None:
    book.transfer("t-1", ("cash", "200"), ("sales", "-200"))
    book.done("/transfers/t-1/approve", claims=BOB)
    waiting = book.done("/transfers/t-1/reverse", {"reason": "wrong"})
    assert (waiting["reversalRequested"], waiting["reversedBy"]) == ("reversal-1-t-1", None)
    assert book.refused("/transfers/t-1/reverse", {"reason": "wrong"}) == (409, "reversal_in_progress")
    book.done("/transfers/reversal-1-t-1/reject", {"reason": "it is right"}, claims=BOB)
    book.done("/transfers/t-1/reverse", {"reason": "it is not"})
    book.done("/transfers/reversal-2-t-1/approve", claims=BOB)
    reversed_by = book.read("/transfers/t-1")
    assert (reversed_by["reversalRequested"], reversed_by["reversedBy"]) == (None, "reversal-2-t-1")
    assert (book.known_transfer("t-1").reversal, book.balance("cash")) == ("reversal-2-t-1", "0.00")


def test_an_auditor_reads_and_writes_nothing(book: Book) -> None:
    book.transfer("t-1", ("cash", "1"), ("sales", "-1"))
    assert book.read("/accounts/cash")["balance"] == "1.00"
    refused = book.refused("/transfers", transfer("t-2", ("cash", "1"), ("sales", "-1")), claims=AUDITOR)
    assert refused == (403, "forbidden_scope")
