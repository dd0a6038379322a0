"""Transfers as they stand: by status, and those that are posted as the journal, by effective date."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from banyan import Event, Lookup, StreamProjection
from ledger.transfers.events import TransferPosted
from ledger.transfers.state import Transfer, evolve

POSTED: Final = "posted"


class TransferRow(Transfer):
    """A transfer as it stands.

    Parameters
    ----------
    posted_at : datetime, optional
        When its posting was recorded, UTC.
    """

    posted_at: datetime | None = None


def _evolve(row: TransferRow, event: Event) -> TransferRow:
    row = evolve(row, event.payload)
    return row.model_copy(update={"posted_at": event.timestamp}) if isinstance(event.payload, TransferPosted) else row


def _by_date(row: TransferRow) -> str:
    return f"{row.effective_date}#{row.transfer_id}"


TRANSFERS: Final = StreamProjection(
    name="transfers",
    entity="transfer",
    state=TransferRow,
    initial=TransferRow,
    evolve=_evolve,
    lookups=[
        Lookup("journal", partition=lambda row: POSTED if row.effective_date else None, sort=_by_date),
        Lookup("status", partition=lambda row: row.status and row.status.value, sort=lambda row: row.transfer_id),
    ],
)
