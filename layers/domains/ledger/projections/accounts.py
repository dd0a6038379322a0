"""Accounts as they stand."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from banyan import Event, Lookup, StreamProjection
from ledger.accounts.decider import Account, evolve
from ledger.accounts.events import AmountPosted
from ledger.projections.wholeness import added, weighted

ALL: Final = "all"


class AccountRow(Account):
    """An account as it stands.

    Parameters
    ----------
    proof : int
        Contribution of its postings to the proof that balances are of whole transfers.
    recorded_at : datetime, optional
        Of its last event, UTC.
    """

    proof: int = 0
    recorded_at: datetime | None = None


def account_after(row: AccountRow, event: Event) -> AccountRow:
    """The account after one more event."""
    row = evolve(row, event.payload)
    proof = row.proof
    if isinstance(event.payload, AmountPosted):
        proof = added((proof, weighted(event.payload.amount, event.payload.transfer_id)))
    return row.model_copy(update={"proof": proof, "recorded_at": event.timestamp})


ACCOUNTS: Final = StreamProjection(
    name="accounts",
    entity="account",
    state=AccountRow,
    initial=AccountRow,
    evolve=account_after,
    lookups=[
        Lookup("all", partition=lambda _: ALL, sort=lambda account: account.account_id),
        Lookup("currency", partition=lambda account: account.currency, sort=lambda account: account.account_id),
    ],
)
