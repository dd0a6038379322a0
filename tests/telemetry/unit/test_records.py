"""Records: what can be read of them, and the exact reason for what cannot."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from banyan import CommandRejected
from telemetry import DOMAIN
from telemetry.ingest import INGEST
from telemetry.names import TIMES, micros, moment_of, month_of
from telemetry.series.events import Reading
from telemetry.series.records import MOST_OF_A_RECORD, read_readings, read_record

AT = datetime(2026, 1, 5, 8, 26, 0, 500_000, tzinfo=UTC)
MICROS = micros(AT)


def data(readings: Any = None, **record: Any) -> bytes:
    whole = {"deviceId": "boiler-1", **({} if readings is None else {"readings": readings}), **record}
    return json.dumps(whole).encode()


def one(**members: Any) -> dict[str, Any]:
    return {"at": "2026-01-05T08:26:00.5Z", "value": 1, **members}


def readings(record: bytes) -> dict[str, list[Reading]]:
    return {each.id: list(each.content) for each in read_record(record)}


@pytest.mark.parametrize(
    "at",
    [
        "2026-01-05T08:26:00.5Z",
        "2026-01-05T08:26:00.500",
        "2026-01-05 08:26:00,5",
        "2026-01-05t09:26:00.500000+01:00",
        "2026-01-05T00:26:00.5-0800",
        "2026-01-05T08:26:00.500000999Z",
        1767601560500,
        1767601560500.0,
        Decimal("1767601560500.000"),
    ],
    ids=str,
)
def test_a_time_is_read_in_utc(at: Any) -> None:
    (reading,) = read_readings([one(at=at)], 1)
    assert reading.at == MICROS


@pytest.mark.parametrize("number", [Decimal("1e999999999"), Decimal("-1e999999999"), 10**4000, -(10**4000)], ids=hash)
@pytest.mark.parametrize("member", ["at", "value"])
def test_a_huge_number_is_refused_at_once(number: Any, member: str) -> None:
    with pytest.raises(CommandRejected) as refused:
        read_readings([one(**{member: number})], 1)
    assert refused.value.field == f"readings.0.{member}"


def test_a_tiny_number_is_nothing() -> None:
    (reading,) = read_readings([one(at=Decimal("1e-999999999"), value=Decimal("1e-999999999"))], 1)
    assert reading == Reading(0, 0, 0.0)


IN_SECONDS = range(978_307_200, 4_102_444_800)
"""From 2001 to 2099; in milliseconds they are in January and February 1970."""


@given(st.integers(0, 1000 * 2**42).filter(lambda micros: micros // 1000 not in IN_SECONDS))
def test_milliseconds_with_decimals_are_the_same_time_as_text(micros: int) -> None:
    """Up to the year 2109, from when on floats do not tell microseconds apart: so a reading is itself either way."""
    in_text = moment_of(micros).isoformat()
    readings = read_readings([one(at=micros / 1000), one(at=in_text)], 2)
    assert [reading.at for reading in readings] == [micros, micros]


@given(st.decimals(0, 7_258_118_399_999, places=4).filter(lambda at: int(at) not in IN_SECONDS))
@example(Decimal("1767601560002.0014"))
def test_a_time_in_milliseconds_is_the_same_in_a_record_and_in_a_request(at: Decimal) -> None:
    """A request's numbers are decimal."""
    ((in_record,),) = [each.content for each in read_record(f'{{"deviceId":"a","at":{at:f},"value":1}}'.encode())]
    (in_request,) = read_readings([one(at=at)], 1)
    assert in_request.at == in_record.at


@pytest.mark.parametrize(
    "record", [b'{"deviceId":"a\\u002d1","at":%s,"value":1}', b'{"deviceId" : "a-1", "at": %s,"value":1}']
)
def test_a_record_may_be_written_in_any_way_that_is_json(record: bytes) -> None:
    assert readings(record % b'"2026-01-05T08:26:00.5Z"').keys() == {"a-1.2026-01"}


@pytest.mark.parametrize(
    "at", [1767600000, 1767600000.25, Decimal("1767600000"), IN_SECONDS[0], IN_SECONDS[-1]], ids=str
)
def test_a_time_in_seconds_is_refused(at: Any) -> None:
    with pytest.raises(CommandRejected, match="looks like seconds; milliseconds are expected") as refused:
        read_readings([one(), one(at=at)], 2)
    assert (refused.value.code, refused.value.field) == ("time_in_seconds", "readings.1.at")


@pytest.mark.parametrize("at", [0, 1.5, IN_SECONDS[0] - 1, IN_SECONDS[-1] + 1, "1970-01-21T11:00:00Z"], ids=str)
def test_times_of_1970_are_read_where_they_are_no_seconds(at: Any) -> None:
    (reading,) = read_readings([one(at=at)], 1)
    assert month_of(reading.at) in ("1970-01", "1970-02")


def test_a_flat_record_is_one_reading() -> None:
    assert readings(data(at=1767601560500, value=2.5, sequence=7)) == {"boiler-1.2026-01": [Reading(7, MICROS, 2.5)]}


def test_readings_are_kept_by_their_months_of_utc_in_order_of_arrival() -> None:
    sent = [
        one(at="2026-02-01T00:30:00+01:00", sequence=3),
        one(at="2026-02-01T00:00:00", sequence=2),
        one(at="2026-01-31T23:59:59.999999Z", sequence=1),
    ]
    found = readings(data(sent))
    numbers = {id: [reading.sequence for reading in month] for id, month in found.items()}
    assert numbers == {"boiler-1.2026-01": [3, 1], "boiler-1.2026-02": [2]}


