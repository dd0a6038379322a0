"""What the read models of a ledger have to answer, by naive sums over all that was recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from typing import Any

from tests.ledger.support.book import Book

from banyan import Event
from banyan.streams import StreamId
from ledger.accounts.events import AccountOpened, AmountHeld, AmountPosted, HoldReleased
from ledger.amounts import DECIMALS
from ledger.transfers.events import TransferPosted

NOTHING = Decimal(0)
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Entry:
    """One posting."""

    account: str
    version: int
    recorded_at: datetime
    day: date
    transfer: str
    amount: Decimal


class Fold:
    """All that was recorded in a book, added up whenever it is asked for; amounts have two decimals."""

    def __init__(self, book: Book) -> None:
        streams = list(book.store.streams())
        self.events: Sequence[Event] = [event for stream in streams for event in book.store.read(stream)]
        self.currencies = {e.stream_id.id: e.payload.currency for e in self.of(AccountOpened)}
        self.entries = [
            Entry(
                event.stream_id.id,
                event.version,
                event.timestamp,
                event.payload.effective_date,
                event.payload.transfer_id,
                exact(event.payload.amount),
            )
            for event in self.of(AmountPosted)
        ]

    def of(self, *types: type) -> Iterable[Any]:
        """All events of some types, stream by stream."""
        return (event for event in self.events if isinstance(event.payload, types))

    @cached_property
    def moments(self) -> Sequence[datetime]:
        """At which something was recorded."""
        return sorted({event.timestamp for event in self.events})

    @cached_property
    def days(self) -> Sequence[date]:
        """For which something was posted."""
        return sorted({entry.day for entry in self.entries})

    def account(self, id: str) -> Sequence[Event]:
        """Its events."""
        return [event for event in self.events if event.stream_id == StreamId("acme", "account", id)]

    def balances(self, at: datetime, day: date | None = None, currency: str | None = None) -> Mapping[str, str]:
        """By account, of what was recorded by a moment for days up to one."""
        opened = [event.stream_id.id for event in self.of(AccountOpened) if event.timestamp <= at]
        sums = {id: NOTHING for id in opened if currency in (None, self.currencies[id])}
        for entry in self.entries:
            if entry.account in sums and entry.recorded_at <= at and entry.day <= (day or date.max):
                sums[entry.account] += entry.amount
        return {id: text(amount) for id, amount in sums.items()}

    def statement(self, id: str, first: date, last: date) -> tuple[str, Sequence[tuple[str, str, str]], str]:
        """The balance before, the lines with the balances behind them, and the balance behind the last day."""
        entries = sorted((e for e in self.entries if e.account == id), key=lambda entry: (entry.day, entry.version))
        behind = list(accumulate((entry.amount for entry in entries), initial=NOTHING))
        opening = sum((entry.amount for entry in entries if entry.day < first), NOTHING)
        closing = sum((entry.amount for entry in entries if entry.day <= last), NOTHING)
        lines = [
            (entry.transfer, text(entry.amount), text(balance))
            for entry, balance in zip(entries, behind[1:], strict=True)
            if first <= entry.day <= last
        ]
        return text(opening), lines, text(closing)

    def journal(self, first: date, last: date) -> Sequence[tuple[str, str]]:
        """Days and ids of what was posted."""
        posted = [(event.payload.effective_date, event.stream_id.id) for event in self.of(TransferPosted)]
        return [(day.isoformat(), id) for day, id in sorted(posted) if first <= day <= last]

    def by_transfer(self, at: datetime, day: date | None = None) -> Sequence[Mapping[str, Decimal]]:
        """What each transfer moved, by account, of what was recorded by a moment for days up to one."""
        moved: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for entry in self.entries:
            if entry.recorded_at <= at and entry.day <= (day or date.max):
                moved[entry.transfer][entry.account] += entry.amount
        return list(moved.values())


def standing(events: Iterable[Event]) -> tuple[str, str, str]:
    """The balance of an account, and its pending debits and credits, after some of its events."""
    balance = debits = credits = NOTHING
    for event in events:
        match event.payload:
            case AmountPosted(amount=amount):
                balance += exact(amount)
            case AmountHeld(amount=amount) | HoldReleased(amount=amount):
                sign = 1 if isinstance(event.payload, AmountHeld) else -1
                debits += sign * max(exact(amount), NOTHING)
                credits += sign * max(-exact(amount), NOTHING)
    return text(balance), text(debits), text(credits)


def exact(amount: int) -> Decimal:
    """In units of its currency."""
    return Decimal(int(amount)).scaleb(-DECIMALS)


def text(amount: Decimal) -> str:
    """With two decimals, never ``-0.00``."""
    return f"{amount.quantize(CENT) + 0:f}"
