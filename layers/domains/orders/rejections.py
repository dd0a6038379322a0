"""Every reason for which a command is refused, with its stable code."""

from __future__ import annotations

from enum import StrEnum

from banyan import CommandRejected, Conflict, NotFound


class Code(StrEnum):
    """Codes by kind: ``NotFound``, ``Conflict`` with the order's state, and a command against the rules."""

    ORDER_NOT_FOUND = "order_not_found"
    SKU_NOT_TRACKED = "sku_not_tracked"

    ORDER_EXISTS = "order_exists"
    ORDER_ALREADY_PAID = "order_already_paid"
    ORDER_CANCELLED = "order_cancelled"

    ORDER_EMPTY = "order_empty"
    TOO_MANY_ITEMS = "too_many_items"
    QUANTITY_OUT_OF_RANGE = "quantity_out_of_range"
    PRICE_NOT_POSITIVE = "price_not_positive"
    TOTAL_MISMATCH = "total_mismatch"
    TOTAL_TOO_LARGE = "total_too_large"
    AMOUNT_MISMATCH = "amount_mismatch"


def not_found() -> NotFound:
    """The order was never created."""
    return NotFound(Code.ORDER_NOT_FOUND.value, "there is no such order")


def not_tracked() -> NotFound:
    """No pieces of the SKU were ever received."""
    return NotFound(Code.SKU_NOT_TRACKED.value, "the stock of this SKU is not tracked", "sku")


def conflict(code: Code, detail: str) -> Conflict:
    """The order's state does not allow the command."""
    return Conflict(code.value, detail)


def rejected(code: Code, detail: str, field: str) -> CommandRejected:
    """The command breaks a rule."""
    return CommandRejected(code.value, detail, field)
