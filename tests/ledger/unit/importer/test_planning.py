"""A CSV as accounts, transfers and rejections, without hledger."""

from __future__ import annotations

import csv
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.support.planned import HEADER, balances_in_each_commodity, csv_of

from ledger.tools.importer.names import JournalAccount
from ledger.tools.importer.planning import DAYS, ROUNDING, VIRTUAL, plan, scale_of
from ledger.tools.importer.sheet import NotJournalError, decoded, number
from ledger.tools.importer.splitting import MOST, JournalPosting, divided, ordered

RENT = ("1 | 2026-01-01 | rent | expenses:rent | 10.00 | EUR", "1 | 2026-01-01 | rent | assets:cash | -10.00 | EUR")
FOOD = ("2 | 2026-01-02 | food | expenses:food | 3.00 | EUR", "2 | 2026-01-02 | food | assets:cash | -3.00 | EUR")


def ids(*lines: str, journal: str = "") -> list[str]:
    return [transfer.id for transfer in plan(csv_of(*lines), journal).transfers]


def postings(*lines: str) -> dict[tuple[str, str], str]:
    (transfer,) = plan(csv_of(*lines)).transfers
    return {(each.account.name, each.account.commodity): each.text for each in transfer.postings}


def rejected(*lines: str) -> list[tuple[str, str]]:
    return [(each.index, each.code) for each in plan(csv_of(*lines)).rejections]


def test_a_transaction_becomes_a_transfer_of_its_day() -> None:
    (transfer,) = plan(csv_of(*RENT)).transfers
    assert (transfer.day, transfer.description, transfer.index) == ("2026-01-01", "rent", "1")
    assert postings(*RENT) == {("expenses:rent", "EUR"): "10", ("assets:cash", "EUR"): "-10"}


@pytest.mark.parametrize(
    ("text", "value", "decimals"),
    [
        ("1234.56", "1234.56", 2),
        ("-1234,5", "-1234.5", 1),
        ("1,234", "1.234", 3),
        ("1,234,567", "1234567", 0),
        ("1.234,56", "1234.56", 2),
        ("1 234,56", "1234.56", 2),
        ("-0.00", "0", 2),
        ("+5", "5", 0),
        (".5", "0.5", 1),
        ("-,5", "-0.5", 1),
        ("7.", "7", 0),
    ],
)
def test_a_number_is_read_with_either_mark(text: str, value: str, decimals: int) -> None:
    found = number(text)
    assert found
    assert (found.value, found.decimals) == (type(found.value)(value), decimals)


@pytest.mark.parametrize("text", ["", "-", "abc", "1e5", "$5", "5 EUR", "1.2-", "9" * 2000])
def test_what_is_no_number_rejects_its_transaction_alone(text: str) -> None:
    broken = f"7 | 2026-01-01 | x | a | {text} | EUR"
    assert rejected(broken, *FOOD) == [("7", "unreadable")]
    assert len(ids(broken, *FOOD)) == 1


@pytest.mark.parametrize("day", ["", "2026-02-30", "01/02/2026", "20260101", "2026-W01-1"])
def test_what_is_no_date_rejects_its_transaction_alone(day: str) -> None:
    assert rejected(f"7 | {day} | x | a | 0 | EUR", *FOOD) == [("7", "unreadable")]


@pytest.mark.parametrize("off", ["-10.01", "-9.99", "-9.994", "-10.0051"])
def test_a_transaction_that_is_too_far_off_is_rejected(off: str) -> None:
    line = f"1 | 2026-01-01 | x | b | {off} | EUR"
    assert rejected("1 | 2026-01-01 | x | a | 10.00 | EUR", line, *FOOD) == [("1", "unbalanced")]


@pytest.mark.parametrize(("off", "rounding"), [("-9.996", "-0.004"), ("-10.0049", "0.0049")])
def test_a_transaction_that_is_slightly_off_gets_a_posting_for_it(off: str, rounding: str) -> None:
    lines = ("1 | 2026-01-01 | x | a | 10.00 | EUR", f"1 | 2026-01-01 | x | b | {off} | EUR")
    assert postings(*lines)[ROUNDING, "EUR"] == rounding
    assert plan(csv_of(*lines)).rounded == ["1"]


