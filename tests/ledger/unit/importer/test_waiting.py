"""An import ends when read models show what it posted, or says that they do not yet."""

from __future__ import annotations

from tests.ledger.support.gateway import Gateway, importing
from tests.ledger.support.planned import csv_of

from ledger.tools.importer.planning import plan
from ledger.tools.importer.sending import send_journal
from ledger.tools.importer.waiting import MOST_LOOKS, expected_versions, wait_for

RENT = ("1 | 2026-01-01 | rent | expenses:rent | 10.00 | EUR", "1 | 2026-01-01 | rent | assets:cash | -10.00 | EUR")
FOOD = ("2 | 2026-02-02 | food | expenses:food | 3.00 | EUR", "2 | 2026-02-02 | food | assets:cash | -3.00 | EUR")
CASH, RENTS, MEALS = "EUR.assets.cash", "EUR.expenses.rent", "EUR.expenses.food"


def test_each_posting_is_one_version_more_than_there_was() -> None:
    with importing(Gateway()) as api:
        first = send_journal(api, plan(csv_of(*RENT)), workers=1)
        assert expected_versions(first.known, first.transfers) == {CASH: 2, RENTS: 2}
        second = send_journal(api, plan(csv_of(*RENT, *FOOD)), workers=1)
        assert expected_versions(second.known, second.transfers) == {CASH: 3, MEALS: 2}


def test_it_waits_until_all_accounts_are_shown() -> None:
    gateway = Gateway()
    shown: list[int] = []
    pauses: list[str] = []

    def pause() -> None:
        pauses.append("pause")
        gateway.catches_up = len(pauses) > 2

    with importing(gateway) as api:
        sent = send_journal(api, plan(csv_of(*RENT, *FOOD)), workers=1)
        gateway.catches_up = False
        assert wait_for(api, expected_versions(sent.known, sent.transfers), pause, shown.append)
    assert sum(shown) == 3
    assert len(pauses) == 3


def test_it_gives_up_when_nothing_comes_any_further() -> None:
    gateway = Gateway()
    looks: list[int] = []
    with importing(gateway) as api:
        assert not wait_for(api, {CASH: 2}, lambda: None, looks.append)
    assert looks == [0] * MOST_LOOKS
