"""The text of a CSV line by line: its encoding, its separator, and the two columns that count."""

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from telemetry.tools.importer.moments import looks_like_a_time
from telemetry.tools.importer.rejections import LineRejected, Reason, UnusableFileError

_SEPARATORS: Final = ";\t|,"
_SAYS_NOTHING: Final = re.compile(r'\s*|"?sep=.?"?\s*', re.I)
_PEEK: Final = 4096
_MARK: Final = "\ufeff"
"""Of UTF-8, where files were put together, each with one."""
_TIMES: Final = ("timestamp", "time", "datetime", "date", "at", "ts")
_VALUES: Final = ("value", "reading", "measurement")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where time and value stand in a line.

    Parameters
    ----------
    names
        The header, empty where the file has none; it may be there again, as in files that were put together.
    count
        Columns that every line has.
    """

    separator: str
    time: int
    value: int
    count: int
    names: tuple[str, ...] = ()

    def of(self, line: str) -> tuple[str, str] | None:
        """Time and value of a line as texts, `None` for a header. Raises `LineRejected`."""
        fields = split(line, self.separator)
        if len(fields) != self.count:
            raise LineRejected(Reason.COLUMNS)
        return None if self.names and tuple(fields) == self.names else (fields[self.time], fields[self.value])


@contextmanager
def opened(path: Path) -> Iterator[Iterator[tuple[int, str]]]:
    """The lines of a file that are not empty, with their numbers; the first one is 1.

    Raises
    ------
    UnusableFileError
        When it is not text. Bytes that are not UTF-8 are read as replacement characters.
    """
    with path.open("rb") as file:
        start = file.peek(_PEEK)[:_PEEK]
        utf_16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if not utf_16 and b"\0" in start:
            raise UnusableFileError("It is not text: unpack it, or save it as CSV in UTF-8.")
        text = TextIOWrapper(file, "utf-16" if utf_16 else "utf-8-sig", errors="replace", newline=None)
        lines = (line.removeprefix(_MARK) for line in text)
        yield ((number, line) for number, line in enumerate(lines, start=1) if not _SAYS_NOTHING.fullmatch(line))


def columns(lines: Iterator[tuple[int, str]], time: str = "", value: str = "") -> Columns:
    """Decide from the first line where time and value stand.

    Parameters
    ----------
    time, value
        Names of their columns, or numbers from 1 on; where empty, usual names show them, or that there are only two.

    Raises
    ------
    UnusableFileError
        When it does not show it.
    """
    _, first = next(lines, (0, None))
    if first is None:
        raise UnusableFileError("It is empty.")
    separator = next((each for each in _SEPARATORS if each in first), ",")
    fields = split(first, separator)
    if len(fields) < 2:
        raise UnusableFileError("Its first line has one column only: a time and a value are needed.")
    places = _place(fields, time, "TIME", _TIMES, 0), _place(fields, value, "VALUE", _VALUES, 1)
    if places[0] == places[1]:
        raise UnusableFileError("TIME= and VALUE= name the same column.")
    names = () if looks_like_a_time(fields[places[0]]) else tuple(fields)
    return Columns(separator, *places, len(fields), names)


def _place(fields: Sequence[str], asked: str, option: str, usual: Sequence[str], otherwise: int) -> int:
    if asked.isdecimal() and 1 <= int(asked) <= len(fields):
        return int(asked) - 1
    folded = [field.casefold() for field in fields]
    found = [place for place, name in enumerate(folded) if name in ([asked.casefold()] if asked else usual)]
    if len(found) == 1:
        return found[0]
    if not asked and len(fields) == 2:
        return otherwise
    problem = "several columns" if found else "no column"
    known = (
        f"Its first line has {problem} {asked}" if asked else f"Its columns do not show what is the {option.lower()}"
    )
    raise UnusableFileError(f"{known}: say {option}= and a name or a number, of {', '.join(fields)}.")


def split(line: str, separator: str) -> list[str]:
    """The fields of one line, without spaces and quotes around them. A quote that stays open goes no further."""
    if '"' not in line:
        return [field.strip() for field in line.split(separator)]
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    except csv.Error:
        raise LineRejected(Reason.COLUMNS) from None
