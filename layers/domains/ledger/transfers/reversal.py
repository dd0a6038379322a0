"""Correct a transfer: another one takes back what it moved, once, and cannot be taken back itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from banyan import DomainEvent
from banyan.decision import Decided, Decision, Participant, Participants, States
from ledger.rejections import Code, conflict
from ledger.transfers.commands import ReverseTransfer
from ledger.transfers.events import (
    Posting,
    ReversalRequested,
    TransferPosted,
    TransferReversed,
    TransferSubmitted,
)
from ledger.transfers.posting import accounts_of, periods_from
from ledger.transfers.state import TRANSFER, Transfer, TransferStatus, check_known
from ledger.transfers.submission import SELF, begun

ORIGINAL: Final = "original"
REVERSAL: Final = "reversal"

RESERVED: Final = "reversal-"
"""What the ids of reversals begin with, and those of other transfers do not."""


def reversal_id(original: Transfer) -> str:
    """Id of the next transfer that reverses one."""
    return f"{RESERVED}{original.reversals + 1}-{original.transfer_id}"


def reversed_by(events: Iterable[DomainEvent]) -> Sequence[DomainEvent]:
    """What the original gets of a reversal's events: nothing until it is posted."""
    return [
        TransferReversed(reversal=event.transfer_id, effective_date=event.effective_date, late_for=event.late_for)
        for event in events
        if isinstance(event, TransferPosted)
    ]


def _participants(command: ReverseTransfer, states: States) -> Participants:
    found = {SELF: Participant(TRANSFER, command.transfer_id)}
    original: Transfer | None = states.get(SELF)
    if original is None or original.status is not TransferStatus.POSTED or original.reversal or original.reverses:
        return found
    reversal = reversal_id(original)
    return {
        **found,
        REVERSAL: Participant(TRANSFER, reversal),
        **accounts_of(original.posted),
        **periods_from(command.now.date(), reversal, states),
    }


def _reverse(command: ReverseTransfer, states: States) -> Decided:
    original = _reversible(check_known(states[SELF]))
    submitted = TransferSubmitted(
        transfer_id=reversal_id(original),
        author=command.author,
        postings=tuple(Posting(account_id=each.account_id, amount=-each.amount) for each in original.posted),
        description=command.reason,
        reverses=original.transfer_id,
    )
    decided = dict(begun(submitted, states, command.limits, command.now))
    events = decided.pop(SELF)
    waiting = ReversalRequested(reversal=submitted.transfer_id)
    return {**decided, SELF: reversed_by(events) or [waiting], REVERSAL: events}


def _reversible(original: Transfer) -> Transfer:
    if original.reverses:
        detail = "it is a reversal itself: submit the original transfer again, with another id"
        raise conflict(Code.REVERSAL_CANNOT_BE_REVERSED, detail)
    if original.status is not TransferStatus.POSTED:
        detail = f"the transfer is {original.standing}: only one that is posted can be reversed"
        raise conflict(Code.TRANSFER_NOT_POSTED, detail)
    if original.reversed:
        raise conflict(Code.TRANSFER_ALREADY_REVERSED, f"transfer {original.reversal} has reversed it already")
    if original.reversal:
        raise conflict(Code.REVERSAL_IN_PROGRESS, f"its reversal {original.reversal} waits for approval")
    return original


REVERSE_TRANSFER: Final = Decision(ReverseTransfer, _participants, _reverse)
