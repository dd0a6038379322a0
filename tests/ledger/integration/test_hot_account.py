"""Transfers into one account, as the benchmark sends them; the page about the ledger shows its last figures."""

from __future__ import annotations

from bench.hot_account import AGAIN, APART, BEGIN, END, HOT, NAME, PAGE, measure, shown
from bench.stored import read_stored
from tests.support.clocks import lengthy
from tests.support.engines import DynamoDBEngine


@lengthy
def test_clients_post_into_one_account_and_between_their_own(dynamodb_local: DynamoDBEngine) -> None:
    into_one, apart, again = measure(dynamodb_local, clients=1, seconds=0.3)

    assert (into_one.what, apart.what, again.what) == (HOT, APART, AGAIN)
    assert into_one.value > 0 < apart.value
    assert again.value == 0


def test_the_page_shows_what_was_measured_last() -> None:
    block = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()

    assert block == shown(read_stored(NAME)), "run `make bench-hot-account`"
