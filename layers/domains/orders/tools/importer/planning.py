"""What an import will do, decided from the lines alone: orders, and the credit notes that cancel them.

The rules where a file leaves room: a credit note cancels an order only if it takes back all of it, and of several such
orders the latest; among guests, who may be different people, only if a single order fits. An invoice belongs to the one
customer that its lines name, and one that names several is not imported.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from orders.tools.importer.dates import Dates
from orders.tools.importer.reading import GUEST, Line, Reading, Reason, Rejected

MOST_AT_ONCE: Final = 1_000
"""Lines with which an order can be created; the others are added."""
MOST_LINES: Final = 2_000
"""Lines that an order can have."""

Pieces = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit note: whose it is, and which pieces it takes back, by stock code."""

    id: str
    customer: str
    pieces: Pieces
    moment: datetime
    lines: int


@dataclass(frozen=True, slots=True)
class Order:
    """An invoice with its accepted lines, oldest minute first, and the note that cancels it, if one does."""

    id: str
    customer: str
    lines: tuple[Line, ...]
    note: CreditNote | None = None

    @property
    def created(self) -> tuple[Line, ...]:
        """The lines of the first minute, as many as one command may hold."""
        return tuple(line for line in self.lines if line.minute == self.lines[0].minute)[:MOST_AT_ONCE]

    @property
    def added(self) -> tuple[Line, ...]:
        """The lines that come after them."""
        return self.lines[len(self.created) :]

    @property
    def finished(self) -> datetime:
        """The moment of the last line: the order is complete, and paid."""
        return self.lines[-1].moment

    @property
    def total(self) -> Decimal:
        """The exact sum of the accepted lines."""
        return sum((line.amount for line in self.lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class Plan:
    """Every line of a file, placed: in an order, in a credit note, or among the rejected.

    `partial` are the credit notes that take back a part of an order, and `unmatched` those that fit none.
    """

    reading: Reading
    orders: tuple[Order, ...]
    partial: tuple[CreditNote, ...]
    unmatched: tuple[CreditNote, ...]
    rejected: tuple[Rejected, ...]

    @property
    def lines_read(self) -> int:
        """Lines of the file below its header; a record that goes over several counts once."""
        return len(self.reading.entries)

    @property
    def dates(self) -> Dates:
        """How the dates of the file were read."""
        return self.reading.dates

    @property
    def accepted(self) -> int:
        """Lines that stand in an order."""
        return sum(len(order.lines) for order in self.orders)

    @property
    def notes(self) -> tuple[CreditNote, ...]:
        """All credit notes: those that cancel an order, then the others."""
        return (*(order.note for order in self.orders if order.note), *self.partial, *self.unmatched)

    @property
    def credited(self) -> int:
        """Lines that stand in a credit note."""
        return sum(note.lines for note in self.notes)

    @property
    def without_order(self) -> tuple[str, ...]:
        """Invoices that were read and have no valid line."""
        placed = {order.id for order in self.orders} | {note.id for note in self.notes}
        return tuple(dict.fromkeys(r.invoice for r in self.rejected if r.invoice and r.invoice not in placed))


def plan(reading: Reading) -> Plan:
    """Place each line, in the order of the file."""
    rejected = [entry for entry in reading.entries if isinstance(entry, Rejected)]
    invoices: dict[str, list[Line]] = {}
    for entry in reading.entries:
        if isinstance(entry, Line):
            invoices.setdefault(entry.invoice, []).append(entry)
    for invoice, lines in list(invoices.items()):
        if reason := _refused(lines):
            rejected += [Rejected(line.number, invoice, reason) for line in lines]
            del invoices[invoice]
    return _matched(reading, invoices, tuple(rejected))


def _refused(lines: Sequence[Line]) -> Reason | None:
    if len({line.customer for line in lines} - {GUEST}) > 1:
        return Reason.CUSTOMERS
    return Reason.TOO_LONG if len(lines) > MOST_LINES and not lines[0].is_credit else None


def _matched(reading: Reading, invoices: Mapping[str, list[Line]], rejected: tuple[Rejected, ...]) -> Plan:
    orders: dict[str, Order] = {}
    known: dict[str, dict[str, Pieces]] = {}
    partial: list[CreditNote] = []
    unmatched: list[CreditNote] = []
    for invoice, lines in invoices.items():
        customer = next((line.customer for line in lines if line.customer != GUEST), GUEST)
        if not lines[0].is_credit:
            ordered = tuple(sorted(lines, key=lambda line: line.moment))
            orders[invoice] = Order(invoice, customer, ordered)
            known.setdefault(customer, {})[invoice] = _pieces(lines)
            continue
        note = CreditNote(invoice, customer, _pieces(lines), lines[0].moment, len(lines))
        mine = known.get(customer, {})
        if cancelled := _cancelled_by(note, mine):
            orders[cancelled] = replace(orders[cancelled], note=note)
            del mine[cancelled]
        else:
            (partial if _is_partial(note, mine) else unmatched).append(note)
    return Plan(reading, tuple(orders.values()), tuple(partial), tuple(unmatched), rejected)


def _pieces(lines: Iterable[Line]) -> Pieces:
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line.sku] += abs(line.quantity)
    return pieces


def _cancelled_by(note: CreditNote, orders: Mapping[str, Pieces]) -> str | None:
    """The order that a note takes back as a whole."""
    fitting = [order for order, pieces in orders.items() if pieces == note.pieces]
    return fitting[-1] if fitting and (note.customer != GUEST or len(fitting) == 1) else None


def _is_partial(note: CreditNote, orders: Mapping[str, Pieces]) -> bool:
    """Whether an order that is not cancelled holds what a note takes back, and more."""
    return any(
        pieces != note.pieces and all(pieces.get(sku, 0) >= count for sku, count in note.pieces.items())
        for pieces in orders.values()
    )
