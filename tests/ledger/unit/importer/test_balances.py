"""The balances that hledger reports, read and compared without hledger."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ledger.tools.importer.api import AccountBalance
from ledger.tools.importer.balances import compared, confirmed, reported
from ledger.tools.importer.names import currency_of
from ledger.tools.importer.planning import ROUNDING
from ledger.tools.importer.sheet import NotJournalError

GOLD = currency_of("gold bars")


def account(name: str, currency: str, balance: str) -> AccountBalance:
    return AccountBalance(accountId="x", type="asset", name=name, currency=currency, balance=balance)


def differing(report: str, *accounts: AccountBalance) -> list[tuple[str, str]]:
    return list(compared(reported(report), accounts))


@pytest.mark.parametrize(
    ("cell", "amounts"),
    [
        ("0", {"": "0"}),
        ("$-93.46", {"$": "-93.46"}),
        ("10.250, $10.00, -13,33 EUR, h-5", {"": "10.250", "$": "10.00", "EUR": "-13.33", "h": "-5"}),
        ('7.5 "gold bars", -5 €', {"gold bars": "7.5", "€": "-5"}),
        ('"gold bars" -7', {"gold bars": "-7"}),
    ],
)
def test_amounts_of_a_cell_are_read_one_by_one(cell: str, amounts: dict[str, str]) -> None:
    quoted = cell.replace('"', '""')
    found = reported(f'"account","balance"\n"a","{quoted}"\n')
    assert {key: each.value for key, each in found.items()} == {
        ("a", currency_of(name)): Fraction(amount) for name, amount in amounts.items()
    }


@pytest.mark.parametrize(
    "text", ["", "account,amount\na,5\n", 'account,balance\na,"5 X Y"\n', "account,balance\na,5,6\n"]
)
def test_another_report_is_refused(text: str) -> None:
    with pytest.raises(NotJournalError, match="hledger balance"):
        reported(text)


def test_what_hledger_rounds_agrees_and_what_is_further_off_does_not() -> None:
    report = "account,balance\na,$5.00\n"
    assert differing(report, account("a", "0x24", "5.005")) == []
    assert differing(report, account("a", "0x24", "5.0051")) == [("a", "0x24")]


def test_decimals_that_the_ledger_does_not_have_make_no_difference() -> None:
    report = "account,balance\na,1.33333333333333 EUR\n"
    assert differing(report, account("a", "EUR", "1.333333333334")) == []
    assert differing(report, account("a", "EUR", "1.333333334")) == [("a", "EUR")]


def test_an_account_that_one_side_lacks_differs_unless_it_is_empty_or_of_the_import() -> None:
    report = "account,balance\na,5 EUR\n"
    others = [account("b", "EUR", "0"), account(ROUNDING, "EUR", "9"), account("a", "EUR", "5")]
    assert differing(report, *others) == []
    assert differing(report, *others, account("c", "EUR", "1")) == [("c", "EUR")]
    assert differing(report) == [("a", "EUR")]
    assert differing(f"{report}{ROUNDING},7 EUR\n", *others) == [(ROUNDING, "EUR")]


def test_a_total_is_not_an_account_unless_there_is_one_of_that_name() -> None:
    report = "account,commodity,balance\ntotal,X,5\ntotal,X,0\n"
    assert differing(report) == []
    assert differing(report, account("total", "0x58", "5")) == []
    assert differing(report, account("total", "0x58", "0")) == [("total", "0x58")]


def test_what_read_models_have_not_got_to_yet_is_waited_for() -> None:
    balances = iter(["0", "0", "5"])
    pauses: list[None] = []
    report = reported("account,balance\na,5 EUR\n")
    found = confirmed(lambda: [account("a", "EUR", next(balances))], report, lambda: pauses.append(None))
    assert (found, len(pauses)) == ([], 2)
