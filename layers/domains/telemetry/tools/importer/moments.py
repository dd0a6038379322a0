"""When a reading was taken: all times of a file are looked at before the first one is read."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from telemetry.names import TIMES, micros
from telemetry.tools.importer.rejections import LineRejected, Reason, UnusableFileError

_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z?")
_OF_DAY: Final = (
    r"(?P<hour>[0-9]{1,2})(?P<sign>[:.])(?P<minute>[0-9]{2})"
    r"(?:(?P=sign)(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?: ?(?P<half>[AP])\.?M\.?)?(?: ?(?P<zone>Z|UTC|GMT|[+-][0-9]{2}(?::?[0-5][0-9])?))?"
)
_TIME_OF_DAY: Final = re.compile(_OF_DAY, re.I)
_CLOCK: Final = rf"(?:(?:T|,? +){_OF_DAY})?"
_YEAR_FIRST: Final = re.compile(
    r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})" + _CLOCK, re.I
)
_YEAR_LAST: Final = re.compile(
    r"(?P<a>[0-9]{1,2})(?P<mark>[-/.])(?P<b>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})" + _CLOCK, re.I
)
_SINCE_1970: Final = re.compile(r"(?P<whole>[0-9]{10}|[0-9]{13}|[0-9]{16}|[0-9]{19})(?:[.,](?P<fraction>[0-9]{1,9}))?")
_DIGITS: Final = 16
"""Of microseconds since 1970, from 2001 to 2286."""
_OFFSET: Final = re.compile(r"(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-5][0-9])?")


class DateOrder(StrEnum):
    """What dates begin with that end with their year; others begin with their year."""

    DAY = "day"
    MONTH = "month"


class Fold(StrEnum):
    """Which one a local time is that clocks show twice when they are put back.

    `ORDER`: the first time until times of the file step back within that hour, then the second. Where times are as far
    apart as that hour is long, one time of it comes twice: then the second one is the later one.
    """

    REJECT = "reject"
    EARLIER = "earlier"
    LATER = "later"
    ORDER = "order"


def zone_named(name: str) -> tzinfo:
    """A time zone such as Europe/Vienna, UTC, or +02:00. Raises `UnusableFileError` where there is no such zone."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset:
        minutes = int(offset["hours"]) * 60 + int(offset["minutes"] or 0)
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=minutes if offset["sign"] == "+" else -minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnusableFileError(
            f"There is no time zone {name!r}: say one such as ZONE=Europe/Vienna or +02:00."
        ) from None


def looks_like_a_time(text: str) -> bool:
    """Whether a text is written as a time, of whatever form."""
    return any(form.fullmatch(text) for form in (_YEAR_FIRST, _YEAR_LAST, _SINCE_1970))


def is_a_date(text: str) -> bool:
    """Whether a text is a date without a time of day."""
    match = _YEAR_FIRST.fullmatch(text) or _YEAR_LAST.fullmatch(text)
    return match is not None and match["hour"] is None


def is_a_time_of_day(text: str) -> bool:
    """Whether a text is a time of day without a date."""
    return _TIME_OF_DAY.fullmatch(text) is not None


def date_order(texts: Iterable[str]) -> DateOrder | None:
    """What the dates of a file begin with, from all its times: a number above 12 is a day.

    Raises
    ------
    UnusableFileError
        When two dates contradict each other, or none decides.
    """
    either = day_first = month_first = ""
    for text in texts:
        match = None if text[:4].isdecimal() else _YEAR_LAST.fullmatch(text)
        if match:
            first, second = int(match["a"]), int(match["b"])
            day_first = day_first or (text if first > 12 >= second else "")
            month_first = month_first or (text if second > 12 >= first else "")
            either = either or text
    if day_first and month_first:
        raise UnusableFileError(
            f"Its dates contradict each other: {day_first} begins with its day, {month_first} with its month."
            " Say DAYFIRST=1 or DAYFIRST=0, and the others are rejected."
        )
    if either and not (day_first or month_first):
        raise UnusableFileError(
            f"Dates like {either} can begin with the day or with the month: say DAYFIRST=1 or DAYFIRST=0."
        )
    return (DateOrder.DAY if day_first else DateOrder.MONTH) if either else None


