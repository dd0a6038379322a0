"""Where sizes, days, amounts and ids are at their limits, and what changes while a transfer waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.ledger.support.book import ALICE, AUDITOR, BOB, Book, limits, transfer
from tests.ledger.support.expiry import Expiry
from tests.support.http import body_of, problem

from banyan import Conflict
from banyan.store import EventStore
from ledger.periods.decider import MOST_CLOSED, Period
from ledger.transfers.commands import PostTransfer
from ledger.transfers.pending import POST_TRANSFER

FULL = [("cash", "1"), ("sales", "-1")]


@pytest.fixture
def book() -> Book:
    book = Book(limits(EUR="100"))
    book.open("cash", "bank")
    book.open("sales", type="income")
    return book


def months(year: int, month: int, count: int) -> Iterator[str]:
    for number in range(year * 12 + month - 1, year * 12 + month - 1 + count):
        yield f"{number // 12:04}-{number % 12 + 1:02}"


def close(book: Book, *periods: str) -> None:
    for each in periods:
        book.done(f"/periods/{each}/close")


def test_the_most_accounts_go_over_the_most_closed_periods(book: Book) -> None:
    ids = [f"a-{number}" for number in range(50)]
    book.open(*ids)
    close(book, *months(2025, 12, MOST_CLOSED))
    lines = [(id, f"{(-1) ** number}") for number, id in enumerate(ids)]
    answer = book.transfer("t-1", *lines, effectiveDate="2025-12-31")
    assert (answer["effectiveDate"], answer["lateFor"]) == ("2028-12-01", "2025-12-31")
    answer = book.done("/transfers/t-1/reverse", {"reason": "wrong"})
    assert book.known_transfer(answer["reversedBy"]).effective_date == book.known_transfer("t-1").effective_date
    assert {book.balance(id) for id in ids} == {"0.00"}
    close(book, "2028-12")
    assert book.refused("/transfers", transfer("t-2", *FULL, effectiveDate="2025-12-31")) == (409, "period_closed")
    assert book.transfer("t-3", *FULL, effectiveDate="2026-01-31")["effectiveDate"] == "2029-01-01"


def test_a_hold_looks_at_no_period(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts for no day until it is posted; neither does what waits for approval to be held."""
    looked_at: set[str] = set()
    append = EventStore.append_many

    def seen(store: EventStore, *writes: Any, unmoved: Any = (), **more: Any) -> Any:
        looked_at.update(head.stream.entity for head in unmoved)
        return append(store, *writes, unmoved=unmoved, **more)

    monkeypatch.setattr(EventStore, "append_many", seen)
    book.transfer("t-1", *FULL, pending=True)
    book.transfer("t-2", ("cash", "200"), ("sales", "-200"), pending=True)
    book.done("/transfers/t-2/approve", claims=BOB)
    assert "period" not in looked_at
    book.done("/transfers/t-1/post")
    assert "period" in looked_at


def test_the_last_month_of_the_calendar(book: Book) -> None:
    assert book.transfer("t-1", *FULL, effectiveDate="9999-12-31")["effectiveDate"] == "9999-12-31"
    close(book, "9999-11")
    assert book.transfer("t-2", *FULL, effectiveDate="9999-11-30")["effectiveDate"] == "9999-12-01"
    close(book, "9999-12")
    assert book.refused("/transfers", transfer("t-3", *FULL, effectiveDate="9999-11-30")) == (409, "period_closed")
    assert book.read("/accounts/cash", effectiveAt="9999-12-30")["balance"] == "1.00"
    assert book.read("/accounts/cash/statement", **{"from": "9999-12-31"})["closingBalance"] == "2.00"


def test_ids_that_differ_in_case_only_are_different_accounts(book: Book) -> None:
    book.open("Cash")
    book.transfer("t-1", ("cash", "1"), ("Cash", "-1"))
    assert (book.balance("cash"), book.balance("Cash")) == ("1.00", "-1.00")


