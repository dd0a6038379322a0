"""What was proven: the clients' book against the event store, the legacy store and the read models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from banyan.text import counted
from orders.legacy import LegacyOrder
from orders.tools.demo.events import History, histories
from orders.tools.demo.ledger import Acknowledged, Ledger, Standing
from orders.tools.demo.plan import standing
from orders.tools.demo.stage import EVENTS, TENANT, Stage
from orders.tools.demo.story import Outcome
from orders.tools.importer.commands import Kind

TYPES: Final = {
    Kind.CREATE: "OrderCreated",
    Kind.ADD: "OrderItemAdded",
    Kind.PAY: "OrderPaid",
    Kind.CANCEL: "OrderCancelled",
}
KNOWN_SECONDS: Final = 2.5
"""So long after a change of phase every process knows it."""
PAGE: Final = 200
EXAMPLES: Final = 3
AT_ONCE: Final = 4
"""Questions that are asked side by side."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    faults : tuple[str, ...]
        What is off; empty when nothing is.
    """

    what: str
    value: str
    faults: tuple[str, ...] = ()


def checks(stage: Stage, ledger: Ledger, outcome: Outcome) -> Iterator[Check]:
    """Look at everything, by ways that share nothing with the engine where there are such."""
    stored = histories(stage.dynamodb, EVENTS, TENANT)
    yield _commands(ledger)
    yield _reads(ledger)
    yield event_store(ledger, stored)
    yield versions(ledger, stored, outcome)
    yield legacy_store(ledger, stage.program.rows(TENANT), outcome.legacy_off_at)
    yield from _read_models(stage, ledger)
    yield Check("differences planted, found", f"{outcome.planted}, {outcome.found}", _missed(outcome))
    yield Check("differences repaired", str(outcome.repaired), _unrepaired(outcome))
    yield Check("false alarms", str(len(outcome.false_alarms)), tuple(outcome.false_alarms))
    yield Check("rolled back by the controller", f"{outcome.rolled_back_after:.1f} s after the fault")
    yield lost(ledger, stored)


def _commands(ledger: Ledger) -> Check:
    return Check("commands acknowledged", f"{len(ledger.acknowledged):,}", tuple(ledger.failed))


def _reads(ledger: Ledger) -> Check:
    faults = tuple(f"{counted(count, 'failed read')}: {reason}" for reason, count in ledger.failed_reads.items())
    return Check("reads answered", f"{len(ledger.reads):,}", faults)


def event_store(ledger: Ledger, stored: Mapping[str, History]) -> Check:
    """Every order adds up to what its acknowledged commands made of it, without a gap."""
    faults = [
        f"{order} is not what its commands made it" for order in ledger.orders() if not _same(order, ledger, stored)
    ]
    faults += [f"the versions of {order} have a gap" for order, history in stored.items() if history.gap]
    faults += [f"no client ordered {order}" for order in stored.keys() - set(ledger.orders())]
    events = sum(len(history.types) for history in stored.values())
    money = sum((history.standing.total for history in stored.values()), Decimal(0))
    return Check("events of orders, worth", f"{events:,} of {len(stored):,}, {money:,.2f}", tuple(faults))


def _same(order: str, ledger: Ledger, stored: Mapping[str, History]) -> bool:
    return order in stored and stored[order].standing == ledger.standing(order)


def versions(ledger: Ledger, stored: Mapping[str, History], outcome: Outcome) -> Check:
    """Behind each command that was sent to both sides stands its event, at the version it was answered with."""
    both = [each for each in ledger.acknowledged if each.sent > outcome.dual_at + KNOWN_SECONDS]
    faults = [
        f"{each.command.order}: no {TYPES[each.command.kind]} at {each.version}" for each in both if _gone(each, stored)
    ]
    return Check(
        "of them events at the answered version", f"{len(both) - len(faults):,} of {len(both):,}", tuple(faults)
    )


def _gone(acknowledged: Acknowledged, stored: Mapping[str, History]) -> bool:
    history = stored.get(acknowledged.command.order, History())
    return history.types[acknowledged.version - 1 : acknowledged.version] != [TYPES[acknowledged.command.kind]]


def legacy_store(ledger: Ledger, rows: Mapping[str, LegacyOrder], off_at: float) -> Check:
    """The legacy store holds every order as it was when its writes were switched off, or soon after."""
    faults = [
        f"the legacy row of {order} is not what it was when its writes were switched off"
        for order in ledger.orders()
        if (order in rows or ledger.existed(order, off_at)) and not _row_fits(rows.get(order), ledger, order, off_at)
    ]
    money = sum((row.total for row in rows.values()), Decimal(0))
    return Check("legacy rows when switched off, worth", f"{len(rows):,}, {money:,.2f}", tuple(faults))


def _row_fits(row: LegacyOrder | None, ledger: Ledger, order: str, off_at: float) -> bool:
    if row is None:
        return False
    held = standing(row)
    return held in ledger.since(order, off_at) and row.total == held.total


def _read_models(stage: Stage, ledger: Ledger) -> Iterator[Check]:
    expected = {order: ledger.standing(order) for order in ledger.orders()}
    listed = {order["orderId"]: order for order in _listed(stage)}
    faults = [
        f"{order} is listed otherwise" for order in expected if not _listed_as(listed.get(order), expected[order])
    ]
    faults += [f"no client ordered {order}" for order in listed.keys() - expected.keys()]
    yield Check("orders in the read model", f"{len(listed):,}", tuple(faults))
    yield _days(stage, expected)
    yield _customers(stage, expected)


def _listed_as(found: Mapping[str, Any] | None, expected: Standing) -> bool:
    return found is not None and (found["customerId"], found["status"], Decimal(found["totalAmount"])) == (
        expected.customer,
        expected.status,
        expected.total,
    )


def _listed(stage: Stage) -> Iterator[Mapping[str, Any]]:
    page = stage.get("/orders", limit=PAGE)
    yield from page["orders"]
    while page.get("cursor"):
        page = stage.get("/orders", limit=PAGE, cursor=page["cursor"])
        yield from page["orders"]


def _days(stage: Stage, expected: Mapping[str, Standing]) -> Check:
    days = stage.get("/sales/daily", **{"from": "2010-12-01", "to": "2011-11-30"})["days"]
    found = (_summed(days, "gross"), _summed(days, "refunded"))
    gross = sum((each.total for each in expected.values() if _was_paid(each)), Decimal(0))
    refunded = sum((each.refunded for each in expected.values()), Decimal(0))
    faults = () if found == (gross, refunded) else (f"{found[0]:,.2f} instead of {gross:,.2f}",)
    return Check("sold, refunded by the read model", f"{found[0]:,.2f}, {found[1]:,.2f}", faults)


def _customers(stage: Stage, expected: Mapping[str, Standing]) -> Check:
    names = sorted({each.customer for each in expected.values()})
    faults = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda name: stage.get(f"/customers/{name}/totals"), names))
    for name, totals in zip(names, answers, strict=True):
        own = [each for each in expected.values() if each.customer == name]
        paid = sum((each.total for each in own if _was_paid(each)), Decimal(0))
        if (totals["orders"], Decimal(totals["paidAmount"])) != (len(own), paid):
            faults.append(f"the totals of {name}: {totals['paidAmount']} instead of {paid:,.2f}")
    return Check("customers with exact totals", f"{len(names) - len(faults):,} of {len(names):,}", tuple(faults))


def _summed(days: Any, name: str) -> Decimal:
    return sum((Decimal(day[name]) for day in days), Decimal(0))


def _was_paid(standing: Standing) -> bool:
    return standing.status == "paid" or standing.refunded > 0


def lost(ledger: Ledger, stored: Mapping[str, History]) -> Check:
    """Everything that was acknowledged, and every order of the legacy system, is in the event table."""
    lost = [each for each in ledger.acknowledged if not _holds(stored.get(each.command.order), each)]
    lost_rows = [order for order in ledger.began if order not in stored]
    faults = [f"{each.command.order}: {each.command.kind.value} is lost" for each in lost]
    faults += [f"{order} of the legacy system is lost" for order in lost_rows]
    return Check("lost", str(len(faults)), tuple(faults))


def _holds(history: History | None, acknowledged: Acknowledged) -> bool:
    """Whether an order shows the effect of a command."""
    if history is None:
        return False
    command, found = acknowledged.command, history.standing
    effects: Mapping[Kind, Callable[[], bool]] = {
        Kind.CREATE: lambda: bool(found.lines),
        Kind.ADD: lambda: (
            (command.body["sku"], command.body["quantity"], Decimal(command.body["price"])) in found.lines
        ),
        Kind.PAY: lambda: found.status in ("paid", "cancelled"),
        Kind.CANCEL: lambda: found.status == "cancelled",
    }
    return effects[command.kind]()


def _missed(outcome: Outcome) -> tuple[str, ...]:
    missed = outcome.planted - outcome.found
    return (f"{missed} planted differences were not found",) if missed or not outcome.planted else ()


def _unrepaired(outcome: Outcome) -> tuple[str, ...]:
    left = outcome.planted - outcome.repaired
    return (f"not repaired: {counted(left, 'planted difference')}",) if left else ()