def test_without_a_number_a_reading_is_identified_by_its_time() -> None:
    sent = [one(), one(value=2), one(at=1767601560501), one(sequence=5), one(value=3)]
    numbers = [reading.sequence for reading in read_readings(sent, 10)]
    assert numbers == [MICROS * 1000, MICROS * 1000 + 1, (MICROS + 1000) * 1000, 5, MICROS * 1000 + 2]


def test_a_thousand_readings_may_have_one_time() -> None:
    assert len({reading.sequence for reading in read_readings([one()] * 1000, 1000)}) == 1000


@pytest.mark.parametrize(
    ("value", "read"),
    [(3, 3.0), (-0.0, -0.0), (2**53 + 1, 2.0**53), (Decimal("0.1"), 0.1), (10**300, 1e300), (1e-308, 1e-308)],
    ids=str,
)
def test_a_value_is_the_nearest_float(value: Any, read: float) -> None:
    (reading,) = read_readings([one(value=value)], 1)
    assert reading.value.hex() == read.hex()


BAD_TIMES: list[Any] = [
    "",
    "x",
    "2026-01-05",
    "08:26",
    "2026-13-01T00:00Z",
    "2026-01-05T24:01Z",
    "2026-W01-1T00:00Z",
    None,
    True,
]
BAD_TIMES += [-1, 2**62, 1e300, [], {}, "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2026-01-05T08:26:60Z"]
BAD_TIMES += ["2026-01-05T08:26+05:60", "2026-01-05T08:26-0599", "2026-01-05T08:26+24:00"]
BAD_VALUES: list[Any] = [None, True, "1", [], {}, "NaN"]
BAD_SEQUENCES: list[Any] = [-1, 2**63, 1.5, "1", True, []]
BAD_IDS: list[Any] = ["", "a b", "-a", "a" * 257, "ä", "a/b", "boiler.2026-01", 1, [], {}]


@pytest.mark.parametrize(
    ("record", "code", "field"),
    [
        (b"", "record_not_json", None),
        (b"{", "record_not_json", None),
        (b"\xff\xfe", "record_not_json", None),
        (b'{"deviceId":"a","at":1,"value":NaN}', "record_not_json", None),
        (b'{"deviceId":"a","at":1,"value":1e999}', "record_not_json", None),
        (b'{"deviceId":"a","deviceId":"b","at":1,"value":1}', "record_not_json", None),
        (b'{"deviceId":"a","at":1,"value":1,"value":1}', "record_not_json", None),
        (b'{"deviceId":"a","readings":[{"at":1,"value":1},{"at":2,"at" : 2,"value":1}]}', "record_not_json", None),
        (b'{"deviceId":"a","at":"\\u003a","at":1,"value":1}', "record_not_json", None),
        (b'{"deviceId":"a","a\\u0074":1,"at":1,"value":1}', "record_not_json", None),
        (b'{"deviceId":"a","at":1,"value":{"a":1,"a":1}}', "record_not_json", None),
        pytest.param(b"[" * 900 + b"]" * 900, "record_not_json", None, id="deep"),
        (b"[]", "record_not_an_object", None),
        (b"1", "record_not_an_object", None),
        (b"{}", "device_id_missing", "deviceId"),
        *[(data([], deviceId=id), "device_id_invalid", "deviceId") for id in BAD_IDS],
        (data(), "time_invalid", "at"),
        (data({}), "readings_missing", "readings"),
        (data("x"), "readings_missing", "readings"),
        (data([]), "readings_missing", "readings"),
        (data([one()] * (MOST_OF_A_RECORD + 1)), "too_many_readings", "readings"),
        (data([one()] * 1001), "sequence_missing", "readings"),
        (data([], tenant="other"), "reading_invalid", "tenant"),
        (data([], at=1), "reading_invalid", "at"),
        (data(**one(), tenant="other"), "reading_invalid", "tenant"),
        (data([one(), 5]), "reading_invalid", "readings.1"),
        (data([one(), one(unit="K")]), "reading_invalid", "readings.1.unit"),
        (data([one(**{"x" * 1000: 1})]), "reading_invalid", f"readings.0.{'x' * 40}"),
        (data([], **{"x" * 1000: 1}), "reading_invalid", "x" * 40),
        *[(data([one(), one(at=at)]), "time_invalid", "readings.1.at") for at in BAD_TIMES],
        *[(data([one(), one(value=value)]), "value_invalid", "readings.1.value") for value in BAD_VALUES],
        *[(data([one(), one(sequence=n)]), "sequence_invalid", "readings.1.sequence") for n in BAD_SEQUENCES],
    ],
)
def test_what_cannot_be_read_is_named(record: bytes, code: str, field: str | None) -> None:
    with pytest.raises(CommandRejected) as refused:
        read_record(record)
    assert (refused.value.code, refused.value.field) == (code, field)


@given(
    st.binary()
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_whatever_comes_is_read_or_refused(record: bytes) -> None:
    with suppress(CommandRejected):
        assert all(each.entity == "device" and each.content for each in read_record(record))


@given(st.integers(TIMES.start, TIMES.stop - 1))
def test_each_time_has_the_month_of_its_calendar(at: int) -> None:
    assert month_of(at) == datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m")


def test_the_command_has_all_that_came_for_the_month_and_the_profile() -> None:
    profile = DOMAIN.decider("profile").initial()
    command = INGEST.command([[Reading(1, 1, 1.0)], [Reading(2, 2, 2.0)]], profile)
    assert (list(command.readings), command.profile) == ([Reading(1, 1, 1.0), Reading(2, 2, 2.0)], profile)
    with pytest.raises(CommandRejected, match="not registered"):
        INGEST.command([[Reading(1, 1, 1.0)]], None)
    assert INGEST.reference is not None
    assert INGEST.reference.id("boiler.v2.2026-01") == "boiler.v2"