def test_unbalanced_virtual_postings_are_balanced_by_an_account_that_no_journal_has() -> None:
    assert postings("1 | 2026-01-01 | x | (budget:food) | 5.00 | EUR") == {
        ("budget:food", "EUR"): "5",
        (VIRTUAL, "EUR"): "-5",
    }


def test_balanced_virtual_postings_balance_among_themselves() -> None:
    lines = ("1 | 2026-01-01 | x | [a] | 5.00 | EUR", "1 | 2026-01-01 | x | b | -5.00 | EUR")
    assert rejected(*lines) == [("1", "unbalanced")]
    assert postings(lines[0], lines[1].replace("b |", "[b] |")) == {("a", "EUR"): "5", ("b", "EUR"): "-5"}


def test_postings_of_other_days_are_transfers_of_their_own_that_balance() -> None:
    planned = plan(csv_of(RENT[0], f"{RENT[1]} | date:1/31, x"))
    found = {
        transfer.day: {each.account.name: each.text for each in transfer.postings} for transfer in planned.transfers
    }
    assert found == {
        "2026-01-01": {"expenses:rent": "10", DAYS: "-10"},
        "2026-01-31": {"assets:cash": "-10", DAYS: "10"},
    }
    assert [transfer.id[-2:] for transfer in planned.transfers] == [".1", ".2"]
    (whole,) = plan(csv_of(*(f"{line} | [2026-02-03]" for line in RENT))).transfers
    assert whole.day == "2026-02-03"


def test_zeros_are_left_out_and_what_moves_nothing_is_no_transfer() -> None:
    planned = plan(csv_of(*(f"1 | 2026-01-01 | x | {name} | 0 | EUR" for name in "abc"), *FOOD))
    assert (len(planned.transfers), planned.without_effect, planned.rejections) == (1, 1, [])
    assert [account.name for account in planned.accounts] == ["expenses:food", "assets:cash"]


def test_an_account_that_comes_twice_is_posted_twice() -> None:
    (transfer,) = plan(csv_of(*FOOD, *FOOD)).transfers
    assert [each.text for each in transfer.postings] == ["3", "3", "-3", "-3"]


def test_ids_come_from_the_content_wherever_it_stands() -> None:
    (rent,), (food,) = ids(*RENT), ids(*FOOD)
    assert ids(*FOOD, *RENT) == [food, rent]
    assert ids(*(f"9{line[1:]}" for line in RENT)) == [rent]
    assert ids(*reversed(RENT)) == [rent]
    assert ids(*(line.replace("10.00", "10.0000") for line in RENT)) == [rent]


def test_equal_transactions_are_numbered_and_a_further_one_changes_no_other() -> None:
    again = tuple(f"3{line[1:]}" for line in RENT)
    first, food, second = ids(*RENT, *FOOD, *again)
    assert second == f"{first}-2"
    assert ids(*RENT) == [first]
    assert food not in (first, second)


@pytest.mark.parametrize(
    "other",
    [
        ("| rent |", "| Rent |"),
        ("-01-01", "-01-03"),
        ("assets:cash", "assets:bank"),
        ("EUR", "USD"),
        ("10.00", "11.00"),
    ],
)
def test_any_other_content_has_another_id(other: tuple[str, str]) -> None:
    assert ids(*RENT) != ids(*(line.replace(*other) for line in RENT))


def test_journals_with_names_keep_their_equal_transactions_apart() -> None:
    assert ids(*RENT) != ids(*RENT, journal="other")


@pytest.mark.parametrize("name", ["a" * 2001, "a\u202eb"])
def test_a_name_that_the_ledger_cannot_hold_rejects_its_transaction(name: str) -> None:
    assert [index for index, _ in rejected(*(line.replace("assets:cash", name) for line in RENT), *FOOD)] == ["1"]


def test_an_amount_that_the_ledger_cannot_hold_rejects_its_transaction() -> None:
    assert rejected(*(line.replace("10.00", "1" + 24 * "0") for line in RENT)) == [("1", "amount_too_large")]


def test_further_decimals_than_the_ledger_has_are_rounded_and_still_balance() -> None:
    third = "0." + 40 * "3"
    lines = [f"1 | 2026-01-01 | x | {name} | {third} | X" for name in "abc"]
    (transfer,) = plan(csv_of(*lines, "1 | 2026-01-01 | x | d | -1 | X")).transfers
    assert balances_in_each_commodity(transfer)
    assert [each.text for each in transfer.postings][1] == "0.333333333333"


