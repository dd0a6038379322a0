"""The text of a CSV line by line: its encoding, its separator, and the fields of a line."""

import codecs
import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from telemetry.tools.importer.moments import looks_like_a_time
from telemetry.tools.importer.rejections import LineRejected, Reason, UnusableFileError

_SEPARATORS: Final = ";\t|,"
_SAYS_NOTHING: Final = re.compile(r'[\s;|,]*|"?sep=.?"?\s*', re.I)
_PEEK: Final = 4096
_MARK: Final = "\ufeff"
"""Of UTF-8, where files were put together, each with one."""
_NOT_TEXT: Final = re.compile(rb"[\x01-\x08\x0e-\x1f]|(?:[^\0]\0){4}|(?:\0[^\0]){4}|ustar")
"""What stands beside bytes that are zero in archives, images and UTF-16 without its mark."""


@contextmanager
def opened(path: Path) -> Iterator[Iterator[tuple[int, str]]]:
    """The lines of a file that are not empty, from its header on, with their numbers; its first one is 1.

    Raises
    ------
    UnusableFileError
        When it is not text. Bytes that are not UTF-8 are read as replacement characters.
    """
    with path.open("rb") as file:
        start = file.peek(_PEEK)[:_PEEK]
        utf_16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if not utf_16 and b"\0" in start and _NOT_TEXT.search(start):
            raise UnusableFileError("It is not text: unpack it, or save it as CSV in UTF-8.")
        text = TextIOWrapper(file, "utf-16" if utf_16 else "utf-8-sig", errors="replace", newline=None)
        lines = (line.removeprefix(_MARK) for line in text)
        numbered = enumerate(lines, start=1)
        yield _from_header((number, line) for number, line in numbered if not _SAYS_NOTHING.fullmatch(line))


def _from_header(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines without the comments above the header; where readings come next, the last one is the header."""
    comment = None
    for number, line in lines:
        if not line.startswith("#"):
            if comment and _is_header(comment[1], line):
                yield comment
            yield number, line
            break
        comment = number, line
    yield from lines


def _is_header(line: str, following: str) -> bool:
    separator = separator_of(following)
    try:
        names, fields = split(line, separator), split(following, separator)
    except LineRejected:
        return False
    return len(names) == len(fields) and any(map(looks_like_a_time, fields))


def separator_of(line: str) -> str:
    """What stands between the fields of a line."""
    return next((each for each in _SEPARATORS if each in line), ",")


def split(line: str, separator: str) -> list[str]:
    """The fields of one line, without spaces and quotes around them. A quote that stays open goes no further."""
    if '"' not in line:
        return [field.strip() for field in line.split(separator)]
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    except csv.Error:
        raise LineRejected(Reason.COLUMNS) from None
