"""Where a transfer stands, and how events change it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from banyan import CamelModel, Decider, DomainEvent
from banyan.errors import ConfigurationError
from ledger.rejections import no_transfer
from ledger.transfers.commands import ExpireTransfer
from ledger.transfers.events import (
    ApprovalRequested,
    Booking,
    Posting,
    ReversalRejected,
    ReversalRequested,
    TransferApproved,
    TransferExpired,
    TransferHeld,
    TransferPosted,
    TransferRejected,
    TransferReversed,
    TransferSubmitted,
    TransferVoided,
)


class TransferStatus(StrEnum):
    """Where a transfer stands; all but the first two are final."""

    AWAITING_APPROVAL = "awaiting_approval"
    PENDING = "pending"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"
    REJECTED = "rejected"


_ENDED: Final = {TransferVoided: TransferStatus.VOIDED, TransferExpired: TransferStatus.EXPIRED}


class Transfer(CamelModel):
    """The state of a transfer; ``status`` is ``None`` until it is submitted.

    Parameters
    ----------
    submitted_as : TransferStatus, optional
        How it stood when it was submitted.
    asked_date : date, optional
        The day that was asked for.
    held, posted : tuple[Booking, ...]
        What it holds while it is pending, and what it moved.
    effective_date : date, optional
        The day for which it counts, once it is posted.
    reversal : str
        The transfer that takes it back or is to take it back.
    reversals : int
        How many were asked for.
    """

    transfer_id: str = ""
    author: str = ""
    content: str = ""
    status: TransferStatus | None = None
    submitted_as: TransferStatus | None = None
    postings: tuple[Posting, ...] = ()
    description: str = ""
    pending: bool = False
    asked_date: date | None = None
    expires_in_seconds: int | None = None
    expires_at: datetime | None = None
    approver: str = ""
    held: tuple[Booking, ...] = ()
    posted: tuple[Booking, ...] = ()
    effective_date: date | None = None
    late_for: date | None = None
    reverses: str = ""
    reversal: str = ""
    reversals: int = 0
    reversed: bool = False

    @property
    def standing(self) -> str:
        """Its status, in words."""
        return self.status.value.replace("_", " ") if self.status else "unknown"

    def as_submitted(self) -> Transfer:
        """As far as its first answer goes, as it was when it was submitted."""
        later = {"reversal": "", "reversed": False, "status": self.submitted_as}
        if self.submitted_as is not TransferStatus.POSTED:
            later |= {"effective_date": None, "late_for": None}
        if self.submitted_as is not TransferStatus.PENDING:
            later |= {"expires_at": None}
        return self.model_copy(update=later)


def check_known(transfer: Transfer) -> Transfer:
    """The transfer, if it was submitted. Raises ``NotFound``."""
    if transfer.status is None:
        raise no_transfer()
    return transfer


T = TypeVar("T", bound=Transfer)


def evolve(transfer: T, event: DomainEvent) -> T:
    """State after one more event; works for every model that extends ``Transfer``."""
    changes = _changes(transfer, event)
    status = changes.get("status")
    if status and transfer.submitted_as is None:
        changes["submitted_as"] = status
    return transfer.model_copy(update=changes)


def _changes(transfer: Transfer, event: DomainEvent) -> dict[str, Any]:
    match event:
        case TransferSubmitted():
            return dict(event)
        case ApprovalRequested():
            return {"status": TransferStatus.AWAITING_APPROVAL}
        case TransferApproved(approver=approver):
            return {"approver": approver}
        case TransferRejected(approver=approver):
            return {"status": TransferStatus.REJECTED, "approver": approver}
        case TransferHeld(bookings=bookings, expires_at=expires_at):
            return {"status": TransferStatus.PENDING, "held": bookings, "expires_at": expires_at}
        case TransferPosted(bookings=bookings, effective_date=day, late_for=late_for):
            done = {"posted": bookings, "held": (), "effective_date": day, "late_for": late_for}
            return {"status": TransferStatus.POSTED, **done}
        case TransferVoided() | TransferExpired():
            return {"status": _ENDED[type(event)], "held": ()}
    return _reversal(transfer, event)


def _reversal(transfer: Transfer, event: DomainEvent) -> dict[str, Any]:
    match event:
        case ReversalRequested(reversal=reversal):
            return {"reversal": reversal, "reversals": transfer.reversals + 1}
        case ReversalRejected():
            return {"reversal": ""}
        case TransferReversed(reversal=reversal):
            asked = transfer.reversals if transfer.reversal == reversal else transfer.reversals + 1
            return {"reversal": reversal, "reversals": asked, "reversed": True}
    return {}


def _alone(_: Any, __: Transfer) -> Sequence[DomainEvent]:
    raise ConfigurationError("a transfer takes commands in decisions only, with its accounts")


TRANSFER: Final[Decider[Transfer, Any]] = Decider(
    "transfer", Transfer, _alone, evolve, Transfer, deferred=(ExpireTransfer,)
)