class TimeReader:
    """Reads the times of one file, in its order.

    Parameters
    ----------
    order
        `None` where no date ends with its year.
    zone
        Of times that name none.
    now
        A bare number that would be more than a day later is not a time.
    """

    def __init__(
        self,
        order: DateOrder | None = None,
        zone: tzinfo = UTC,
        fold: Fold = Fold.REJECT,
        *,
        now: datetime | None = None,
    ) -> None:
        self._order, self._zone, self._fold = order, zone, fold
        self._latest = micros((now or datetime.now(UTC)) + timedelta(days=1))
        self._before: datetime | None = None
        self._step = timedelta(0)
        self._second_time = False

    def read(self, text: str) -> int:
        """Microseconds since 1970, UTC; further digits are cut off. Raises `LineRejected`."""
        if _ISO.fullmatch(text):
            return self._of_moment(_parsed(text))
        number = _SINCE_1970.fullmatch(text)
        if number:
            return self._of_number(number)
        return self._of_moment(self._of_parts(text))

    def _of_number(self, number: re.Match[str]) -> int:
        """Seconds, milliseconds, micro- or nanoseconds: since 2001 these have 10, 13, 16 and 19 digits."""
        since = int((number["whole"] + (number["fraction"] or "")).ljust(_DIGITS, "0")[:_DIGITS])
        if since > self._latest:
            raise LineRejected(Reason.TIME)
        return since

    def _of_parts(self, text: str) -> datetime:
        match = _YEAR_FIRST.fullmatch(text)
        if match:
            return _built(match, match["month"], match["day"])
        match = _YEAR_LAST.fullmatch(text)
        if not match or not self._order:
            raise LineRejected(Reason.TIME)
        return _built(match, *((match["b"], match["a"]) if self._order is DateOrder.DAY else (match["a"], match["b"])))

    def _of_moment(self, moment: datetime) -> int:
        since = micros(moment if moment.tzinfo else self._local(moment))
        if since not in TIMES:
            raise LineRejected(Reason.TIME)
        return since

    def _local(self, moment: datetime) -> datetime:
        if self._zone is UTC:
            return moment.replace(tzinfo=UTC)
        first, second = (moment.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        before, after = first.utcoffset(), second.utcoffset()
        assert before is not None
        assert after is not None
        if before < after:
            raise LineRejected(Reason.NONEXISTENT)
        return second if self._is_second(moment, before - after) else first

    def _is_second(self, moment: datetime, shown_twice: timedelta) -> bool:
        """Whether it is the second one of two; for how long clocks show each time twice is 0 at other times."""
        twice = bool(shown_twice)
        if twice and self._fold is Fold.REJECT:
            raise LineRejected(Reason.AMBIGUOUS)
        self._second_time = twice and (self._second_time or self._has_passed(moment, shown_twice))
        if self._before is not None and moment != self._before:
            self._step = moment - self._before
        self._before = moment
        return twice and (self._second_time if self._fold is Fold.ORDER else self._fold is Fold.LATER)

    def _has_passed(self, moment: datetime, shown_twice: timedelta) -> bool:
        """Whether times of the file have passed a moment before, other than by a line that comes twice."""
        if self._before is None or moment > self._before:
            return False
        return moment < self._before or self._step >= shown_twice


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise LineRejected(Reason.TIME) from None


def _built(match: re.Match[str], month: str, day: str) -> datetime:
    hour, half = int(match["hour"] or 0), (match["half"] or "").upper()
    if half and not 1 <= hour <= 12:
        raise LineRejected(Reason.TIME)
    hour = hour % 12 + (12 if half == "P" else 0) if half else hour
    clock = (
        f"{hour:02}:{match['minute'] or '00'}:{match['second'] or '00'}.{(match['fraction'] or '0')[:6].ljust(6, '0')}"
    )
    zone = re.sub("Z|UTC|GMT", "+00:00", (match["zone"] or "").upper())
    return _parsed(f"{match['year']}-{int(month):02}-{int(day):02}T{clock}{zone}")
