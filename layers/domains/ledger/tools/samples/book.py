"""What happened in the book: four accounts, and a transfer in each state that one can be in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any, Final

from banyan_tools.samples.history import START, History
from ledger import DOMAIN
from ledger.accounts.events import AccountType, Overdraft
from ledger.accounts.opening import OpenAccount
from ledger.amounts import Amount
from ledger.periods.decider import ClosePeriod, first_shard
from ledger.transfers.commands import ReverseTransfer, SubmitTransfer
from ledger.transfers.events import Posting

AUTHOR: Final = "alice"
CLOSED: Final = "2025-12"
LIMIT: Final = Amount.parse("1000")


@cache
def book() -> History:
    """The book, made by the domain itself."""
    made = History(DOMAIN)
    for number, (entity, id, command) in enumerate(_happened(), start=1):
        made.handle(entity, id, f"{id}-{number}", command, AUTHOR)
    return made


def _happened() -> Iterator[tuple[str, str, Any]]:
    for account in (
        OpenAccount(account_id="cash", type=AccountType.ASSET, currency="EUR", overdraft=Overdraft.FORBIDDEN),
        OpenAccount(account_id="bank", type=AccountType.ASSET, currency="EUR", name="Current account"),
        OpenAccount(account_id="sales", type=AccountType.INCOME, currency="EUR"),
        OpenAccount(account_id="rent", type=AccountType.EXPENSE, currency="EUR"),
    ):
        yield "account", account.account_id, account
    for transfer in (
        _transfer("sale-1", "cash", "sales", "120.50"),
        _transfer("sale-2", "bank", "sales", "80"),
        _transfer("sale-3", "bank", "sales", "45"),
        _transfer("deposit-1", "bank", "cash", "20", pending=True),
        _transfer("deposit-2", "bank", "cash", "30", pending=True),
        _transfer("rent-1", "rent", "bank", "1500", description="January"),
    ):
        yield "transfer", transfer.transfer_id, transfer
    reversal = ReverseTransfer(transfer_id="sale-2", reason="entered twice", author=AUTHOR, now=START)
    yield "transfer", "sale-2", reversal
    yield "period", first_shard(CLOSED), ClosePeriod(period=CLOSED)


def _transfer(id: str, to: str, source: str, amount: str, **more: Any) -> SubmitTransfer:
    moved = Amount.parse(amount)
    return SubmitTransfer(
        transfer_id=id,
        postings=(Posting(account_id=to, amount=moved), Posting(account_id=source, amount=Amount(-moved))),
        effective_date=date(2026, 1, 5),
        author=AUTHOR,
        now=START,
        limits={"EUR": LIMIT},
        **more,
    )
