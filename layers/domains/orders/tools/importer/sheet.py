"""The text of a file as records: its encoding, its separator, the columns it names, and quotes over several lines."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

HEADER: Final = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

_REQUIRED: Final = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")
_NAMES: Final = {name.casefold(): name for name in HEADER.split(",")} | {"invoice": "InvoiceNo", "price": "UnitPrice"}
"""The columns of both editions of the data set, without spaces and case."""
_SEPARATORS: Final = ",;\t|"
_MOST_LINES: Final = 100


class NotOnlineRetailError(Exception):
    """The file is not an Online Retail CSV, or cannot be read in one way only: the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the place of its first line in the file (the header is 1), and its values by column.

    `values` is `None` where the record does not have the header's number of columns; `lines` it goes over.
    """

    number: int
    values: Mapping[str, str] | None
    lines: int = 1
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Sheet:
    """The records below the header, and the columns that no import uses."""

    records: Sequence[Record]
    unused: tuple[str, ...]


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, UTF-16, or Windows' Latin for the lines that are neither."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\x00" in content[:2]:
        return content.decode("utf-16-be" if content[0] == 0 else "utf-16-le", errors="replace")
    return "".join(map(_line_decoded, content.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)))


def _line_decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


def sheet(text: str) -> Sheet:
    """Divide a text into records. Raises `NotOnlineRetailError` when its header is another one."""
    lines = list(enumerate(io.StringIO(text, newline=None), start=1))
    while lines and (not lines[0][1].strip() or re.fullmatch(r'"?sep=.?"?', lines[0][1].strip())):
        del lines[0]
    header = lines[0][1] if lines else ""
    separator = next((each for each in _SEPARATORS if not _missing(_split([header], each))), ",")
    names = _columns(_split([header], separator))
    unused = tuple(name for name in names if name not in _NAMES.values())
    return Sheet(tuple(_records(lines[1:], separator, names)), unused)


def _columns(fields: Sequence[str]) -> tuple[str, ...]:
    names = tuple(_NAMES.get(_plain(field), field or "(no name)") for field in fields)
    missing, twice = _missing(fields), sorted({name for name in _NAMES.values() if names.count(name) > 1})
    if missing or twice:
        what = f"{', '.join(missing)} missing" if missing else f"{', '.join(twice)} there twice"
        raise NotOnlineRetailError(f"The first line must be {HEADER}, in any order: {what}.")
    return names


def _missing(fields: Sequence[str]) -> Sequence[str]:
    found = {_NAMES.get(_plain(field)) for field in fields}
    return [name for name in _REQUIRED if name not in found]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _records(lines: Sequence[tuple[int, str]], separator: str, names: Sequence[str]) -> Iterator[Record]:
    place = 0
    while place < len(lines):
        number, text = lines[place]
        fields, count = _split([text], separator), 1
        if len(fields) != len(names) and text.count('"') % 2:
            together = [line for _, line in lines[place : place + _MOST_LINES]]
            fields, count = _joined(together, separator, len(names)) or (fields, 1)
        values = dict(zip(names, fields, strict=True)) if len(fields) == len(names) else None
        yield Record(number, values or ({} if fields == [""] else None), count, bool(fields))
        place += count


def _joined(lines: Sequence[str], separator: str, columns: int) -> tuple[list[str], int] | None:
    """The record that a quote left open makes of several lines, if it makes one and tears no other apart."""
    for count in range(2, len(lines) + 1):
        if len(_split(lines[count - 1 : count], separator)) == columns:
            return None
        if lines[count - 1].count('"') % 2:
            fields = _split(lines[:count], separator, strict=True)
            return (fields, count) if len(fields) == columns else None
    return None


def _split(lines: Iterable[str], separator: str, *, strict: bool = False) -> list[str]:
    try:
        found = next(csv.reader(lines, delimiter=separator, strict=strict), [])
    except csv.Error:
        return []
    return [field.strip() for field in found] or [""]
