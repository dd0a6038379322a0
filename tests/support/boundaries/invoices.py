"""Invoice numbers without a gap, and no invoice in a month that is closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from banyan import CamelModel, CommandRejected, Decider, DomainEvent, EventRegistry
from banyan.deciders.counters import EVENTS, counter, draw
from banyan.deciders.shards import Shards
from banyan.decision import Decided, Decision, Participant, Participants, States

SHARDS = 4


class MonthClosed(DomainEvent):
    pass


class InvoiceIssued(DomainEvent):
    number: int
    month: str


class IssueInvoice(CamelModel):
    invoice: str
    month: str


class CloseMonth(CamelModel):
    month: str


class Month(CamelModel):
    closed: bool = False


class Invoice(CamelModel):
    number: int = 0


def alone(_: Any, __: Any) -> Sequence[DomainEvent]:
    return []


def month_after(month: Month, event: DomainEvent) -> Month:
    return Month(closed=month.closed or isinstance(event, MonthClosed))


def invoice_after(invoice: Invoice, event: DomainEvent) -> Invoice:
    return Invoice(number=event.number) if isinstance(event, InvoiceIssued) else invoice


MONTH = Decider("month", Month, alone, month_after, Month)
INVOICE = Decider("invoice", Invoice, alone, invoice_after, Invoice)


def to_issue(command: IssueInvoice, _: States) -> Participants:
    return {
        "invoice": Participant(INVOICE, command.invoice),
        "numbers": counter("invoices"),
        "month": Shards(MONTH, command.month, SHARDS).one(command.invoice),
    }


def issue(command: IssueInvoice, states: States) -> Decided:
    if states["invoice"].number:
        return {}
    if states["month"].closed:
        raise CommandRejected("month_closed", f"{command.month} is closed")
    drawn = draw(states["numbers"])
    return {"numbers": [drawn], "invoice": [InvoiceIssued(number=drawn.number, month=command.month)]}


def to_close(command: CloseMonth, _: States) -> Participants:
    return Shards(MONTH, command.month, SHARDS).all("month")


def close(_: CloseMonth, states: States) -> Decided:
    return {role: [MonthClosed()] for role, month in states.items() if not month.closed}


ISSUE, CLOSE = Decision(IssueInvoice, to_issue, issue), Decision(CloseMonth, to_close, close)
REGISTRY = EventRegistry([MonthClosed, InvoiceIssued, *EVENTS])
