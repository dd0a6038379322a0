"""Names of a journal in the ledger: each in one way, none like another, and back."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.ledger.support.planned import account_of

from banyan.streams import MAX_TENANT, StreamId
from ledger.tools.importer.names import LONGEST_ID, JournalAccount, commodity_of, currency_of

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400)
commodities = st.one_of(st.sampled_from(["", "$", "€", "h", "EUR", "0x24", "0zABC", "gold bars", "0x"]), names)


@pytest.mark.parametrize(
    ("commodity", "currency"),
    [
        ("EUR", "EUR"),
        ("gold", "gold"),
        ("$", "0x24"),
        ("€", "0xE282AC"),
        ("h", "0x68"),
        ("", "0x"),
        ("0x24", "0x30783234"),
        ("XAF", "XAF"),
    ],
)
def test_a_code_stays_and_a_symbol_is_spelled(commodity: str, currency: str) -> None:
    assert (currency_of(commodity), commodity_of(currency)) == (currency, commodity)


@given(st.lists(commodities, min_size=2, max_size=20, unique=True))
def test_no_two_commodities_share_a_currency(several: list[str]) -> None:
    currencies = [currency_of(each) for each in several]
    assert len(set(currencies)) == len(several)
    assert all(2 <= len(each) <= 12 and each.isalnum() and each.isascii() for each in currencies)
    for commodity, currency in zip(several, currencies, strict=True):
        assert commodity_of(currency) in (commodity, None)


@given(st.lists(st.tuples(names, commodities), min_size=2, max_size=8, unique=True))
@example([("a:b", "EUR"), ("a.b", "EUR"), ("a b", "EUR"), ("a_20b", "EUR"), ("A:b", "EUR"), ("a:b:", "EUR")])
@example([("épicerie:日本", "$"), ("e\u0301picerie:日本", "$"), ("é" * 300, "$"), ("é" * 300 + "a", "$")])
def test_no_two_accounts_share_an_id(several: list[tuple[str, str]]) -> None:
    accounts = [JournalAccount(*each) for each in several]
    for one, other in combinations(accounts, 2):
        assert one.id != other.id
    for account in accounts:
        StreamId("t" * MAX_TENANT, "account", account.id)
        assert len(account.id) <= LONGEST_ID
        assert account_of(account.id) in (account, None)


def test_a_readable_name_gets_a_readable_id_and_comes_back_from_it() -> None:
    account = JournalAccount("assets:bank:Checking Account", "EUR")
    assert account.id == "EUR.assets.bank.Checking_20Account"
    assert account_of(account.id) == account


def test_long_names_that_differ_at_their_end_get_different_ids() -> None:
    one, other = (JournalAccount(f"assets:{'long ' * 80}{end}", "EUR") for end in "ab")
    assert one.id != other.id
    assert len(one.id) == len(other.id) == LONGEST_ID


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("assets", "asset"),
        ("Asset:cash", "asset"),
        ("ASSETS:x", "asset"),
        ("assetsx:y", "equity"),
        ("liabilities:card", "liability"),
        ("liability", "liability"),
        ("debts:me", "liability"),
        ("income:x", "income"),
        ("Revenues", "income"),
        ("revenue:x", "income"),
        ("expenses:x", "expense"),
        ("expense", "expense"),
        ("equity:x", "equity"),
        ("other:assets", "equity"),
    ],
)
def test_the_type_comes_from_the_first_part_of_the_name(name: str, type: str) -> None:
    assert JournalAccount(name, "EUR").type == type
