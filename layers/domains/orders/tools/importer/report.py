"""The figures of an import, as one model: printed as tables, or as JSON."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from orders.tools.importer.commands import Kind
from orders.tools.importer.dates import Dates
from orders.tools.importer.planning import Order, Plan
from orders.tools.importer.sending import Failure, Outcome


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class Sent(_Model):
    """How many commands of a kind were done now, and how many by an earlier import."""

    now: int
    before: int


class Day(_Model):
    """What is booked on a day, UTC: orders on that of their payment, cancellations on that of their credit note."""

    day: date
    orders: int
    lines: int
    gross: Decimal
    cancelled: Decimal
    net: Decimal


class Report(_Model):
    """Figures of the file (lines, notes, amounts, days) and of the sending (commands, failures).

    `lines_read` are the accepted, the rejected and the credited together. `continued` counts the further lines of
    records that go over several.
    """

    dates: Dates
    unused_columns: list[str]
    lines_read: int
    continued: int
    accepted: int
    rejected: dict[str, int]
    credited: int
    orders: int
    without_order: list[str]
    matched: int
    partial: list[str]
    unmatched: list[str]
    gross: Decimal
    cancelled: Decimal
    net: Decimal
    days: list[Day]
    sent: dict[Kind, Sent]
    failures: list[Failure]


def report(plan: Plan, outcomes: Iterable[Outcome]) -> Report:
    """Sum up a plan and what became of it."""
    outcomes = tuple(outcomes)
    gross, cancelled = _worth(plan.orders), _worth(order for order in plan.orders if order.note)
    return Report(
        dates=plan.dates,
        unused_columns=list(plan.reading.unused),
        lines_read=plan.lines_read,
        continued=plan.reading.continued,
        accepted=plan.accepted,
        rejected=Counter(rejected.reason.value for rejected in plan.rejected),
        credited=plan.credited,
        orders=len(plan.orders),
        without_order=list(plan.without_order),
        matched=sum(1 for order in plan.orders if order.note),
        partial=[note.id for note in plan.partial],
        unmatched=[note.id for note in plan.unmatched],
        gross=gross,
        cancelled=cancelled,
        net=_short(gross - cancelled),
        days=_days(plan.orders),
        sent={kind: _sent(kind, outcomes) for kind in Kind},
        failures=[outcome.failure for outcome in outcomes if outcome.failure],
    )


def _sent(kind: Kind, outcomes: Iterable[Outcome]) -> Sent:
    return Sent(
        now=sum(outcome.now[kind] for outcome in outcomes),
        before=sum(outcome.before[kind] for outcome in outcomes),
    )


def _days(orders: Iterable[Order]) -> list[Day]:
    sold: defaultdict[date, list[Order]] = defaultdict(list)
    returned: defaultdict[date, list[Order]] = defaultdict(list)
    for order in orders:
        sold[order.finished.date()].append(order)
        if order.note:
            returned[order.note.moment.date()].append(order)
    return [_day(day, sold[day], returned[day]) for day in sorted({*sold, *returned})]


def _day(day: date, sold: list[Order], returned: list[Order]) -> Day:
    gross, cancelled = _worth(sold), _worth(returned)
    return Day(
        day=day,
        orders=len(sold),
        lines=sum(len(order.lines) for order in sold),
        gross=gross,
        cancelled=cancelled,
        net=_short(gross - cancelled),
    )


def _worth(orders: Iterable[Order]) -> Decimal:
    return _short(sum((order.total for order in orders), Decimal(0)))


def _short(amount: Decimal) -> Decimal:
    """Two decimals, or as many more as it takes."""
    cents = amount.quantize(Decimal("0.01"))
    return cents if cents == amount else amount.normalize()
