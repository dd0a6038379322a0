"""Four eyes: a transfer above a limit waits until another person than its author approves or rejects it."""

from __future__ import annotations

from typing import Final

from banyan.decision import Decided, Decision, Participant, Participants, States
from ledger.rejections import Code, conflict
from ledger.transfers.commands import ApproveTransfer, RejectTransfer
from ledger.transfers.events import ReversalRejected, TransferApproved, TransferRejected
from ledger.transfers.posting import accounts_of, bookings_of, periods_from
from ledger.transfers.reversal import ORIGINAL, reversed_by
from ledger.transfers.state import TRANSFER, Transfer, TransferStatus, check_known
from ledger.transfers.submission import SELF, carried_out


def _judging(command: ApproveTransfer | RejectTransfer, states: States) -> Participants:
    """The transfer, and the one that it reverses."""
    reverses = states[SELF].reverses if SELF in states else ""
    original = {ORIGINAL: Participant(TRANSFER, reverses)} if reverses else {}
    return {SELF: Participant(TRANSFER, command.transfer_id), **original}


def _approving(command: ApproveTransfer, states: States) -> Participants:
    found = _judging(command, states)
    transfer: Transfer | None = states.get(SELF)
    if transfer is None or transfer.status is not TransferStatus.AWAITING_APPROVAL:
        return found
    found = {**found, **accounts_of(transfer.postings)}
    if transfer.pending:
        return found
    day = transfer.asked_date or command.now.date()
    return {**found, **periods_from(day, transfer.transfer_id, states)}


def _approve(command: ApproveTransfer, states: States) -> Decided:
    transfer = _awaiting(states)
    if command.actor == transfer.author:
        raise conflict(Code.APPROVER_IS_AUTHOR, "another person than its author has to approve a transfer")
    bookings = bookings_of(transfer.postings, states)
    approved = TransferApproved(approver=command.actor)
    decided = carried_out(transfer, bookings, states, command.now, [approved])
    return {**decided, ORIGINAL: reversed_by(decided[SELF])} if transfer.reverses else decided


def _reject(command: RejectTransfer, states: States) -> Decided:
    transfer = _awaiting(states)
    rejection = TransferRejected(approver=command.actor, reason=command.reason)
    original = {ORIGINAL: [ReversalRejected(reversal=transfer.transfer_id)]} if transfer.reverses else {}
    return {SELF: [rejection], **original}


def _awaiting(states: States) -> Transfer:
    transfer = check_known(states[SELF])
    if transfer.status is not TransferStatus.AWAITING_APPROVAL:
        detail = f"the transfer is {transfer.standing}: it does not wait for approval"
        raise conflict(Code.TRANSFER_NOT_AWAITING_APPROVAL, detail)
    return transfer


APPROVE_TRANSFER: Final = Decision(ApproveTransfer, _approving, _approve)
REJECT_TRANSFER: Final = Decision(RejectTransfer, _judging, _reject)
