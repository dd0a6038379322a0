"""Transfers as they stand."""

from __future__ import annotations

from typing import Final

from banyan import Event, StreamProjection
from ledger.transfers.state import Transfer, evolve


def _evolve(transfer: Transfer, event: Event) -> Transfer:
    return evolve(transfer, event.payload)


TRANSFERS: Final = StreamProjection(
    name="transfers", entity="transfer", state=Transfer, initial=Transfer, evolve=_evolve
)
