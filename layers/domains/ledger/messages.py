"""What requests and answers of the API look like; amounts in answers have the decimals of their currency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StringConstraints

from banyan import CamelModel
from banyan.answers import Provenance
from banyan.text import Composed, Day, Readable, moment
from ledger.accounts.decider import Account, AccountStatus
from ledger.accounts.events import AccountId, AccountType, Name, Overdraft
from ledger.amounts import ZERO, Amount, GivenAmount
from ledger.currencies import Currency, Scale
from ledger.transfers.events import Booking, Description, Posting, TransferId
from ledger.transfers.state import Transfer, TransferStatus


def _utc_day(value: Any) -> Any:
    return moment(value).date() if isinstance(value, str) and "T" in value else value


DayOrMoment = Annotated[Day, BeforeValidator(_utc_day)]
"""A day, or a moment in place of its day in UTC."""

SECONDS_AT_MOST = 366 * 24 * 3600


class NewAccount(CamelModel):
    """Body of ``POST /accounts``; without ``accountId`` it gets one."""

    account_id: AccountId | None = None
    type: AccountType
    currency: Currency
    name: Name = ""
    overdraft: Overdraft = Overdraft.ALLOWED
    scale: Scale | None = None


class NewPosting(CamelModel):
    """An amount for one account: positive debits, negative credits."""

    account_id: AccountId
    amount: GivenAmount

    def posting(self) -> Posting:
        """As a command has it."""
        return Posting(account_id=self.account_id, amount=self.amount)


class NewTransfer(CamelModel):
    """Body of ``POST /transfers``; without ``transferId`` it gets one."""

    transfer_id: TransferId | None = None
    effective_date: Day | None = None
    description: Description = ""
    postings: Annotated[tuple[NewPosting, ...], Field(min_length=2, max_length=50)]
    pending: StrictBool = False
    expires_in_seconds: Annotated[StrictInt, Field(ge=1, le=SECONDS_AT_MOST)] | None = None


class PartToPost(CamelModel):
    """Body of ``POST /transfers/{id}/post``; without an amount all is posted."""

    amount: GivenAmount | None = None


_Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Composed, Readable]


class OptionalReason(CamelModel):
    """Body of a request that may say why."""

    reason: _Reason = ""


class GivenReason(CamelModel):
    """Body of a request that has to say why."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Composed, Readable]


class AccountState(CamelModel):
    """An account.

    Parameters
    ----------
    balance : str
        Debits less credits of what is posted.
    pending_debits, pending_credits : str
        What is held for pending transfers.
    available : str
        What can be taken out, in the account's own sense: for an asset or expense its balance, for another its balance
        with the sign turned, less what is held to leave it.
    """

    account_id: str
    type: AccountType
    currency: str
    scale: int
    name: str
    overdraft: Overdraft
    status: AccountStatus
    balance: str
    pending_debits: str
    pending_credits: str
    available: str


class AccountCommandAnswer(AccountState):
    """An account after a command."""

    version: int


class AccountAnswer(AccountState, Provenance):
    """An account, and where the answer comes from."""


class ListedAccount(AccountState):
    """An account in a list."""

    version: int


class AccountPage(Provenance):
    """A page of accounts, and the cursor of the next one."""

    accounts: tuple[ListedAccount, ...]
    cursor: str | None


class StatementLine(CamelModel):
    """One posting.

    Parameters
    ----------
    balance : str
        Of the account behind this line, by effective date.
    """

    effective_date: date
    recorded_at: datetime
    transfer_id: str
    amount: str
    balance: str
    description: str
    reverses: str | None = None


class StatementAnswer(Provenance):
    """What counts from one day to another, a page of it, and the cursor of the next one.

    Parameters
    ----------
    opening_balance, closing_balance : str
        Before the first day and behind the last one, whatever the page.
    """

    account_id: str
    currency: str
    opening_balance: str
    closing_balance: str
    lines: tuple[StatementLine, ...]
    cursor: str | None


class BookingAnswer(CamelModel):
    """An amount of an account."""

    account_id: str
    amount: str
    currency: str


class TransferState(CamelModel):
    """A transfer.

    Parameters
    ----------
    effective_date : date, optional
        The day for which it counts, once it is posted.
    late_for : date, optional
        The day that was asked for, whose period was closed.
    reversal_requested : str, optional
        Its reversal, while that waits for approval.
    """

    transfer_id: str
    status: TransferStatus
    effective_date: date | None = None
    late_for: date | None = None
    expires_at: datetime | None = None
    reverses: str | None = None
    reversal_requested: str | None = None
    reversed_by: str | None = None


