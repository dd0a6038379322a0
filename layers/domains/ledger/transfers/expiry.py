"""A pending transfer expires by its deadline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from banyan import Event, Policy, Schedule
from ledger.transfers.commands import ExpireTransfer
from ledger.transfers.events import TransferHeld
from ledger.transfers.state import TRANSFER

EXPIRY: Final = "expiry"


def _expire(event: Event, history: Callable[[], Sequence[Event]]) -> Sequence[Schedule]:  # noqa: ARG001
    held = event.payload
    if not isinstance(held, TransferHeld) or held.expires_in_seconds is None:
        return ()
    transfer_id = event.stream_id.id
    command = ExpireTransfer(transfer_id=transfer_id)
    after = timedelta(seconds=held.expires_in_seconds)
    return [Schedule(EXPIRY, TRANSFER.entity, transfer_id, command, after)]


EXPIRE_HELD: Final = Policy("expire_held", TRANSFER.entity, _expire, schedules=[ExpireTransfer])