@pytest.mark.parametrize(
    ("currency", "scale", "amount", "finer"),
    [("JPY", 0, "9" * 24, "0.1"), ("gold", 12, "9" * 24 + "." + "9" * 12, None), ("BHD", 3, "0.001", "0.0001")],
)
def test_amounts_of_each_scale_are_exact(book: Book, currency: str, scale: int, amount: str, finer: str | None) -> None:
    book.open("a", "b", currency=currency)
    for number in (1, 2):
        book.transfer(f"t-{number}", ("a", amount), ("b", f"-{amount}"))
    answer = book.read("/accounts/a")
    twice = int(amount.replace(".", "")) * 2
    assert (answer["scale"], int(answer["balance"].replace(".", ""))) == (scale, twice)
    assert len(answer["balance"].partition(".")[2]) == scale
    assert book.read("/trial-balance", currency=currency)["totals"][0]["debits"] == answer["balance"]
    if finer:
        refused = book.refused("/transfers", transfer("t-3", ("a", finer), ("b", f"-{finer}")))
        assert refused == (422, "too_many_decimals")
    wide = transfer("t-4", ("a", "1" + "0" * 24), ("b", "-1" + "0" * 24))
    assert book.refused("/transfers", wide) == (422, "invalid_input")


def test_the_first_account_settles_the_decimals_of_its_currency(book: Book) -> None:
    book.open("a", currency="EURO", scale=3)
    book.open("b", currency="EURO")
    assert (book.account("b").scale, book.account("cash").scale) == (3, 2)
    refused = book.refused("/accounts", {"accountId": "c", "type": "asset", "currency": "EURO", "scale": 2})
    assert refused == (409, "currency_has_another_scale")
    defined = [event for stream in book.store.streams() if stream.id == "EURO" for event in book.store.read(stream)]
    assert len(defined) == 1


def test_an_account_that_is_opened_again_answers_as_it_was_opened(book: Book) -> None:
    body = {"accountId": "a", "type": "asset", "currency": "EUR", "name": "A"}
    first = book.done("/accounts", body)
    book.transfer("t-1", ("a", "1"), ("cash", "-1"))
    book.transfer("t-2", ("a", "1"), ("cash", "-1"), pending=True)
    book.done("/accounts/a/freeze")
    assert book.done("/accounts", body) == first
    for other in ({"type": "expense"}, {"name": "B"}, {"overdraft": "forbidden"}, {"currency": "USD"}):
        assert book.refused("/accounts", {**body, **other}) == (409, "account_exists_with_different_content")


@pytest.mark.parametrize("type", ["asset", "expense", "liability", "equity", "income"])
def test_no_type_of_account_is_overdrawn_where_that_is_forbidden(book: Book, type: str) -> None:
    book.open("a", type=type, overdraft="forbidden")
    sign = 1 if type in ("asset", "expense") else -1
    assert book.refused("/transfers", transfer("t-0", ("a", f"{-sign}"), ("cash", f"{sign}"))) == (
        409,
        "insufficient_funds",
    )
    book.transfer("t-1", ("a", f"{10 * sign}"), ("cash", f"{-10 * sign}"))
    book.transfer("t-2", ("a", f"{5 * sign}"), ("cash", f"{-5 * sign}"), pending=True)
    book.transfer("t-3", ("a", f"{-10 * sign}"), ("cash", f"{10 * sign}"), pending=True)
    assert (book.account("a").available, book.read("/accounts/a")["available"]) == (0, "0.00")
    assert problem(book.ask("/transfers/t-1/reverse", {"reason": "x"})) == (409, "insufficient_funds")


def test_what_changes_while_a_transfer_waits_counts_when_it_is_approved(book: Book) -> None:
    waiting: dict[str, Any] = {"effectiveDate": "2026-01-02"}
    for number, lines in enumerate((("cash", "bank"), ("cash", "bank"), ("bank", "sales"))):
        book.transfer(f"t-{number}", (lines[0], "200"), (lines[1], "-200"), **waiting)
    book.done("/accounts/cash/close")
    assert book.refused("/transfers/t-0/approve", claims=BOB) == (409, "account_closed")
    assert book.done("/transfers/t-0/reject", {"reason": "too late"}, claims=BOB)["status"] == "rejected"
    book.done("/accounts/bank/freeze")
    assert book.refused("/transfers/t-2/approve", claims=BOB) == (409, "account_frozen")
    book.done("/accounts/bank/unfreeze")
    close(book, "2026-01")
    answer = book.done("/transfers/t-2/approve", claims=BOB)
    assert (answer["effectiveDate"], answer["lateFor"]) == ("2026-02-01", "2026-01-02")


