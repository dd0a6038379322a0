"""Postings to accounts: which accounts and periods a transfer touches, what they allow, and the events they get."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from banyan import DomainEvent
from banyan.decision import Participant, Participants, States
from ledger.accounts.decider import ACCOUNT, Account, check_takes
from ledger.accounts.decider import evolve as account_after
from ledger.accounts.events import AmountHeld, AmountPosted, HoldReleased, Overdraft
from ledger.amounts import ZERO, Amount, total
from ledger.periods.decider import MOST_CLOSED, months_from, shards_of
from ledger.rejections import Code, conflict, rejected
from ledger.transfers.events import Booking, Posting

AccountEvents = Mapping[str, Sequence[DomainEvent]]
"""By role."""

_ACCOUNT: Final = "account "
_PERIOD: Final = "period "


def accounts_of(postings: Iterable[Posting | Booking]) -> Participants:
    """The accounts of postings, each once."""
    return {_ACCOUNT + each.account_id: Participant(ACCOUNT, each.account_id) for each in postings}


def periods_from(day: date, transfer_id: str, states: States) -> Participants:
    """One shard of a day's period; where that is closed, of the next one too, and so on."""
    periods: dict[str, Participant] = {}
    for month, _ in months_from(day):
        role = _PERIOD + month
        periods[role] = shards_of(month).one(transfer_id)
        if role not in states or not states[role].closed:
            break
    return periods


def open_day(day: date, states: States) -> date:
    """The day itself, or the first one after it whose period is open. Raises ``Conflict`` when none is."""
    for month, first in months_from(day):
        if not states[_PERIOD + month].closed:
            return first
    raise conflict(
        Code.PERIOD_CLOSED, f"the period of {day} and the {MOST_CLOSED} after it are closed: give a later effectiveDate"
    )


def bookings_of(postings: Sequence[Posting], states: States) -> tuple[Booking, ...]:
    """Postings with the currencies of their accounts.

    Raises
    ------
    CommandRejected
        An account does not exist, an amount has more decimals than its currency, or they do not add up to zero.
    """
    bookings = tuple(_booking(index, posting, states) for index, posting in enumerate(postings))
    sums: dict[str, list[Amount]] = defaultdict(list)
    for booking in bookings:
        sums[booking.currency].append(booking.amount)
    for currency, amounts in sums.items():
        if total(amounts):
            detail = f"the postings in {currency} add up to {total(amounts)}: debits and credits have to be equal"
            raise rejected(Code.UNBALANCED, detail, "postings")
    return bookings


def _booking(index: int, posting: Posting, states: States) -> Booking:
    account: Account = states[_ACCOUNT + posting.account_id]
    if account.status is None:
        detail = f"there is no account {posting.account_id}: open it first"
        raise rejected(Code.ACCOUNT_NOT_FOUND, detail, f"postings.{index}.accountId")
    if posting.amount == 0:
        raise rejected(Code.AMOUNT_ZERO, "a posting of nothing: leave it out", f"postings.{index}.amount")
    check_decimals(posting.amount, account.scale, account.currency, f"postings.{index}.amount")
    return Booking(account_id=posting.account_id, amount=posting.amount, currency=account.currency, scale=account.scale)


def check_decimals(amount: Amount, scale: int, currency: str, field: str) -> None:
    """Refuse an amount that its currency cannot express. Raises ``CommandRejected``."""
    if amount.decimals > scale:
        some = f"at most {scale}" if scale else "no"
        raise rejected(Code.TOO_MANY_DECIMALS, f"amounts in {currency} have {some} decimals", field)


def posted(
    bookings: Sequence[Booking],
    states: States,
    *,
    transfer_id: str,
    day: date,
    description: str,
    reverses: str = "",
    held: Sequence[Booking] = (),
) -> AccountEvents:
    """What accounts get when a transfer is posted, and what it held is released.

    Raises
    ------
    Conflict
        An account takes nothing, or would fall below zero.
    """
    events = released(held, transfer_id)
    for line, booking in enumerate(bookings):
        event = AmountPosted(
            transfer_id=transfer_id,
            line=line,
            amount=booking.amount,
            effective_date=day,
            description=description,
            reverses=reverses,
        )
        events.setdefault(_ACCOUNT + booking.account_id, []).append(event)
    return _allowed(events, states)


def holds(bookings: Sequence[Booking], states: States, transfer_id: str) -> AccountEvents:
    """What accounts get when a transfer is pending. Raises ``Conflict`` as ``posted``."""
    events: dict[str, list[DomainEvent]] = {}
    for line, booking in enumerate(bookings):
        event = AmountHeld(transfer_id=transfer_id, line=line, amount=booking.amount)
        events.setdefault(_ACCOUNT + booking.account_id, []).append(event)
    return _allowed(events, states)


def released(held: Sequence[Booking], transfer_id: str) -> dict[str, list[DomainEvent]]:
    """What accounts get when a transfer holds nothing any more; even those that are frozen."""
    events: dict[str, list[DomainEvent]] = {}
    for line, booking in enumerate(held):
        event = HoldReleased(transfer_id=transfer_id, line=line, amount=booking.amount)
        events.setdefault(_ACCOUNT + booking.account_id, []).append(event)
    return events


def _allowed(events: AccountEvents, states: States) -> AccountEvents:
    for role, each in events.items():
        account: Account = states[role]
        check_takes(account)
        after = account
        for event in each:
            after = account_after(after, event)
        if account.overdraft is Overdraft.FORBIDDEN and after.available < min(ZERO, account.available):
            detail = f"account {account.account_id} has {account.available.text(account.scale)} available: take no more"
            raise conflict(Code.INSUFFICIENT_FUNDS, detail)
    return events


def debits(bookings: Iterable[Booking]) -> Mapping[str, Amount]:
    """What is moved, by currency."""
    moved: Counter[str] = Counter()
    for booking in bookings:
        if booking.amount > 0:
            moved[booking.currency] += booking.amount
    return {currency: Amount(amount) for currency, amount in moved.items()}
