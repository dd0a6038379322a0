r"""Text from outside: which characters are accepted, and which ids a URL can name.

An id travels percent-encoded in a path. API Gateway's HTTP API decodes a path before it routes the request, and hands
it on decoded (``rawPath``): a ``/`` has then become a boundary, and all from a ``?`` on is lost. Clients and proxies
turn ``\`` into ``/`` and resolve ``.`` and ``..``. Whatever else an id holds arrives as it was meant.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from unicodedata import normalize

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

PATH_RULE: Final = "without '/', '\\' and '?', and neither '.' nor '..'"

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?[0-5]\d)",
    re.ASCII,
)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)
_PATH_ID = re.compile(r"(?!\.{1,2}\Z)[^/\\?\x00-\x1f\x7f]+")
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffd-\uffff]")
REPLACEMENT: Final = "\ufffd"
"""What decoders put in place of bytes that are not UTF-8."""


def fits_in_path(id: str) -> bool:
    """Whether a route that takes an id from its path can find this one."""
    return _PATH_ID.fullmatch(id) is not None


def is_readable(text: str) -> bool:
    """Whether text is one line without control characters, bidirectional overrides, lone surrogates and the like."""
    return _UNREADABLE.search(text) is None


def composed(text: object) -> object:
    """Text in Unicode's normal form C, so that one spelling of a letter and its marks is kept; all else as it is."""
    return normalize("NFC", text) if isinstance(text, str) and not text.isascii() else text


def _readable(text: str) -> str:
    if not is_readable(text):
        raise PydanticCustomError("text", "text is one line without control characters or bidirectional overrides")
    return text


def _day(value: Any) -> Any:
    if isinstance(value, date):
        return value
    if not (isinstance(value, str) and _DAY.fullmatch(value)):
        raise PydanticCustomError("day", "a day looks like 2010-12-01")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise PydanticCustomError("day", "the calendar has no such day") from error


def moment(value: Any) -> datetime:
    """Read a moment with a zone, in UTC: beyond the years 1 to 9999 there, their first or last one.

    Raises a ``ValueError`` that says what to send.
    """
    if isinstance(value, datetime) and value.tzinfo:
        return value
    if not (isinstance(value, str) and _MOMENT.fullmatch(value)):
        raise PydanticCustomError("datetime", "a moment has a time and a zone, such as 2010-12-01T08:26:00Z")
    try:
        found = datetime.fromisoformat(value.upper())
    except ValueError as error:
        raise PydanticCustomError("datetime", "there is no such moment") from error
    return _in_utc(found)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _FIRST if moment.year == 1 else _LAST


Composed: Final = BeforeValidator(composed)
Readable: Final = AfterValidator(_readable)

Line = Annotated[str, Composed, Readable]
"""A line of text that people wrote."""

Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A day of the calendar, as text ``yyyy-mm-dd`` and nothing else that pydantic takes for one."""

Moment = Annotated[datetime, BeforeValidator(moment), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A moment in UTC, as text with a zone: a number is none, nor is a day alone."""


def counted(number: int, noun: str) -> str:
    """So many things, for a person to read."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
