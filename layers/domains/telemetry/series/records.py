"""Readings as devices and people send them: JSON, on a stream or over HTTP, by one set of rules."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import inf, isfinite
from typing import Any, Final

import orjson

from banyan import CommandRejected
from banyan.ingest import Ingested
from telemetry.names import DEVICE_ID_PATTERN, SERIES, TIMES, ends_with_month, micros, month_of, series_id
from telemetry.rejections import Code, rejected
from telemetry.series.events import Reading

MOST_OF_A_RECORD: Final = 10_000
MOST_OF_A_REQUEST: Final = 1_000
MOST_OF_ONE_TIME: Final = 1_000
"""Readings without a sequence number, of the same microsecond: what makes their numbers leaves room for no more."""

MOST_QUOTED: Final = 40
"""Characters of a member that a reading does not have: a reason has no end otherwise."""

SEQUENCES: Final = range(2**63)
MICROS: Final = 1_000
"""Of a millisecond."""
IN_SECONDS: Final = range(978_307_200, 4_102_444_800)
"""Numbers that are times from 2001 to 2099 in seconds; as milliseconds they would be in the first weeks of 1970."""

_MEMBERS: Final = frozenset({"at", "value", "sequence"})
_NUMBERS: Final = frozenset({int, float, Decimal})
"""Types of a number; that of ``true``, a kind of ``int``, is none."""
_DEVICE: Final = re.compile(DEVICE_ID_PATTERN)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(Z|[+-]\d\d(?::?[0-5]\d)?)?", re.ASCII | re.IGNORECASE
)

ReadingsOfMonth = Sequence[Reading]
"""What a record says for one stream: readings of one month, in order of arrival."""


def read_record(data: bytes) -> Sequence[Ingested[ReadingsOfMonth]]:
    """The readings of a record, by device and month.

    A record is ``{"deviceId", "readings": [{"at", "value", "sequence"}, ...]}``, or has one reading beside its
    ``deviceId``. One reading that cannot be read makes the whole record unreadable.

    Raises
    ------
    CommandRejected
        With a code of ``telemetry.rejections.Code``, and the member that it is about.
    """
    record = _object(data)
    device_id = record.pop("deviceId", None)
    check_device(device_id)
    if "readings" not in record:
        return by_month(device_id, _numbered([_reading(record, "")]))
    readings = record.pop("readings")
    if record:
        unknown = min(record)[:MOST_QUOTED]
        raise rejected(Code.READING_INVALID, f"a record with readings has no {unknown!r}", unknown)
    return by_month(device_id, read_readings(readings, MOST_OF_A_RECORD))


def read_readings(readings: Any, most: int) -> Sequence[Reading]:
    """Readings from parsed JSON, each with its number, or with one that is made from its time.

    Raises
    ------
    CommandRejected
        Naming the first one that cannot be read, as ``readings.<index>.<member>``.
    """
    if not isinstance(readings, list) or not readings:
        raise rejected(
            Code.READINGS_MISSING, "readings are a list of objects with at and value, at least one", "readings"
        )
    if len(readings) > most:
        detail = f"{len(readings)} readings came at once, {most} are accepted: send fewer at once"
        raise rejected(Code.TOO_MANY_READINGS, detail, "readings")
    return _numbered([_reading(reading, f"readings.{index}") for index, reading in enumerate(readings)])


def by_month(device_id: str, readings: Sequence[Reading]) -> Sequence[Ingested[ReadingsOfMonth]]:
    """Readings, for the stream of each month."""
    months: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        months[month_of(reading.at)].append(reading)
    return [Ingested(SERIES, series_id(device_id, month), found) for month, found in months.items()]


def _object(data: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(data)
        _expect_each_key_once(data, record)
    except (ValueError, orjson.JSONEncodeError, RecursionError) as error:
        raise rejected(Code.NOT_JSON, "a record is JSON in UTF-8, with each key once and finite numbers") from error
    if not isinstance(record, dict):
        raise rejected(Code.NOT_A_RECORD, "a record is a JSON object with a deviceId and readings")
    return record


def _expect_each_key_once(data: bytes, record: Any) -> None:
    """Of a member that is there twice the parser keeps one, so that a colon is missing in what it found.

    Only where something is escaped may a colon be written without one, and has the slow parser to tell.
    """
    if b"\\" in data:
        json.loads(data, object_pairs_hook=_with_each_key_once)
    elif orjson.dumps(record).count(b":") != data.count(b":"):
        raise ValueError("a key is there twice")


def _with_each_key_once(pairs: Sequence[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key is there twice")


def check_device(device_id: Any) -> None:
    """Refuse what is not the id of a device. Raises ``CommandRejected``."""
    if device_id is None:
        raise rejected(Code.DEVICE_ID_MISSING, "a record names its device in deviceId", "deviceId")
    if not isinstance(device_id, str) or not _DEVICE.fullmatch(device_id) or ends_with_month(device_id):
        detail = (
            "a deviceId has up to 256 letters, digits, '.', '_' and '-', begins with a letter or digit, "
            "and does not end with a month, such as '.2026-01'"
        )
        raise rejected(Code.DEVICE_ID_INVALID, detail, "deviceId")


UNNUMBERED: Final = -1


def _reading(reading: Any, path: str) -> Reading:
    if not isinstance(reading, dict):
        raise rejected(Code.READING_INVALID, "a reading is an object with at and value", path)
    try:
        _check_members(reading)
        return Reading(_sequence(reading.get("sequence")), _time(reading.get("at")), _value(reading.get("value")))
    except CommandRejected as error:
        raise CommandRejected(error.code, error.detail, ".".join(filter(None, (path, error.field)))) from error


def _check_members(reading: Mapping[str, Any]) -> None:
    if not _MEMBERS.issuperset(reading):
        unknown = min(reading.keys() - _MEMBERS)[:MOST_QUOTED]
        raise rejected(Code.READING_INVALID, f"a reading has at, value and sequence, and no {unknown!r}", unknown)


def _sequence(number: Any) -> int:
    if number is None:
        return UNNUMBERED
    if not _is_int(number) or number not in SEQUENCES:
        raise rejected(Code.SEQUENCE_INVALID, "a sequence is a whole number from 0 to 2^63 - 1", "sequence")
    return int(number)


def _time(at: Any) -> int:
    try:
        found = _time_of_text(at) if isinstance(at, str) else _time_of_number(at)
    except (ValueError, OverflowError):
        found = -1
    if found not in TIMES:
        detail = (
            "a reading's time is ISO 8601, such as 2026-01-05T08:26:00.5Z (without a zone it is UTC), "
            "or milliseconds since 1970, up to the year 2199"
        )
        raise rejected(Code.TIME_INVALID, detail, "at")
    return found


def _time_of_text(text: str) -> int:
    if not _TIME.fullmatch(text):
        return -1
    moment = datetime.fromisoformat(text.upper())
    return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _time_of_number(number: Any) -> int:
    """Microseconds, of milliseconds with three decimals at most that count; a huge number is not even rounded.

    They are those of the nearest float, as a record has it, so that a reading is the same over HTTP, digit by digit.
    """
    if not _is_number(number) or not 0 <= number < TIMES.stop // MICROS:
        return -1
    if IN_SECONDS.start <= number < IN_SECONDS.stop:
        detail = "the number looks like seconds; milliseconds are expected (for a time in early 1970 send ISO 8601)"
        raise rejected(Code.TIME_IN_SECONDS, detail, "at")
    found: int = round(float(number) * MICROS)
    return found


def _value(value: Any) -> float:
    """A finite number, as the float64 that is nearest to it."""
    try:
        found = float(value) if _is_number(value) else inf
    except OverflowError:
        found = inf
    if not isfinite(found):
        raise rejected(Code.VALUE_INVALID, "a value is a finite number", "value")
    return found


def _is_int(number: Any) -> bool:
    return type(number) is int


def _is_number(number: Any) -> bool:
    return type(number) in _NUMBERS


def _numbered(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Readings, those without a number with one: their microsecond, and how many of it came before."""
    of_one_time: Counter[int] = Counter()
    found: list[Reading] = []
    for reading in readings:
        if reading.sequence == UNNUMBERED:
            reading = reading._replace(sequence=reading.at * MOST_OF_ONE_TIME + of_one_time[reading.at])
            of_one_time[reading.at] += 1
        found.append(reading)
    if of_one_time and max(of_one_time.values()) > MOST_OF_ONE_TIME:
        detail = f"more than {MOST_OF_ONE_TIME} readings have the same time: number them with a sequence"
        raise rejected(Code.SEQUENCE_MISSING, detail, "readings")
    return found
