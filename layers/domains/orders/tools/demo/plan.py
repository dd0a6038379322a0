"""Which orders were there before, and which commands come while the system moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from orders.legacy import STATUS, LegacyOrder
from orders.tools.demo.ledger import Standing
from orders.tools.demo.options import Options
from orders.tools.importer.commands import Command, Kind, commands
from orders.tools.importer.planning import Order
from orders.tools.legacy.filling import planned
from orders.tools.legacy.rows import row

HISTORY: Final = 0.85
"""Share of orders that were there before the clients came."""
OPEN: Final = 3
"""Every third of them is not yet paid, and is paid by a client later."""


@dataclass(frozen=True, slots=True)
class Script:
    """What lies in the legacy store, and what clients will ask, order by order."""

    rows: Sequence[LegacyOrder]
    journeys: Sequence[Sequence[Command]]

    @property
    def commands(self) -> int:
        """All commands of the clients."""
        return sum(map(len, self.journeys))


def script(options: Options) -> Script:
    """Divide the orders of a file. Raises ``OSError``, ``NotOnlineRetailError``."""
    orders = [each for copy in range(options.copies) for each in _copied(planned(options.file).orders, copy)]
    count = round(len(orders) * HISTORY)
    old, new = orders[:count], orders[count:]
    closed = [order for place, order in enumerate(old) if place % OPEN]
    open_ = old[::OPEN]
    later = [[c for c in commands(order) if c.kind in (Kind.PAY, Kind.CANCEL)] for order in open_]
    return Script([*map(row, closed), *map(_open, open_)], _mixed(later, [commands(order) for order in new]))


def standing(found: LegacyOrder) -> Standing:
    """A legacy row as the clients' book has it."""
    lines = tuple((line.sku, line.quantity, Decimal(line.price)) for line in found.lines)
    return Standing(found.customer, STATUS[found.status], lines, found.refunded)


def _copied(orders: Sequence[Order], copy: int) -> list[Order]:
    return [replace(order, id=f"{order.id}-{copy}") for order in orders] if copy else list(orders)


def _open(order: Order) -> LegacyOrder:
    """An order as it stood before it was paid."""
    unpaid = {"status": "open", "payment_method": None, "paid_at": None}
    not_cancelled = {"cancel_reason": None, "cancelled_at": None, "refunded": Decimal(0)}
    return row(order).model_copy(update=unpaid | not_cancelled)


def _mixed(some: Sequence[Sequence[Command]], others: Sequence[Sequence[Command]]) -> list[Sequence[Command]]:
    """Spread some journeys evenly among others."""
    every = len(others) // len(some) + 1 if some else 1
    mixed: list[Sequence[Command]] = []
    for place, other in enumerate(others):
        mixed += [some[place // every]] if place % every == 0 and place // every < len(some) else []
        mixed.append(other)
    return mixed