def test_a_description_that_the_api_would_refuse_is_made_one_that_it_takes() -> None:
    (transfer,) = plan(csv_of(*(line.replace("| rent |", f"| a\u2028b{'c' * 600} |") for line in RENT))).transfers
    assert transfer.description == f"a b{'c' * 497}"


def test_a_scale_is_asked_for_only_where_the_usual_one_is_too_small() -> None:
    eur, gold = JournalAccount("a", "EUR"), JournalAccount("a", "gold bars")
    assert [scale_of(eur, 2), scale_of(eur, 3), scale_of(gold, 9), scale_of(eur, 2, least=4)] == [None, 12, None, 12]


amounts = st.lists(st.integers(-1000, 1000).filter(bool), min_size=1, max_size=160)


@given(amounts, st.sampled_from(["X", "Y"]))
def test_a_long_transaction_is_divided_into_transfers_that_balance(drawn: list[int], other: str) -> None:
    names = [JournalAccount(f"a{n}", "X" if n % 3 else other) for n in range(len(drawn))]
    sums: Counter[str] = Counter()
    for name, amount in zip(names, drawn, strict=True):
        sums[name.commodity] -= amount
    whole = [JournalPosting(*each) for each in zip(names, drawn, strict=True)]
    whole += [JournalPosting(JournalAccount("rest", name), amount) for name, amount in sums.items() if amount]
    parts = divided(whole)
    found: Counter[JournalAccount] = Counter()
    for part in parts:
        assert 2 <= len(part) <= MOST
        kept = Counter[str]()
        for posting in part:
            found[posting.account] += posting.amount
            kept[posting.account.commodity] += posting.amount
        assert not any(kept.values())
    assert found == {posting.account: posting.amount for posting in whole}
    assert parts == divided(list(reversed(whole)))


def test_opposites_of_a_long_transaction_stay_whole() -> None:
    whole = [
        JournalPosting(JournalAccount(f"{side}{n}", "X"), sign * (n + 1))
        for n in range(40)
        for side, sign in (("d", 1), ("c", -1))
    ]
    parts = divided(whole)
    assert ordered(posting for part in parts for posting in part) == ordered(whole)


def test_lines_of_one_account_are_added_up_only_where_there_are_too_many() -> None:
    many = [JournalPosting(JournalAccount("a", "X"), 1)] * 60 + [JournalPosting(JournalAccount("b", "X"), -60)]
    (part,) = divided(many)
    assert [posting.amount for posting in part] == [60, -60]
    assert len(divided([*many[:10], JournalPosting(JournalAccount("b", "X"), -10)])[0]) == 11


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"account,balance\na,5\n", "no column txnidx"),
        ("é;x".encode("latin-1"), "not UTF-8"),
        (f'{",".join(HEADER)}\n"open'.encode(), "not CSV"),
        (b"2026-01-01 x\n  a  5\n  b\n", "no column"),
    ],
)
def test_a_file_that_is_not_a_journal_is_refused_with_what_to_do(content: bytes, said: str) -> None:
    with pytest.raises(NotJournalError, match=said) as refused:
        plan(decoded(content))
    assert "hledger print -x --infer-equity -O csv" in str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_encodings_and_windows_lines_change_nothing(encoding: str) -> None:
    text = csv_of(*RENT, *FOOD)
    assert plan(decoded(text.replace("\n", "\r\n").encode(encoding))) == plan(text)


def test_a_line_that_lacks_columns_rejects_its_transaction_alone() -> None:
    assert [each.index for each in plan(csv_of(*FOOD) + '"9","2026-01-01","x"\n').rejections] == ["9"]


def test_columns_may_come_in_any_order_with_others_between() -> None:
    text = "amount,new,commodity,account,description,date,txnidx\n"
    text += "5,?,EUR,a,x,2026-01-01,1\n-5,?,EUR,b,x,2026-01-01,1\n"
    assert len(plan(text).transfers) == 1


def test_other_readers_of_csv_keep_their_limit() -> None:
    before = csv.field_size_limit()
    plan(
        csv_of(
            "1 | 2026-01-01 | rent | expenses:rent | 10.00 | EUR", "1 | 2026-01-01 | rent | assets:cash | -10.00 | EUR"
        )
    )
    assert csv.field_size_limit() == before
