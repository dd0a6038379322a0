"""What a journal becomes has the balances that hledger finds, by account and commodity, on every day asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from tests.ledger.support.hledger import Balances, exact_balances, needs_hledger, printed, shown_balances
from tests.ledger.support.journals import DAYS, FIRST, journals, large
from tests.ledger.support.planned import balances_in_each_commodity
from tests.support.clocks import EVERYTHING

from ledger.tools.importer.planning import EXTRA, JournalTransfer, plan

pytestmark = [needs_hledger, pytest.mark.timeout(900)]

bounded = settings(
    max_examples=200 if EVERYTHING else 12,
    phases=(Phase.explicit, Phase.generate),  # each step of shrinking would run hledger four times
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
MIDDLE = FIRST + timedelta(days=DAYS // 2)


def posted(transfers: Iterable[JournalTransfer], end: date | None = None) -> Balances:
    sums: Counter[tuple[str, str]] = Counter()
    for transfer in transfers:
        for posting in transfer.postings:
            if not end or date.fromisoformat(transfer.day) < end:
                sums[posting.account.name, posting.account.commodity] += posting.amount
    return {key: Fraction(amount, 10**12) for key, amount in sums.items() if amount and key[0] not in EXTRA}


def differences(found: Balances, expected: Balances) -> dict[tuple[str, str], tuple[float, float]]:
    keys = found.keys() | expected.keys()
    pairs = {key: (found.get(key, Fraction()), expected.get(key, Fraction())) for key in keys}
    return {key: (float(a), float(b)) for key, (a, b) in pairs.items() if abs(a - b) > Fraction(1, 10**9)}


@bounded
@given(journal=journals)
def test_random_journals_have_the_balances_of_hledger(journal: str) -> None:
    try:
        text = printed(journal)
    except ValueError:
        assume(False)
    planned = plan(text)
    assert planned.rejections == []
    for end in (None, MIDDLE):
        assert differences(posted(planned.transfers, end), exact_balances(journal, end)) == {}
    found = posted(planned.transfers)
    for key, shown in shown_balances(journal).items():
        half = Fraction(1, 2 * 10 ** -int(shown.as_tuple().exponent))
        assert abs(found.get(key, Fraction()) - Fraction(shown)) <= half + Fraction(1, 10**9), key


def test_a_thousand_transactions_over_a_hundred_accounts_have_the_balances_of_hledger() -> None:
    journal = large(1000)
    planned = plan(printed(journal))
    assert (len(planned.transfers), planned.rejections) == (1000, [])
    assert len({posting.account.name for transfer in planned.transfers for posting in transfer.postings}) >= 100
    for end in (None, date(2026, 3, 1), date(2026, 9, 1)):
        assert differences(posted(planned.transfers, end), exact_balances(journal, end)) == {}


@pytest.mark.parametrize(
    ("written", "rounded"),
    [
        ("a  10 X @ $1.3333\n b  $-13.33", True),
        ("a  $10.005\n b  $-10.00", True),
        ("a  $10.0049\n b  $-10.00\n (v)  $3", True),
        ("[a]  $10.004\n [b]  $-10.00", True),
        ("a  $10.0012\n b", False),
        ("a  3 X\n b  4 X\n c  $-10.00", False),
        ("a  0.123456789 X @ $0.123456789\n b", False),
        ("a  3 X @ 2 X\n b", False),
    ],
)
def test_what_hledger_lets_pass_is_rounded(written: str, rounded: bool) -> None:
    journal = f"commodity $1,000.00\n2026-01-01 x\n {written}\n"
    planned = plan(printed(journal))
    assert (planned.rejections, bool(planned.rounded)) == ([], rounded)
    assert differences(posted(planned.transfers), exact_balances(journal)) == {}
    assert all(balances_in_each_commodity(transfer) for transfer in planned.transfers)
