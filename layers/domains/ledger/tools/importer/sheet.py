"""The CSV of `hledger print -x --infer-equity -O csv` as entries: a transaction each, with its lines."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from itertools import groupby
from typing import Final

COMMAND: Final = "hledger print -x --infer-equity -O csv"
_NEEDED: Final = ("txnidx", "date", "description", "account", "amount", "commodity")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9][0-9., \u00a0\u202f']{0,1000}|[.,][0-9]{1,1000})")
_DATE: Final = r"(?:([0-9]{1,4})[-/.])?([0-9]{1,2})[-/.]([0-9]{1,2})"
_POSTING_DATE: Final = re.compile(rf"(?:(?<!\S)date:[ \t]*|\[(?=[0-9/.=-]+\])){_DATE}")
_LONGEST_FIELD: Final = 10_000_000


class NotJournalError(Exception):
    """The file is not what hledger prints as CSV: the message says what to do."""


class Kind(StrEnum):
    """How a posting takes part: those in `[]` balance among themselves, those in `()` need not balance at all."""

    REAL = "real"
    BALANCED = "balanced"
    UNBALANCED = "unbalanced"


@dataclass(frozen=True, slots=True)
class Number:
    """An exact amount, and with how many decimals it was printed."""

    value: Fraction
    decimals: int


@dataclass(frozen=True, slots=True)
class Line:
    """One posting in one commodity, on its own day if its comment names one.

    `generated`: hledger added it for a cost, with as many digits as that needs.
    """

    day: str
    account: str
    kind: Kind
    amount: Number
    commodity: str
    generated: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction; `fault` says why it cannot be read, if it cannot. `number`: its first line, the header is 1."""

    number: int
    index: str
    day: str
    description: str
    lines: tuple[Line, ...] = ()
    fault: str = ""


def decoded(content: bytes) -> str:
    """The text of a file. Raises `NotJournalError` for any encoding but UTF-8, or UTF-16 with its mark."""
    utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJournalError(f"It is not UTF-8 (byte {error.start + 1}): write it again with `{COMMAND}`.") from None


def entries(text: str) -> tuple[Entry, ...]:
    """The transactions of a CSV. Raises `NotJournalError` when it is something else."""
    with _long_fields():
        rows = _rows(text)
        header = next(rows, (1, []))[1]
        _check(header)
        named = ((number, dict(zip(header, row, strict=False)), len(row) == len(header)) for number, row in rows)
        groups = groupby(named, key=lambda row: row[1].get("txnidx", ""))
        return tuple(_entry(index, list(group)) for index, group in groups)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Whatever else reads CSV in this process keeps its own limit."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 1
    try:
        for row in reader:
            if row:
                yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        raise NotJournalError(f"It is not CSV (line {reader.line_num}: {error}): make it with `{COMMAND}`.") from None


def _check(header: Sequence[str]) -> None:
    if not header:
        raise NotJournalError(f"It is empty: make it with `{COMMAND}`.")
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise NotJournalError(
            f"Its first line has no column {', '.join(missing)}: make it with `{COMMAND}`, not with another report."
        )


def _entry(index: str, rows: Sequence[tuple[int, Mapping[str, str], bool]]) -> Entry:
    number, first, _ = rows[0]
    day, description = first.get("date", ""), first.get("description", "")
    try:
        for place, _, whole in rows:
            _demand(whole, f"line {place} has another number of columns than the header")
        _demand(_is_day(day), f"{day!r} is not a date such as 2026-01-31")
        lines = tuple(_lines((values for _, values, _ in rows), date.fromisoformat(day)))
    except _UnreadableError as error:
        return Entry(number, index, day, description, fault=str(error))
    return Entry(number, index, day, description, lines)


def _lines(rows: Iterable[Mapping[str, str]], day: date) -> Iterator[Line]:
    for row in rows:
        account, kind = _bare(row["account"])
        _demand(bool(account), "a posting names no account")
        amount = number(row["amount"])
        if amount is None:
            raise _UnreadableError(f"{row['amount']!r} is not an amount: print with -x, and as CSV")
        comment = row.get("posting-comment", "")
        generated = "generated-posting:" in comment
        yield Line(_own_day(comment, day), account, kind, amount, row["commodity"], generated)


def _own_day(comment: str, day: date) -> str:
    """The first `date:` tag or `[date]` of a posting's comment; without a year it is the transaction's."""
    found = _POSTING_DATE.search(comment)
    if not found:
        return day.isoformat()
    year, month, number = found.groups()
    try:
        return date(int(year or day.year), int(month), int(number)).isoformat()
    except ValueError:
        raise _UnreadableError(f"{found[0].strip()!r} is not a date") from None


def _bare(account: str) -> tuple[str, Kind]:
    for signs, kind in (("()", Kind.UNBALANCED), ("[]", Kind.BALANCED)):
        if account.startswith(signs[0]) and account.endswith(signs[1]):
            return account[1:-1].strip(), kind
    return account, Kind.REAL


def number(text: str) -> Number | None:
    """An amount as hledger prints it, or `None`.

    In CSV it prints no marks between thousands, so a single point or comma stands before decimals, also before three.
    Of several marks the last stands before decimals if there is no other like it.
    """
    bare = text.strip().replace("\N{MINUS SIGN}", "-")
    if not _NUMBER.fullmatch(bare):
        return None
    bare = re.sub(r"[ \u00a0\u202f']", "", bare)
    mark = max(",.", key=bare.rfind)
    whole, _, decimals = bare.rpartition(mark) if bare.count(mark) == 1 else (bare, "", "")
    digits = re.sub(r"[.,]", "", whole)
    return Number(Fraction(int(f"{digits}{decimals}"), 10 ** len(decimals)), len(decimals))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _demand(condition: bool, otherwise: str) -> None:
    if not condition:
        raise _UnreadableError(otherwise)


class _UnreadableError(Exception):
    """Why one transaction cannot be read."""
