"""What can happen to a transfer. Nothing is ever edited: what was wrong is reversed by another transfer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import StringConstraints

from banyan import CamelModel, DomainEvent
from banyan.text import Composed, Readable
from ledger.accounts.events import AccountId, Reason
from ledger.amounts import Amount

TransferId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Composed, Readable]


class Posting(CamelModel):
    """An amount for one account."""

    account_id: AccountId
    amount: Amount


class Booking(CamelModel):
    """An amount that was posted, with the currency of its account and its decimals."""

    account_id: AccountId
    amount: Amount
    currency: str
    scale: int


class TransferSubmitted(DomainEvent):
    """A transfer was asked for; another event of the same commit says what came of it.

    Parameters
    ----------
    author : str
        Subject of the token; only another may approve it.
    content : str
        Digest of what was asked, by which a repeat is recognised; none for a reversal.
    asked_date : date, optional
        The day for which it is to count; without one it is the day of posting.
    expires_in_seconds : int, optional
        Of a pending transfer, from the moment on at which it holds its amounts.
    reverses : str
        The transfer that it corrects, if it is a reversal.
    """

    transfer_id: str
    author: str
    content: str = ""
    postings: tuple[Posting, ...]
    description: str = ""
    asked_date: date | None = None
    pending: bool = False
    expires_in_seconds: int | None = None
    reverses: str = ""


class ApprovalRequested(DomainEvent):
    """It is above a limit: it moves and holds nothing until another person approves it."""

    limits: dict[str, Amount]


class TransferApproved(DomainEvent):
    """Another person than its author approved it."""

    approver: str


class TransferRejected(DomainEvent):
    """It was not approved, and nothing will come of it."""

    approver: str
    reason: Reason = ""


class TransferHeld(DomainEvent):
    """It is pending: its amounts are held until it is posted, voided or expired."""

    bookings: tuple[Booking, ...]
    expires_in_seconds: int | None = None
    expires_at: datetime | None = None


class TransferPosted(DomainEvent):
    """Its amounts are in the accounts.

    Parameters
    ----------
    effective_date : date
        The day for which it counts.
    late_for : date, optional
        The day that was asked for, whose period was closed.
    """

    transfer_id: str
    bookings: tuple[Booking, ...]
    effective_date: date
    late_for: date | None = None
    description: str = ""
    reverses: str = ""


class TransferVoided(DomainEvent):
    """Pending, it was given up: what it held is free."""

    reason: Reason = ""


class TransferExpired(DomainEvent):
    """Pending, it was not posted in time: what it held is free."""


class ReversalRequested(DomainEvent):
    """Its reversal waits for approval."""

    reversal: str


class ReversalRejected(DomainEvent):
    """Its reversal was not approved."""

    reversal: str


class TransferReversed(DomainEvent):
    """Another transfer took back what it moved."""

    reversal: str
    effective_date: date
    late_for: date | None = None


EVENTS: Final = (
    TransferSubmitted,
    ApprovalRequested,
    TransferApproved,
    TransferRejected,
    TransferHeld,
    TransferPosted,
    TransferVoided,
    TransferExpired,
    ReversalRequested,
    ReversalRejected,
    TransferReversed,
)