def test_a_pending_transfer_that_waits_expires_that_long_after_its_approval(book: Book) -> None:
    expiry = Expiry(book)
    first = book.transfer("t-1", ("cash", "200"), ("bank", "-200"), pending=True, expiresInSeconds=60)
    assert first["expiresAt"] is None
    book.clock.move(timedelta(seconds=100))
    assert expiry.fire().fired == 0
    approved = book.done("/transfers/t-1/approve", claims=BOB)
    assert approved["expiresAt"] > book.clock.now.isoformat()
    again = book.transfer("t-1", ("cash", "200"), ("bank", "-200"), pending=True, expiresInSeconds=60)
    assert again == first
    assert book.refused("/accounts/cash/close") == (409, "account_not_empty")
    book.clock.move(timedelta(seconds=59))
    assert expiry.fire().fired == 0
    book.clock.move(timedelta(seconds=1))
    assert book.refused("/transfers/t-1/post") == (409, "transfer_expired")
    expiry.fire()
    assert (book.known_transfer("t-1").status, book.account("cash").pending_debits) == ("expired", 0)


def test_a_frozen_account_is_closed_once_it_is_unfrozen(book: Book) -> None:
    book.done("/accounts/bank/freeze")
    assert book.refused("/accounts/bank/close") == (409, "account_frozen")
    book.done("/accounts/bank/unfreeze")
    assert book.done("/accounts/bank/close")["status"] == "closed"
    assert [book.refused(f"/accounts/bank/{verb}") for verb in ("freeze", "unfreeze")] == [(409, "account_closed")] * 2


def test_the_reversal_of_a_part_takes_back_the_part(book: Book) -> None:
    book.transfer("t-1", ("cash", "10"), ("sales", "-10"), pending=True)
    assert problem(book.ask("/transfers/t-1/reverse", {"reason": "x"})) == (409, "transfer_not_posted")
    book.done("/transfers/t-1/post", {"amount": "4"})
    book.done("/transfers/t-1/reverse", {"reason": "wrong"})
    assert (book.balance("cash"), book.account("cash").pending_debits) == ("0.00", 0)


def test_a_part_is_of_one_amount_in_one_currency(book: Book) -> None:
    book.open("a", "b", currency="USD")
    book.transfer("t-1", ("cash", "10"), ("sales", "-10"), pending=True)
    for amount, refusal in (
        ("10.01", (409, "amount_exceeds_pending")),
        ("0", (422, "amount_not_positive")),
        ("-1", (422, "amount_not_positive")),
        ("0.001", (422, "too_many_decimals")),
    ):
        assert book.refused("/transfers/t-1/post", {"amount": amount}) == refusal
    book.transfer("t-2", ("cash", "1"), ("sales", "-1"), ("a", "1"), ("b", "-1"), pending=True)
    assert book.refused("/transfers/t-2/post", {"amount": "1"}) == (422, "not_two_postings")
    assert book.done("/transfers/t-1/post", {"amount": "10"})["status"] == "posted"


def test_the_author_of_a_transfer_is_who_asked_first(book: Book) -> None:
    """Whoever repeats it is not its author, and may approve it; its author may not, repeated or not."""
    body = transfer("t-1", ("cash", "200"), ("sales", "-200"))
    first = book.done("/transfers", body)
    assert book.done("/transfers", body, claims=BOB) == first
    both = {**ALICE, "scope": "ledger/write ledger/approve"}
    assert book.refused("/transfers/t-1/approve", claims=both) == (409, "approver_is_author")
    assert book.done("/transfers/t-1/approve", claims=BOB)["status"] == "posted"
    assert book.done("/transfers", body) == first
    book.done("/transfers/t-1/reverse", {"reason": "wrong"})
    assert book.done("/transfers", body) == first
    book.done("/transfers/reversal-1-t-1/approve", claims=BOB)
    assert book.done("/transfers", body) == first


@pytest.mark.parametrize(
    "other",
    [
        {"description": "other"},
        {"effectiveDate": "2026-01-06"},
        {"effectiveDate": None},
        {"expiresInSeconds": 61},
        {"expiresInSeconds": None},
        {"pending": False, "expiresInSeconds": None},
        {"postings": [{"accountId": "cash", "amount": "1"}, {"accountId": "bank", "amount": "-1"}]},
        {"postings": [{"accountId": "sales", "amount": "-1"}, {"accountId": "cash", "amount": "1"}]},
    ],
    ids=str,
)
def test_each_member_is_content(book: Book, other: dict[str, Any]) -> None:
    body = transfer("t-1", *FULL, description="one", effectiveDate="2026-01-05", pending=True, expiresInSeconds=60)
    first = book.done("/transfers", body)
    assert book.refused("/transfers", {**body, **other}) == (409, "transfer_exists_with_different_content")
    same = {
        **body,
        "description": " one ",
        "postings": [{**each, "amount": each["amount"] + ".00"} for each in body["postings"]],
    }
    assert book.done("/transfers", same) == first


