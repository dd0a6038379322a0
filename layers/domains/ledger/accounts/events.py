"""What can happen to an account. A transfer leaves one event for each of its postings."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final

from pydantic import StringConstraints

from banyan import DomainEvent
from banyan.text import Composed, Readable
from ledger.amounts import Amount
from ledger.currencies import Currency, Scale

AccountId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$")]
LONGEST_NAME: Final = 2000
Name = Annotated[str, StringConstraints(max_length=LONGEST_NAME), Readable]
"""Kept letter by letter: other programs know an account by it."""
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Composed, Readable]


class AccountType(StrEnum):
    """Assets and expenses grow by debits, the others by credits."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def sign(self) -> int:
        """1 where a debit makes more of it, -1 where a credit does."""
        return 1 if self in (AccountType.ASSET, AccountType.EXPENSE) else -1


class Overdraft(StrEnum):
    """Whether an account may fall below zero."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


class AccountOpened(DomainEvent):
    """An account exists from now on."""

    account_id: AccountId
    type: AccountType
    currency: Currency
    scale: Scale
    name: Name
    overdraft: Overdraft


class AccountFrozen(DomainEvent):
    """The account takes nothing until it is unfrozen."""

    reason: Reason = ""


class AccountUnfrozen(DomainEvent):
    """The account takes postings again."""

    reason: Reason = ""


class AccountClosed(DomainEvent):
    """The account, empty, takes nothing any more."""

    reason: Reason = ""


class AmountPosted(DomainEvent):
    """One posting of a transfer.

    Parameters
    ----------
    line : int
        Which of the transfer's postings, from 0.
    effective_date : date
        The day for which it counts.
    reverses : str
        The transfer that this one corrects, if it is a reversal.
    """

    transfer_id: str
    line: int
    amount: Amount
    effective_date: date
    description: str = ""
    reverses: str = ""


class AmountHeld(DomainEvent):
    """One posting of a pending transfer: the amount is held for it."""

    transfer_id: str
    line: int
    amount: Amount


class HoldReleased(DomainEvent):
    """What was held for one posting of a transfer is held no longer, since the transfer was resolved."""

    transfer_id: str
    line: int
    amount: Amount


EVENTS = (AccountOpened, AccountFrozen, AccountUnfrozen, AccountClosed, AmountPosted, AmountHeld, HoldReleased)
