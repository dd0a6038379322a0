"""Submit a transfer: at once it is posted, or pending, or waits for approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from banyan import DomainEvent
from banyan.decision import Decided, Decision, Participant, Participants, States
from ledger.rejections import Code, conflict
from ledger.transfers.commands import Limits, SubmitTransfer
from ledger.transfers.events import ApprovalRequested, Booking, TransferHeld, TransferPosted, TransferSubmitted
from ledger.transfers.posting import accounts_of, bookings_of, debits, holds, open_day, periods_from, posted
from ledger.transfers.state import TRANSFER, Transfer

SELF: Final = "transfer"


def _participants(command: SubmitTransfer, states: States) -> Participants:
    found = {SELF: Participant(TRANSFER, command.transfer_id), **accounts_of(command.postings)}
    if command.pending:
        return found
    day = command.effective_date or command.now.date()
    return {**found, **periods_from(day, command.transfer_id, states)}


def _submit(command: SubmitTransfer, states: States) -> Decided:
    transfer: Transfer = states[SELF]
    if transfer.status is not None:
        if transfer.content != command.content:
            raise conflict(Code.TRANSFER_EXISTS, "there is another transfer with this id: choose a different one")
        return {}
    submitted = TransferSubmitted(
        transfer_id=command.transfer_id,
        author=command.author,
        content=command.content,
        postings=command.postings,
        description=command.description,
        asked_date=command.effective_date,
        pending=command.pending,
        expires_in_seconds=command.expires_in_seconds,
    )
    return begun(submitted, states, command.limits, command.now)


def begun(submitted: TransferSubmitted, states: States, limits: Limits, now: datetime) -> Decided:
    """What becomes of a transfer at first. Raises as ``bookings_of``, ``carried_out``."""
    bookings = bookings_of(submitted.postings, states)
    above = {code: limits[code] for code, moved in debits(bookings).items() if code in limits and moved > limits[code]}
    if above:
        return {SELF: [submitted, ApprovalRequested(limits=above)]}
    return carried_out(submitted, bookings, states, now, [submitted])


def carried_out(
    asked: TransferSubmitted | Transfer,
    bookings: Sequence[Booking],
    states: States,
    now: datetime,
    before: Sequence[DomainEvent],
) -> Decided:
    """Hold or post what was asked for; the transfer's events come after ``before``.

    Raises
    ------
    Conflict
        An account does not allow it, or all periods from the asked day on are closed.
    """
    if not asked.pending:
        return posted_on(asked.asked_date or now.date(), asked, bookings, states, before)
    seconds = asked.expires_in_seconds
    expires_at = now + timedelta(seconds=seconds) if seconds is not None else None
    held = TransferHeld(bookings=tuple(bookings), expires_in_seconds=seconds, expires_at=expires_at)
    return {SELF: [*before, held], **holds(bookings, states, asked.transfer_id)}


def posted_on(
    day: date,
    asked: TransferSubmitted | Transfer,
    bookings: Sequence[Booking],
    states: States,
    before: Sequence[DomainEvent] = (),
    held: Sequence[Booking] = (),
) -> Decided:
    """Post on a day, or on the first one after it whose period is open. Raises as ``carried_out``."""
    effective = open_day(day, states)
    said: Mapping[str, Any] = {
        "transfer_id": asked.transfer_id,
        "description": asked.description,
        "reverses": asked.reverses,
    }
    late_for = day if effective != day else None
    event = TransferPosted(bookings=tuple(bookings), effective_date=effective, late_for=late_for, **said)
    return {SELF: [*before, event], **posted(bookings, states, day=effective, held=held, **said)}


SUBMIT_TRANSFER: Final = Decision(SubmitTransfer, _participants, _submit)
