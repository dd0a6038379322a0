"""When a line happened: all dates of a file are looked at before the first one is read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from orders.tools.importer.sheet import NotOnlineRetailError

EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)

_CLOCK = (
    r"[T, ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?"
    r"(?:\s?(?P<half>[AP])\.?M\.?)?(?:\s?(?P<zone>Z|UTC|[+-]\d{2}:?[0-5]\d))?"
)
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})" + _CLOCK, re.I)
_YEAR_LAST = re.compile(r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})" + _CLOCK, re.I)


class Dates(StrEnum):
    """How the dates of a file are read; those that begin with their year always are."""

    DMY = "dmy"
    MDY = "mdy"
    ISO = "iso"


class AmbiguousDatesError(NotOnlineRetailError):
    """The file does not say whether its dates begin with the day or with the month."""


@dataclass(frozen=True, slots=True)
class DateReader:
    """Reads the dates of one file; `given` if its user said how."""

    dates: Dates
    given: bool = False

    def read(self, text: str) -> datetime | None:
        """The moment, UTC; `None` for what is not a date, or not one that a sale can have."""
        moment = _moment(text, self.dates, self.given)
        return moment if moment and EARLIEST <= moment <= datetime.now(UTC) + timedelta(days=1) else None


def reader(texts: Iterable[str], given: Dates | None = None) -> DateReader:
    """Decide from all dates of a file how each is read.

    A day above 12 shows the order for the whole file. Without one, dates with dashes or dots begin with the day, and
    dates with slashes with the month if they are written as in the published data set, without leading zeros.

    Raises
    ------
    AmbiguousDatesError
        When two dates contradict each other, or none decides.
    """
    if given:
        return DateReader(given, given=True)
    found = [match for text in dict.fromkeys(texts) if (match := _YEAR_LAST.fullmatch(text))]
    day_first = next((match for match in found if int(match["a"]) > 12 >= int(match["b"])), None)
    month_first = next((match for match in found if int(match["b"]) > 12 >= int(match["a"])), None)
    if day_first and month_first:
        raise AmbiguousDatesError(
            f"The dates contradict each other: {day_first[0]} begins with its day, {month_first[0]} with its month."
            " Say DATES=dmy or DATES=mdy, and the others are rejected."
        )
    if day_first or month_first:
        return DateReader(Dates.DMY if day_first else Dates.MDY)
    either = [match for match in found if int(match["a"]) != int(match["b"])]
    return DateReader(_by_writing(either) if found else Dates.ISO)


def _by_writing(found: list[re.Match[str]]) -> Dates:
    slashes = [match for match in found if match["mark"] == "/"]
    as_published = any(len(match["a"] + match["b"]) < 4 for match in slashes) and not any(
        match[part].startswith("0") for match in slashes for part in ("a", "b")
    )
    if slashes and (not as_published or len(slashes) < len(found)):
        raise AmbiguousDatesError(
            f"Dates like {slashes[0][0]} can begin with the day or with the month: say DATES=dmy or DATES=mdy."
        )
    return Dates.DMY if found and not slashes else Dates.MDY


@lru_cache(maxsize=100_000)
def _moment(text: str, dates: Dates, given: bool) -> datetime | None:
    match = _YEAR_FIRST.fullmatch(text)
    if match:
        return _built(match, int(match["year"]), match["month"], match["day"])
    match = _YEAR_LAST.fullmatch(text)
    if not match or dates is Dates.ISO or (len(match["year"]) == 2 and match["mark"] != "/" and not given):
        return None
    first, second = match["a"], match["b"]
    return _built(match, _year(match["year"]), *((second, first) if dates is Dates.DMY else (first, second)))


def _year(text: str) -> int:
    """Two digits are a year of this century, or of the last one where that is still to come."""
    year = int(text) if len(text) == 4 else 2000 + int(text)
    return year - 100 if len(text) == 2 and year > datetime.now(UTC).year + 1 else year


def _built(match: re.Match[str], year: int, month: str, day: str) -> datetime | None:
    hour, half = int(match["hour"]), (match["half"] or "").upper()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "P" else 0) if half else hour
    zone = (match["zone"] or "Z").upper().replace("UTC", "Z").replace("Z", "+00:00")
    second = match["second"] or "00"
    try:
        return datetime.fromisoformat(
            f"{year:04}-{int(month):02}-{int(day):02}T{hour:02}:{match['minute']}:{second}{zone}"
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
