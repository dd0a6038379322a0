"""Stock as tests need it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orders.inventory.commands import Confirm, ReceiveStock, Release, Reserve, Return
from orders.inventory.events import (
    ReservationConfirmed,
    ReservationReleased,
    StockReceived,
    StockRejected,
    StockReserved,
    StockReturned,
)

SKU = "71053"
TRACKED = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SOON = TRACKED + timedelta(seconds=1)
LATER = TRACKED + timedelta(hours=1)
EARLIER = TRACKED - timedelta(microseconds=1)


def receive(quantity: int, at: datetime = TRACKED) -> ReceiveStock:
    return ReceiveStock(sku=SKU, quantity=quantity, at=at)


def reserve(reservation: str, quantity: int, ordered_at: datetime = LATER) -> Reserve:
    return Reserve(reservation=reservation, quantity=quantity, ordered_at=ordered_at)


def confirm(reservation: str) -> Confirm:
    return Confirm(reservation=reservation)


def release(reservation: str) -> Release:
    return Release(reservation=reservation)


def take_back(reservation: str, quantity: int, ordered_at: datetime = LATER) -> Return:
    return Return(reservation=reservation, quantity=quantity, ordered_at=ordered_at)


def received(quantity: int, at: datetime = TRACKED) -> StockReceived:
    return StockReceived(sku=SKU, quantity=quantity, received_at=at)


def reserved(reservation: str, quantity: int, ordered_at: datetime = LATER) -> StockReserved:
    return StockReserved(sku=SKU, reservation=reservation, quantity=quantity, ordered_at=ordered_at)


def rejected(reservation: str, quantity: int, available: int) -> StockRejected:
    return StockRejected(sku=SKU, reservation=reservation, quantity=quantity, available=available)


def confirmed(reservation: str, quantity: int) -> ReservationConfirmed:
    return ReservationConfirmed(sku=SKU, reservation=reservation, quantity=quantity)


def released(reservation: str, quantity: int) -> ReservationReleased:
    return ReservationReleased(sku=SKU, reservation=reservation, quantity=quantity)


def returned(reservation: str, quantity: int) -> StockReturned:
    return StockReturned(sku=SKU, reservation=reservation, quantity=quantity)
