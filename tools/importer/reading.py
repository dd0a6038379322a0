"""An Online Retail CSV, line by line: each line becomes a `Line`, or a `Rejected` with its reason.

Every physical line is parsed alone, so that an unbalanced quote costs its own line and no other.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
GUEST = "guest"

_COLUMNS = HEADER.split(",")
_INVOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SKU = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?")
_QUANTITY = re.compile(r"-?[0-9]{1,9}")
_PRICE = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,4})?")
_CUSTOMER = re.compile(r"(?=.{1,128}$)[\w.@+:'&,()-]+(?: [\w.@+:'&,()-]+)*")
_DATES = ("%m/%d/%y %H:%M", "%m/%d/%Y %H:%M")


class Reason(StrEnum):
    """Why a line is not imported."""

    UNREADABLE = "unreadable"
    WRONG_COLUMNS = "wrong number of columns"
    BAD_INVOICE = "bad invoice number"
    ADJUSTMENT = "adjustment, not a sale"
    BAD_STOCK_CODE = "bad stock code"
    BAD_QUANTITY = "bad quantity"
    BAD_DATE = "bad date"
    BAD_PRICE = "bad price"
    BAD_CUSTOMER = "bad customer"
    QUANTITY = "quantity not positive"
    PRICE = "price not positive"


class NotOnlineRetailError(Exception):
    """The file does not begin with the Online Retail header."""


@dataclass(frozen=True, slots=True)
class Line:
    """A well-formed line; outside credit notes its quantity and price are positive.

    `number` is the line's place in the file (the header is 1), `minute` is UTC, and `price` keeps the
    decimals the file writes.
    """

    number: int
    invoice: str
    sku: str
    quantity: int
    minute: datetime
    price: Decimal
    customer: str

    @property
    def is_credit(self) -> bool:
        """Whether the line belongs to a credit note."""
        return self.invoice.startswith("C")

    @property
    def amount(self) -> Decimal:
        """Quantity times price, exact."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not imported; `invoice` is empty where it cannot be told."""

    number: int
    invoice: str
    reason: Reason


def read(lines: Iterable[str]) -> Iterator[Line | Rejected]:
    """Read the lines of a file, header first.

    Raises
    ------
    NotOnlineRetailError
        When the header is another one.
    """
    numbered = enumerate(lines, start=1)
    _, header = next(numbered, (1, ""))
    if _split(header) != _COLUMNS:
        raise NotOnlineRetailError(f"The first line must be {HEADER}")
    for number, text in numbered:
        yield parse(number, text)


def parse(number: int, text: str) -> Line | Rejected:
    """Read one line."""
    fields = _split(text)
    if len(fields) != len(_COLUMNS):
        return Rejected(number, "", Reason.WRONG_COLUMNS if fields else Reason.UNREADABLE)
    try:
        return _line(number, fields)
    except _LineError as error:
        return Rejected(number, fields[0], error.reason)


class _LineError(Exception):
    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def _split(text: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([text]), []) or [""]]
    except csv.Error:
        return []


def _line(number: int, fields: list[str]) -> Line:
    invoice, sku, _, quantity, date, price, customer, _ = fields
    line = Line(
        number=number,
        invoice=_invoice(invoice),
        sku=_matching(_SKU, sku, Reason.BAD_STOCK_CODE),
        quantity=int(_matching(_QUANTITY, quantity, Reason.BAD_QUANTITY)),
        minute=_minute(date),
        price=Decimal(_matching(_PRICE, price, Reason.BAD_PRICE)),
        customer=_matching(_CUSTOMER, customer or GUEST, Reason.BAD_CUSTOMER),
    )
    return line if line.is_credit else _positive(line)


def _matching(pattern: re.Pattern[str], text: str, otherwise: Reason) -> str:
    if not pattern.fullmatch(text):
        raise _LineError(otherwise)
    return text


def _invoice(text: str) -> str:
    if text.startswith("A"):
        raise _LineError(Reason.ADJUSTMENT)
    return _matching(_INVOICE, text, Reason.BAD_INVOICE)


@lru_cache
def _minute(text: str) -> datetime:
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise _LineError(Reason.BAD_DATE)


def _positive(line: Line) -> Line:
    if line.quantity <= 0:
        raise _LineError(Reason.QUANTITY)
    if line.price <= 0:
        raise _LineError(Reason.PRICE)
    return line
