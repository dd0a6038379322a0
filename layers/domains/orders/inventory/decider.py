"""The rules of a stock.

An order's commands arrive in the order of its events: ``Reserve`` before ``Confirm`` before ``Return``, or before
``Release``. So a reservation that is confirmed need not be remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from banyan import Decider, DomainEvent
from orders.inventory.commands import Confirm, ReceiveStock, Release, Reserve, Return, StockCommand
from orders.inventory.events import (
    ReservationConfirmed,
    ReservationReleased,
    StockReceived,
    StockRejected,
    StockReserved,
    StockReturned,
)
from orders.inventory.skus import ENTITY
from orders.inventory.state import Stock, evolve
from orders.rejections import Code, rejected

MAX_RECEIVED: Final = 1_000_000_000


def decide(command: StockCommand, stock: Stock) -> Sequence[DomainEvent]:
    """Events that follow from a command; none for a SKU that is not tracked, until pieces are received.

    Raises
    ------
    CommandRejected
        When pieces are received in a quantity out of range.
    """
    match command:
        case ReceiveStock():
            return _receive(command)
        case Reserve():
            return _reserve(command, stock) if _concerns(stock, command.ordered_at) else ()
        case Confirm():
            return _confirm(command, stock)
        case Release():
            return _release(command.reservation, stock)
        case Return():
            return _return(command, stock)


def _receive(command: ReceiveStock) -> Sequence[DomainEvent]:
    if not 1 <= command.quantity <= MAX_RECEIVED:
        raise rejected(Code.QUANTITY_OUT_OF_RANGE, f"a quantity is between 1 and {MAX_RECEIVED}", "quantity")
    return [StockReceived(sku=command.sku, quantity=command.quantity, received_at=command.at)]


def _reserve(command: Reserve, stock: Stock) -> Sequence[DomainEvent]:
    reservation, quantity = command.reservation, command.quantity
    if reservation in stock.reserved or reservation in stock.rejected:
        return ()
    if quantity > stock.available:
        rejection = StockRejected(sku=stock.sku, reservation=reservation, quantity=quantity, available=stock.available)
        return [rejection]
    return [StockReserved(sku=stock.sku, reservation=reservation, quantity=quantity, ordered_at=command.ordered_at)]


def _confirm(command: Confirm, stock: Stock) -> Sequence[DomainEvent]:
    quantity = stock.reserved.get(command.reservation)
    if quantity is None:
        return ()
    return [ReservationConfirmed(sku=stock.sku, reservation=command.reservation, quantity=quantity)]


def _release(reservation: str, stock: Stock) -> Sequence[DomainEvent]:
    if reservation not in stock.reserved and reservation not in stock.rejected:
        return ()
    quantity = stock.reserved.get(reservation, 0)
    return [ReservationReleased(sku=stock.sku, reservation=reservation, quantity=quantity)]


def _return(command: Return, stock: Stock) -> Sequence[DomainEvent]:
    """What is still reserved or was rejected has not been sold; all else has, unless the order came too early."""
    released = _release(command.reservation, stock)
    if released or not (command.reservation in stock.early or stock.surely_asked(command.ordered_at)):
        return released
    return [StockReturned(sku=stock.sku, reservation=command.reservation, quantity=command.quantity)]


def _concerns(stock: Stock, ordered_at: datetime) -> bool:
    """Whether an order came after the tracking of the SKU began."""
    return stock.tracked_since is not None and ordered_at >= stock.tracked_since


INVENTORY: Final[Decider[Stock, StockCommand]] = Decider(
    entity=ENTITY, initial=Stock, decide=decide, evolve=evolve, state=Stock
)
