"""A planned journal through the API: balances as planned, nothing twice, what is refused is named."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction

import pytest
from tests.ledger.support.gateway import Gateway, importing, refused
from tests.ledger.support.hledger import balance_csv, exact_balances, needs_hledger, printed
from tests.ledger.support.journals import large
from tests.ledger.support.planned import csv_of
from tests.support.clocks import EVERYTHING
from werkzeug.wrappers import Request, Response

from ledger.tools.importer.balances import compared, reported
from ledger.tools.importer.names import currency_of
from ledger.tools.importer.planning import JournalPlan, plan
from ledger.tools.importer.report import JournalReport, journal_report
from ledger.tools.importer.sending import send_journal

RENT = ("1 | 2026-01-01 | rent | expenses:rent | 10.00 | EUR", "1 | 2026-01-01 | rent | assets:cash | -10.00 | EUR")
FOOD = ("2 | 2026-02-02 | food | expenses:food | 3.00 | EUR", "2 | 2026-02-02 | food | assets:cash | -3.00 | EUR")
GOLD = ("3 | 2026-01-03 | gold | assets:safe | 2.5 | gold bars", "3 | 2026-01-03 | gold | equity:x | -2.5 | gold bars")


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def sent(gateway: Gateway, planned: JournalPlan, workers: int = 1, scale: int = 0) -> JournalReport:
    with importing(gateway) as api:
        return journal_report(planned, send_journal(api, planned, workers=workers, least_scale=scale))


def balances(gateway: Gateway) -> dict[tuple[str, str], Fraction]:
    with importing(gateway) as api:
        return {(each.name, each.currency): Fraction(each.balance) for each in api.accounts()}


def counts(report: JournalReport) -> tuple[int, int, int, int]:
    return report.accounts.opened, report.accounts.existing, report.transfers.posted, report.transfers.already_there


def test_a_journal_is_posted_and_reported(gateway: Gateway) -> None:
    report = sent(gateway, plan(csv_of(*RENT, *FOOD, *GOLD)))
    assert counts(report) == (5, 0, 3, 0)
    assert report.is_complete
    assert balances(gateway) == {
        ("expenses:rent", "EUR"): 10,
        ("expenses:food", "EUR"): 3,
        ("assets:cash", "EUR"): -13,
        ("assets:safe", "0zTLTRZZPVTH"): Fraction("2.5"),
        ("equity:x", "0zTLTRZZPVTH"): Fraction("-2.5"),
    }
    assert [(each.commodity, each.currency, each.debits) for each in report.commodities] == [
        ("EUR", "EUR", "13"),
        ("gold bars", "0zTLTRZZPVTH", "2.5"),
    ]


def test_names_are_kept_letter_by_letter(gateway: Gateway) -> None:
    names = ("expenses:\u00e9", "expenses:e\u0301", f"expenses:{'long ' * 120}", "Expenses:\u00e9")
    lines = [f"1 | 2026-01-01 | x | {name} | 1 | X" for name in names]
    assert sent(gateway, plan(csv_of(*lines, "1 | 2026-01-01 | x | cash | -4 | X"))).is_complete
    code = currency_of("X")
    assert balances(gateway) == {("cash", code): -4, **{(name.strip(), code): 1 for name in names}}


def test_a_second_import_changes_nothing(gateway: Gateway) -> None:
    planned = plan(csv_of(*RENT, *FOOD))
    sent(gateway, planned)
    first, posts = balances(gateway), len(gateway.posts)
    assert counts(sent(gateway, planned)) == (0, 3, 0, 2)
    assert (balances(gateway), len(gateway.posts)) == (first, posts)


def test_a_second_import_before_the_read_models_know_the_first_changes_nothing(gateway: Gateway) -> None:
    planned = plan(csv_of(*RENT, *FOOD))
    gateway.catches_up = False
    assert counts(sent(gateway, planned)) == (3, 0, 2, 0)
    assert counts(sent(gateway, planned)) == (0, 3, 0, 2)


def test_a_journal_that_grew_posts_what_is_new(gateway: Gateway) -> None:
    sent(gateway, plan(csv_of(*RENT, *FOOD)))
    again = tuple(f"0{line[1:]}" for line in RENT)
    report = sent(gateway, plan(csv_of(*again, *GOLD, *RENT, *FOOD)))
    assert counts(report) == (2, 3, 2, 2)
    assert balances(gateway)["expenses:rent", "EUR"] == 20


def test_an_import_that_broke_off_is_continued(gateway: Gateway) -> None:
    planned = plan(csv_of(*RENT, *FOOD, *GOLD))

    def broken(request: Request) -> Response | None:
        return refused(500, "broken") if request.method == "POST" and len(gateway.posts) >= 6 else None

    gateway.faults.append(broken)
    first = sent(gateway, planned)
    assert (first.transfers.posted, first.transfers.refused, first.is_complete) == (1, 2, False)
    gateway.faults.clear()
    assert counts(sent(gateway, planned)) == (0, 5, 2, 1)


def test_what_the_api_refuses_stops_nothing_else(gateway: Gateway) -> None:
    sent(gateway, plan(csv_of(*RENT)))
    gateway.book.done("/accounts/EUR.expenses.rent/freeze")
    report = sent(gateway, plan(csv_of(*(line.replace("| rent |", "| more |") for line in RENT), *FOOD)))
    assert [(each.txnidx, each.code) for each in report.rejected] == [("1", "account_frozen")]
    assert (report.transfers.posted, report.is_complete) == (1, False)


def test_a_refusal_is_not_repeated_once_its_reason_is_gone(gateway: Gateway) -> None:
    sent(gateway, plan(csv_of(*RENT)))
    more = plan(csv_of(*(line.replace("| rent |", "| more |") for line in RENT)))
    gateway.book.done("/accounts/EUR.expenses.rent/freeze")
    assert sent(gateway, more).transfers.refused == 1
    gateway.book.done("/accounts/EUR.expenses.rent/unfreeze")
    assert sent(gateway, more).transfers.posted == 1


def test_an_account_of_that_id_with_another_name_is_left_alone(gateway: Gateway) -> None:
    gateway.book.open("EUR.expenses.rent", name="something else")
    report = sent(gateway, plan(csv_of(*RENT, *FOOD)))
    code = "account_exists_with_different_content"
    assert [(each.name, each.code) for each in report.refused_accounts] == [("expenses:rent", code)]
    assert [(each.txnidx, each.code) for each in report.rejected] == [("1", code)]
    assert report.transfers.posted == 1


def test_a_currency_keeps_its_scale_and_what_does_not_fit_is_named(gateway: Gateway) -> None:
    gateway.book.open("other", name="other")
    fine = tuple(line.replace("10.00", "10.001") for line in RENT)
    report = sent(gateway, plan(csv_of(*fine, *FOOD)))
    assert [(each.txnidx, each.code) for each in report.rejected] == [("1", "too_many_decimals")]
    assert report.transfers.posted == 1


def test_a_currency_gets_the_decimals_that_the_journal_needs(gateway: Gateway) -> None:
    fine = tuple(line.replace("10.00", "10.001") for line in RENT)
    assert sent(gateway, plan(csv_of(*fine, *FOOD))).is_complete
    assert balances(gateway)["expenses:rent", "EUR"] == Fraction("10.001")


def test_a_transfer_of_a_closed_month_is_posted_later_and_says_so(gateway: Gateway) -> None:
    gateway.book.done("/periods/2026-01/close")
    report = sent(gateway, plan(csv_of(*RENT, *FOOD)))
    assert [(each.txnidx, each.late_for) for each in report.late] == [("1", date(2026, 1, 1))]
    assert report.transfers.posted == 2


def test_several_at_a_time_come_to_the_same(gateway: Gateway) -> None:
    lines = [
        f"{n} | 2026-01-{n % 28 + 1:02} | x | {name} | {sign}{n} | EUR"
        for n in range(1, 60)
        for name, sign in (("a", ""), ("b", "-"))
    ]
    assert sent(gateway, plan(csv_of(*lines)), workers=4).is_complete
    assert balances(gateway) == {("a", "EUR"): 1770, ("b", "EUR"): -1770}


@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_is_tried_again(gateway: Gateway, status: int) -> None:
    tried = Counter[str]()

    def fault(request: Request) -> Response | None:
        tried[request.path] += 1
        return refused(status, "later") if tried[request.path] <= 2 else None

    gateway.faults.append(fault)
    assert sent(gateway, plan(csv_of(*RENT))).is_complete
    assert len(gateway.posts) == 3


def test_an_answer_that_was_lost_does_nothing_twice(gateway: Gateway) -> None:
    seen = Counter[str]()

    def lost(request: Request) -> Response | None:
        seen[request.path] += 1
        if seen[request.path] > 1:
            return None
        gateway.answer(request)
        return refused(503, "lost")

    gateway.faults.append(lost)
    assert sent(gateway, plan(csv_of(*RENT))).is_complete
    assert balances(gateway) == {("expenses:rent", "EUR"): 10, ("assets:cash", "EUR"): -10}


@needs_hledger
def test_transactions_over_a_hundred_accounts_end_in_the_balances_of_hledger(gateway: Gateway) -> None:
    count = 1000 if EVERYTHING else 100
    journal = large(count)
    planned = plan(printed(journal))
    report = sent(gateway, planned, workers=2)
    assert (report.transfers.posted, report.is_complete) == (count, True)
    expected = {(name, currency_of(commodity)): value for (name, commodity), value in exact_balances(journal).items()}
    assert {key: value for key, value in balances(gateway).items() if value} == expected
    with importing(gateway) as api:
        day = date(2026, 6, 30)
        assert compared(reported(balance_csv(journal, day + timedelta(days=1))), api.balances_on(day)) == {}
