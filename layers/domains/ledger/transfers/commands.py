"""What can be asked of a transfer. Times, actors and limits come with the command; nothing is made up here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256

from pydantic import Field

from banyan import CamelModel
from ledger.accounts.events import Reason
from ledger.amounts import Amount, GivenAmount
from ledger.transfers.events import Description, Posting, TransferId

Limits = Mapping[str, Amount]
"""By currency: what one person may move alone. A currency that is not named has no limit."""


class SubmitTransfer(CamelModel):
    """Move amounts between accounts, or hold them.

    Parameters
    ----------
    effective_date : date, optional
        The day for which it counts, by default the day of posting.
    pending : bool
        Hold the amounts only, to be posted or voided later.
    expires_in_seconds : int, optional
        How long a pending transfer holds its amounts.
    now : datetime
        UTC.
    """

    transfer_id: TransferId
    postings: tuple[Posting, ...]
    description: Description = ""
    effective_date: date | None = None
    pending: bool = False
    expires_in_seconds: int | None = None
    author: str
    now: datetime
    limits: Limits = Field(default_factory=dict)

    @property
    def content(self) -> str:
        """A digest of what is asked, whoever asks and whenever."""
        asked = self.model_dump_json(exclude={"author", "now", "limits"})
        return sha256(asked.encode()).hexdigest()


class PostTransfer(CamelModel):
    """Post a pending transfer, whole or, between two accounts, a part of it; the rest is released."""

    transfer_id: str
    amount: GivenAmount | None = None
    now: datetime


class VoidTransfer(CamelModel):
    """Give a pending transfer up."""

    transfer_id: str
    reason: Reason = ""


class ExpireTransfer(CamelModel):
    """Give up a transfer that is pending still; one that was resolved stays as it is."""

    transfer_id: str


class ApproveTransfer(CamelModel):
    """Approve a transfer that waits for it."""

    transfer_id: str
    actor: str
    now: datetime


class RejectTransfer(CamelModel):
    """Refuse a transfer that waits for approval."""

    transfer_id: str
    actor: str
    reason: Reason = ""


class ReverseTransfer(CamelModel):
    """Take back what a transfer moved, by another transfer with opposite postings."""

    transfer_id: str
    reason: Reason
    author: str
    now: datetime
    limits: Limits = Field(default_factory=dict)
