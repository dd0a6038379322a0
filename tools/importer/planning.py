"""What an import will do, decided from the lines alone: orders, and the credit notes that cancel them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tools.importer.reading import Line, Rejected


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit note; its first line says whose order it cancels, and by which stock code it is found."""

    id: str
    customer: str
    sku: str
    minute: datetime
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
        """The lines of the first minute."""
        return tuple(line for line in self.lines if line.minute == self.lines[0].minute)

    @property
    def added(self) -> tuple[Line, ...]:
        """The lines of later minutes."""
        return self.lines[len(self.created) :]

    @property
    def finished(self) -> datetime:
        """The last minute: the order is complete, and paid."""
        return self.lines[-1].minute

    @property
    def total(self) -> Decimal:
        """The exact sum of the accepted lines."""
        return sum((line.amount for line in self.lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class Plan:
    """Every line of a file, placed: in an order, in a credit note, or among the rejected."""

    lines_read: int
    orders: tuple[Order, ...]
    unmatched: tuple[CreditNote, ...]
    rejected: tuple[Rejected, ...]

    @property
    def accepted(self) -> int:
        """Lines that stand in an order."""
        return sum(len(order.lines) for order in self.orders)

    @property
    def notes(self) -> tuple[CreditNote, ...]:
        """All credit notes: those that cancel an order, then the unmatched."""
        return (*(order.note for order in self.orders if order.note), *self.unmatched)

    @property
    def credited(self) -> int:
        """Lines that stand in a credit note."""
        return sum(note.lines for note in self.notes)

    @property
    def without_order(self) -> tuple[str, ...]:
        """Invoices that were read and have no valid line."""
        placed = {order.id for order in self.orders} | {note.id for note in self.notes}
        return tuple(dict.fromkeys(r.invoice for r in self.rejected if r.invoice and r.invoice not in placed))


def plan(entries: Iterable[Line | Rejected]) -> Plan:
    """Place each entry, in the order of the file.

    An order belongs to the customer of its first accepted line. A credit note cancels the latest order before
    it that is of the same customer, not yet cancelled, and holds the stock code of the note's first line.
    """
    read = tuple(entries)
    rejected = tuple(entry for entry in read if isinstance(entry, Rejected))
    invoices: dict[str, list[Line]] = {}
    for entry in read:
        if isinstance(entry, Line):
            invoices.setdefault(entry.invoice, []).append(entry)
    orders, unmatched = _match(invoices)
    return Plan(len(read), orders, unmatched, rejected)


def _match(invoices: dict[str, list[Line]]) -> tuple[tuple[Order, ...], tuple[CreditNote, ...]]:
    orders: dict[str, Order] = {}
    by_customer: dict[str, list[str]] = {}
    unmatched: list[CreditNote] = []
    for invoice, lines in invoices.items():
        if not lines[0].is_credit:
            orders[invoice] = _order(lines)
            by_customer.setdefault(lines[0].customer, []).append(invoice)
            continue
        note = _note(lines)
        order = _cancelled_by(note, [orders[id] for id in by_customer.get(note.customer, [])])
        if order:
            orders[order.id] = replace(order, note=note)
        else:
            unmatched.append(note)
    return tuple(orders.values()), tuple(unmatched)


def _order(lines: Sequence[Line]) -> Order:
    return Order(lines[0].invoice, lines[0].customer, tuple(sorted(lines, key=lambda line: line.minute)))


def _note(lines: Sequence[Line]) -> CreditNote:
    first = lines[0]
    return CreditNote(first.invoice, first.customer, first.sku, first.minute, len(lines))


def _cancelled_by(note: CreditNote, candidates: Sequence[Order]) -> Order | None:
    open_orders = (order for order in reversed(candidates) if not order.note)
    return next((order for order in open_orders if any(line.sku == note.sku for line in order.lines)), None)