def test_the_limit_is_on_all_that_a_transfer_moves_in_a_currency(book: Book) -> None:
    answer = book.transfer("t-1", ("cash", "60"), ("bank", "40.01"), ("sales", "-100.01"))
    assert answer["status"] == "awaiting_approval"
    answer = book.transfer("t-2", ("cash", "60"), ("cash", "40"), ("sales", "-50"), ("sales", "-50"))
    assert answer["status"] == "posted"


def test_what_was_resolved_in_time_does_not_expire(book: Book) -> None:
    expiry = Expiry(book)
    for id, verb in (("t-1", "post"), ("t-2", "void")):
        book.transfer(id, *FULL, pending=True, expiresInSeconds=60)
        expiry.fire()
        book.done(f"/transfers/{id}/{verb}")
    book.clock.move(timedelta(seconds=61))
    expiry.fire()
    assert [book.known_transfer(id).status for id in ("t-1", "t-2")] == ["posted", "voided"]
    assert (book.balance("cash"), book.account("cash").pending_debits) == ("1.00", 0)


def test_a_transfer_has_expired_at_its_very_deadline(book: Book) -> None:
    book.transfer("t-1", *FULL, pending=True, expiresInSeconds=60)
    pending = book.known_transfer("t-1")
    assert pending.expires_at
    states = {
        "transfer": pending,
        **{f"account {id}": book.account(id) for id in ("cash", "sales")},
        "period 2026-01": Period(),
    }
    before = PostTransfer(transfer_id="t-1", now=pending.expires_at - timedelta(microseconds=1))
    assert POST_TRANSFER.decided(before, states)
    with pytest.raises(Conflict, match="time of this transfer is up"):
        POST_TRANSFER.decided(PostTransfer(transfer_id="t-1", now=pending.expires_at), states)


def test_another_tenant_sees_and_touches_nothing(book: Book) -> None:
    book.transfer("t-1", *FULL, pending=True)
    close(book, "2025-12")
    book.project_all()
    before = [tuple(book.store.commits(stream)) for stream in book.store.streams()]
    everything = "ledger/write ledger/approve ledger/read"
    mallory = {"sub": "mallory", "tenant": "other", "scope": everything}
    for path in ("/accounts/cash", "/accounts/cash/statement", "/transfers/t-1"):
        assert book.get(path, claims=mallory)["statusCode"] == 404
    lists = ("/accounts", "/transfers?status=pending", "/journal", "/periods", "/trial-balance")
    for path, _, status in (each.partition("?status=") for each in lists):
        answer = book.get(path, claims=mallory, query={"status": status} if status else {})
        assert answer["statusCode"] == 200
        assert not any(value for value in body_of(answer).values() if isinstance(value, list))
    for path in ("/accounts/cash/freeze", "/transfers/t-1/post", "/transfers/t-1/void", "/transfers/t-1/approve"):
        assert book.ask(path, claims=mallory)["statusCode"] == 404
    assert book.refused("/transfers", transfer("t-1", *FULL), claims=mallory) == (422, "account_not_found")
    assert [tuple(book.store.commits(stream)) for stream in book.store.streams()] == before


def test_what_is_dated_ahead_counts_at_its_day(book: Book) -> None:
    book.transfer("t-1", *FULL, effectiveDate="2027-06-01")
    assert book.read("/accounts/cash")["balance"] == "1.00"
    assert [
        book.read("/accounts/cash", effectiveAt=day)["balance"] for day in ("2027-05-31", "2027-06-01", "2028-01-01")
    ] == ["0.00", "1.00", "1.00"]


def test_ids_of_reversals_are_not_given_to_others(book: Book) -> None:
    assert book.refused("/transfers", transfer("reversal-1-t-1", *FULL)) == (422, "transfer_id_reserved")
    body = transfer("t-1", *FULL, expiresInSeconds=60)
    assert book.refused("/transfers", body) == (422, "expires_without_pending")
    without = {"sub": "eve", "tenant": "acme", "scope": "openid"}
    assert problem(book.get("/accounts", claims=without)) == (403, "forbidden_scope")
    assert problem(book.get("/accounts", claims=AUDITOR, query={"type": "none"})) == (422, "invalid_input")
