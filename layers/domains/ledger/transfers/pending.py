"""Resolve a pending transfer, exactly once: post it, whole or in part, void it, or let it expire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from banyan.decision import Decided, Decision, Participant, Participants, States
from ledger.amounts import Amount
from ledger.rejections import Code, conflict, rejected
from ledger.transfers.commands import ExpireTransfer, PostTransfer, VoidTransfer
from ledger.transfers.events import Booking, TransferExpired, TransferVoided
from ledger.transfers.posting import accounts_of, check_decimals, periods_from, released
from ledger.transfers.state import TRANSFER, Transfer, TransferStatus, check_known
from ledger.transfers.submission import SELF, posted_on


def _releasing(command: PostTransfer | VoidTransfer | ExpireTransfer, states: States) -> Participants:
    held = states[SELF].held if SELF in states else ()
    return {SELF: Participant(TRANSFER, command.transfer_id), **accounts_of(held)}


def _posting(command: PostTransfer, states: States) -> Participants:
    found = _releasing(command, states)
    if len(found) == 1:
        return found
    day = states[SELF].asked_date or command.now.date()
    return {**found, **periods_from(day, command.transfer_id, states)}


def _post(command: PostTransfer, states: States) -> Decided:
    transfer = _pending(states)
    if transfer.expires_at and command.now >= transfer.expires_at:
        raise conflict(Code.TRANSFER_EXPIRED, "the time of this transfer is up: submit another one")
    bookings = transfer.held if command.amount is None else _part(transfer.held, command.amount)
    day = transfer.asked_date or command.now.date()
    return posted_on(day, transfer, bookings, states, held=transfer.held)


def _part(held: Sequence[Booking], amount: Amount) -> Sequence[Booking]:
    if len(held) != 2:
        raise rejected(Code.NOT_TWO_POSTINGS, "a part can be posted of a transfer with two postings only", "amount")
    if amount <= 0:
        raise rejected(Code.AMOUNT_NOT_POSITIVE, "a part is more than 0: void the transfer to post nothing", "amount")
    check_decimals(amount, held[0].scale, held[0].currency, "amount")
    if amount > abs(held[0].amount):
        raise conflict(
            Code.AMOUNT_EXCEEDS_PENDING, f"{abs(held[0].amount).text(held[0].scale)} is pending: post that or less"
        )
    return [each.model_copy(update={"amount": amount if each.amount > 0 else -amount}) for each in held]


def _void(command: VoidTransfer, states: States) -> Decided:
    transfer = _pending(states)
    return {SELF: [TransferVoided(reason=command.reason)], **released(transfer.held, transfer.transfer_id)}


def _expire(_: ExpireTransfer, states: States) -> Decided:
    transfer: Transfer = states[SELF]
    if transfer.status is not TransferStatus.PENDING:
        return {}
    return {SELF: [TransferExpired()], **released(transfer.held, transfer.transfer_id)}


def _pending(states: States) -> Transfer:
    transfer = check_known(states[SELF])
    if transfer.status is not TransferStatus.PENDING:
        raise conflict(Code.TRANSFER_NOT_PENDING, f"the transfer is {transfer.standing}: it is not pending")
    return transfer


POST_TRANSFER: Final = Decision(PostTransfer, _posting, _post)
VOID_TRANSFER: Final = Decision(VoidTransfer, _releasing, _void)
EXPIRE_TRANSFER: Final = Decision(ExpireTransfer, _releasing, _expire)