class TransferCommandAnswer(TransferState):
    """A transfer after a command."""

    version: int


class TransferAnswer(TransferState, Provenance):
    """A transfer in full, and where the answer comes from.

    Parameters
    ----------
    postings : tuple[BookingAnswer, ...]
        What was asked for; currencies and decimals are known once it holds or moved them.
    held, posted : tuple[BookingAnswer, ...]
        What it holds while it is pending, and what it moved.
    """

    description: str
    author: str
    approver: str | None = None
    asked_date: date | None = None
    postings: tuple[Posting, ...]
    held: tuple[BookingAnswer, ...]
    posted: tuple[BookingAnswer, ...]


class ListedTransfer(TransferState):
    """A transfer in a list."""

    description: str
    author: str
    postings: tuple[Posting, ...]
    version: int


class TransferPage(Provenance):
    """A page of transfers, and the cursor of the next one."""

    transfers: tuple[ListedTransfer, ...]
    cursor: str | None


class JournalEntry(CamelModel):
    """A transfer that is posted.

    Parameters
    ----------
    recorded_at : datetime
        When it was posted, UTC.
    """

    transfer_id: str
    effective_date: date
    late_for: date | None = None
    recorded_at: datetime
    description: str
    reverses: str | None = None
    reversed_by: str | None = None
    postings: tuple[BookingAnswer, ...]


class Journal(Provenance):
    """A page of the journal, and the cursor of the next one."""

    entries: tuple[JournalEntry, ...]
    cursor: str | None


class AccountBalance(CamelModel):
    """The balance of an account, as a debit or as a credit, and as debits less credits."""

    account_id: str
    name: str
    type: AccountType
    currency: str
    debit: str
    credit: str
    balance: str


class CurrencyTotals(CamelModel):
    """Sum of the debit and of the credit balances in a currency, which are equal."""

    currency: str
    debits: str
    credits: str


class TrialBalance(CamelModel):
    """Balances of all accounts at one moment.

    Parameters
    ----------
    at : datetime
        What was recorded by then counts, whole transfers only.
    as_of : datetime, optional
        When the newest event was recorded that the accounts in it show; what came after it had not arrived yet.
    effective_at : date, optional
        Only what counts up to this day.
    """

    at: datetime
    as_of: datetime | None
    effective_at: date | None = None
    totals: tuple[CurrencyTotals, ...]
    accounts: tuple[AccountBalance, ...]


class PeriodAnswer(CamelModel):
    """How a period stands after a command."""

    period: str
    closed: bool
    version: int


class PeriodState(CamelModel):
    """A period that is or was closed, and who changed that last."""

    period: str
    closed: bool
    reason: str
    actor: str
    changed_at: datetime


class PeriodPage(Provenance):
    """A page of periods, and the cursor of the next one; a month that is not listed was never closed."""

    periods: tuple[PeriodState, ...]
    cursor: str | None


def account_state(account: Account) -> dict[str, object]:
    """Members of an answer about an account."""
    scale = account.scale
    amounts = {
        "balance": account.balance.text(scale),
        "pending_debits": account.pending_debits.text(scale),
        "pending_credits": account.pending_credits.text(scale),
        "available": account.available.text(scale),
    }
    return {**{name: getattr(account, name) for name in Account.model_fields}, **amounts}


def transfer_state(transfer: Transfer) -> dict[str, object]:
    """Members of an answer about a transfer."""
    return {
        "transfer_id": transfer.transfer_id,
        "status": transfer.status,
        "effective_date": transfer.effective_date,
        "late_for": transfer.late_for,
        "expires_at": transfer.expires_at,
        "reverses": transfer.reverses or None,
        "reversal_requested": None if transfer.reversed else transfer.reversal or None,
        "reversed_by": transfer.reversal if transfer.reversed else None,
    }


def account_balance(account: Account, balance: Amount) -> AccountBalance:
    """A line of the trial balance."""
    scale = account.scale
    return AccountBalance(
        account_id=account.account_id,
        name=account.name,
        type=account.type,
        currency=account.currency,
        debit=max(balance, ZERO).text(scale),
        credit=max(-balance, ZERO).text(scale),
        balance=balance.text(scale),
    )


def bookings(booked: Sequence[Booking]) -> list[dict[str, object]]:
    """Members of an answer about amounts."""
    return [
        {"account_id": each.account_id, "amount": each.amount.text(each.scale), "currency": each.currency}
        for each in booked
    ]
