"""An Online Retail CSV, record by record: each becomes a `Line`, or a `Rejected` with its reason."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from orders.tools.importer import dates, numbers
from orders.tools.importer.dates import DateReader, Dates
from orders.tools.importer.numbers import NumberReader, identity
from orders.tools.importer.sheet import HEADER, NotOnlineRetailError, Record, decoded, sheet

__all__ = ["GUEST", "HEADER", "Line", "NotOnlineRetailError", "Reading", "Reason", "Rejected", "read", "read_file"]

GUEST: Final = "guest"
MAX_QUANTITY: Final = 1_000_000
MAX_CUSTOMER: Final = 128

_INVOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SKU = re.compile(r"(?!\.{1,2}\Z)(?!.*[/\\?])[!-~](?:[ -~]{0,62}[!-~])?")
_QUANTITY = re.compile(r"(-?[0-9]{1,9})(?:\.0+)?")
_PRICE = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,4})?")
_CUSTOMER = re.compile(r"(?!\.{1,2}\Z)[\w.@+:'&,()-]+(?: [\w.@+:'&,()-]+)*")


class Reason(StrEnum):
    """Why a line is not imported."""

    BLANK = "blank"
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
    CUSTOMERS = "invoice of several customers"
    TOO_LONG = "invoice of too many lines"


@dataclass(frozen=True, slots=True)
class Line:
    """A well-formed line; outside credit notes its quantity and price are positive.

    `number` is the line's place in the file (the header is 1), `moment` is UTC, and `price` keeps the
    decimals the file writes.
    """

    number: int
    invoice: str
    sku: str
    quantity: int
    moment: datetime
    price: Decimal
    customer: str

    @property
    def is_credit(self) -> bool:
        """Whether the line belongs to a credit note."""
        return self.invoice.startswith("C")

    @property
    def minute(self) -> datetime:
        """The minute in which it happened."""
        return self.moment.replace(second=0)

    @property
    def amount(self) -> Decimal:
        """Quantity times price, exact."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not imported; `invoice` is empty where it cannot be determined."""

    number: int
    invoice: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read.

    `continued` counts the lines on which the record of an earlier line continues, and `unused` names the columns that
    are not looked at.
    """

    entries: tuple[Line | Rejected, ...]
    dates: Dates
    continued: int
    unused: tuple[str, ...]


def read_file(file: Path, given: Dates | None = None) -> Reading:
    """Read a file; `given` says how its dates are written. Raises `OSError`, and as `read` does."""
    return read([decoded(file.read_bytes())], given)


def read(lines: Iterable[str], given: Dates | None = None) -> Reading:
    """Read the lines of a file, header first.

    Raises
    ------
    NotOnlineRetailError
        When the header is another one, or the dates can be read in two ways.
    """
    found = sheet("".join(line.removesuffix("\n") + "\n" for line in lines))
    whole = [record.values for record in found.records if record.values]
    when = dates.reader((values["InvoiceDate"] for values in whole), given)
    amounts = numbers.reader(values[name] for values in whole for name in ("Quantity", "UnitPrice"))
    entries = tuple(_entry(record, when, amounts) for record in found.records)
    return Reading(entries, when.dates, sum(record.lines - 1 for record in found.records), found.unused)


class _LineError(Exception):
    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def _entry(record: Record, when: DateReader, amounts: NumberReader) -> Line | Rejected:
    if record.values is None:
        return Rejected(record.number, "", Reason.WRONG_COLUMNS if record.readable else Reason.UNREADABLE)
    if not any(record.values.values()):
        return Rejected(record.number, "", Reason.BLANK)
    try:
        return _line(record.number, record.values, when, amounts)
    except _LineError as error:
        return Rejected(record.number, record.values["InvoiceNo"], error.reason)


def _line(number: int, values: Mapping[str, str], when: DateReader, amounts: NumberReader) -> Line:
    line = Line(
        number=number,
        invoice=_invoice(values["InvoiceNo"]),
        sku=_matching(_SKU, identity(values["StockCode"]), Reason.BAD_STOCK_CODE)[0],
        quantity=_quantity(amounts.read(values["Quantity"])),
        moment=_moment(when.read(values["InvoiceDate"])),
        price=Decimal(_matching(_PRICE, amounts.read(values["UnitPrice"]), Reason.BAD_PRICE)[0]),
        customer=_customer(values["CustomerID"]),
    )
    return line if line.is_credit else _positive(line)


def _matching(pattern: re.Pattern[str], text: str | None, otherwise: Reason) -> re.Match[str]:
    match = pattern.fullmatch(text) if text else None
    if not match:
        raise _LineError(otherwise)
    return match


def _invoice(text: str) -> str:
    """The invoice's number; the letter of a credit note or an adjustment counts in either case."""
    invoice = _matching(_INVOICE, identity(text), Reason.BAD_INVOICE)[0]
    invoice = invoice[0].upper() + invoice[1:] if re.fullmatch(r"[ac]\d.*", invoice) else invoice
    if invoice.startswith("A"):
        raise _LineError(Reason.ADJUSTMENT)
    return invoice


def _quantity(text: str | None) -> int:
    quantity = int(_matching(_QUANTITY, text, Reason.BAD_QUANTITY)[1])
    if abs(quantity) > MAX_QUANTITY:
        raise _LineError(Reason.BAD_QUANTITY)
    return quantity


def _moment(found: datetime | None) -> datetime:
    if found is None:
        raise _LineError(Reason.BAD_DATE)
    return found


def _customer(text: str) -> str:
    """The customer, or the guest; marks that letters carry do not make a name refused."""
    customer = identity(unicodedata.normalize("NFC", text))
    if customer == "":
        return GUEST
    letters = "".join(sign for sign in customer or "" if not unicodedata.category(sign).startswith("M"))
    if customer is None or len(customer) > MAX_CUSTOMER or not _CUSTOMER.fullmatch(letters):
        raise _LineError(Reason.BAD_CUSTOMER)
    return customer


def _positive(line: Line) -> Line:
    if line.quantity <= 0:
        raise _LineError(Reason.QUANTITY)
    if line.price <= 0:
        raise _LineError(Reason.PRICE)
    return line
