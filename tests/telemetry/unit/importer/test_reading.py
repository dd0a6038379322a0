"""Files of readings as people have them: every line is a reading, missing, or rejected for one reason."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.telemetry.support.files import read

from telemetry.tools.importer.moments import DateOrder, Fold, TimeReader, date_order, zone_named
from telemetry.tools.importer.numbers import ValueReader, sentinels
from telemetry.tools.importer.rejections import LineRejected, Reason, UnusableFileError
from telemetry.tools.importer.series import SECOND, Numbered, Series

NOON = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()) * SECOND
VIENNA = zone_named("Europe/Vienna")
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def numbered(lines: Sequence[tuple[int, float]]) -> list[Numbered]:
    series = Series((place, at, value) for place, (at, value) in enumerate(lines))
    try:
        return list(series)
    finally:
        series.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "series.csv"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 12:00:00",
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00",
        "2026-01-31 12:00:00.000",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31 13:00:00 +0100",
        "2026-01-31 13:00:00+01",
        "2026-01-31 12:00:00 UTC",
        "2026-01-31 12:00:00,000000000",
        "2026/1/31 12:00",
        "31.01.2026 12:00",
        "31/1/2026, 12:00:00 PM",
        "31.1.2026 12.00",
        "31.01.2026 12.00.00,0",
        "2026-01-31 12.00.00.000",
        "1769860800",
        "1769860800.000",
        "1769860800000",
        "1769860800000000",
        "1769860800000000000",
    ],
)
def test_one_moment_written_in_many_ways(text: str) -> None:
    assert TimeReader(DateOrder.DAY, now=NOW).read(text) == NOON


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31 12:00:00.000001", NOON + 1),
        ("2026-01-31 12:00:00.0000019", NOON + 1),
        ("1769860800.5", NOON + 500_000),
        ("1769860800001.25", NOON + 1_250),
        ("1769860800000000999", NOON),
        ("2026-01-31", NOON - 12 * 3600 * SECOND),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_times_are_exact_to_the_microsecond(text: str, expected: int) -> None:
    assert TimeReader(now=NOW).read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "noon",
        "2026-02-30 12:00",
        "2026-01-31 24:00:00",
        "2026-01-31 23:59:60",
        "2026-01-31x12:00:00",
        "2026-01-31 12:00.00",
        "2026-01-31 12.00:00",
        "2026-01-31 ",
        "31/01/2026",
        "20260131",
        "201307041200",
        "20130704120000",
        "60",
        "9999999999",
        "1.7e9",
        "-1769860800",
        "1969-12-31 23:59:59",
        "2200-01-01 00:00:00",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(LineRejected, match="bad_time"):
        TimeReader(now=NOW).read(text)


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["01/02/2026", "13/02/2026"], DateOrder.DAY),
        (["01/02/2026 10:00", "2/13/2026 10:00"], DateOrder.MONTH),
        (["2026-01-02", "1769860800", "never"], None),
    ],
)
def test_one_date_shows_how_all_of_a_file_are_read(texts: list[str], order: DateOrder | None) -> None:
    assert date_order(texts) is order


@pytest.mark.parametrize("texts", [["01/02/2026", "02/03/2026"], ["13/02/2026", "02/13/2026"]])
def test_dates_that_can_be_read_in_two_ways_are_refused_with_what_to_say(texts: list[str]) -> None:
    with pytest.raises(UnusableFileError, match="DAYFIRST"):
        date_order(texts)


def test_what_the_user_says_of_dates_counts(file: Path) -> None:
    lines = "t,v\n01/02/2026 00:00,1\n"
    (january, _), (february, _) = (read(file, lines, day_first=day_first)[0][0] for day_first in (False, True))
    assert (january, february) == tuple(map(TimeReader(now=NOW).read, ("2026-01-02", "2026-02-01")))


def test_a_local_time_is_one_of_its_zone() -> None:
    reader = TimeReader(zone=VIENNA)
    assert reader.read("2026-01-31 13:00:00") == NOON
    assert reader.read("2026-01-31 12:00:00Z") == NOON
    assert TimeReader(zone=zone_named("-05:30")).read("2026-01-31 06:30:00") == NOON


def test_a_local_time_that_clocks_skip_is_rejected() -> None:
    with pytest.raises(LineRejected, match="nonexistent_local_time"):
        TimeReader(zone=VIENNA).read("2026-03-29 02:30:00")


def test_a_local_time_that_clocks_show_twice_is_what_the_user_says() -> None:
    with pytest.raises(LineRejected, match="ambiguous_local_time"):
        TimeReader(zone=VIENNA).read("2025-10-26 02:30:00")
    earlier, later = (
        TimeReader(zone=VIENNA, fold=fold).read("2025-10-26 02:30:00") for fold in (Fold.EARLIER, Fold.LATER)
    )
    assert later - earlier == 3600 * SECOND


def test_in_a_file_in_order_the_second_pass_through_the_hour_is_the_later_one() -> None:
    clocks = ["01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]
    reader = TimeReader(zone=VIENNA, fold=Fold.ORDER)
    times = [reader.read(f"2025-10-26 {clock}:00") for clock in clocks]
    assert [(at - times[0]) // (1800 * SECOND) for at in times] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("clocks", "hours"),
    [
        (["01:00", "02:00", "02:00", "03:00"], [0, 1, 2, 3]),
        (["00:30", "01:30", "02:30", "02:30", "03:30"], [0, 1, 2, 3, 4]),
        (["01:30", "02:00", "02:00", "02:30", "02:00", "02:30"], [0, 0.5, 0.5, 1, 1.5, 2]),
    ],
)
def test_a_time_that_comes_twice_is_the_later_one_where_a_file_has_one_in_an_hour(
    clocks: list[str], hours: list[float]
) -> None:
    reader = TimeReader(zone=VIENNA, fold=Fold.ORDER)
    times = [reader.read(f"2025-10-26 {clock}:00") for clock in clocks]
    assert [(at - times[0]) / (3600 * SECOND) for at in times] == hours


@pytest.mark.parametrize("name", ["Europe/Wien", "", "../etc/passwd", "+99:00", "+05:60"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(UnusableFileError, match="ZONE"):
        zone_named(name)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1.5", -1.5),
        ("+.5", 0.5),
        ("1e-3", 0.001),
        ("−3", -3.0),
        ("51.846000000000004", 51.846000000000004),
        ("1234567.25", 1234567.25),
        ("1.500", 1.5),
        ("5.", 5.0),
        ("-0", 0.0),
    ],
)
def test_values(text: str, value: float) -> None:
    assert ValueReader().read(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("1,5", 1.5), ("1", 1.0), ("-,25", -0.25), ("1,5e3", 1500.0), ("1,500", 1.5)]
)
def test_values_with_a_decimal_comma(text: str, value: float) -> None:
    assert ValueReader(",").read(text) == value


@pytest.mark.parametrize(
    "text", ["", "NaN", "nan", "NA", "N/A", "null", "NULL", "None", "-200", "-200.0", "-2e2", "-999"]
)
def test_missing_values(text: str) -> None:
    assert ValueReader(sentinels=sentinels("-200, -999")).read(text) is None


@pytest.mark.parametrize(
    ("decimal", "text", "reason"),
    [
        (".", "1,234", Reason.THOUSANDS),
        (".", "1,234,567.5", Reason.THOUSANDS),
        (".", "1 234.5", Reason.THOUSANDS),
        (".", "1'234", Reason.THOUSANDS),
        (",", "1.234", Reason.THOUSANDS),
        (",", "1.234,5", Reason.THOUSANDS),
        (".", "1,5", Reason.DECIMAL),
        (",", "1.5", Reason.DECIMAL),
        (".", "inf", Reason.NOT_FINITE),
        (".", "-Infinity", Reason.NOT_FINITE),
        (".", "1e999", Reason.NOT_FINITE),
        (".", "#DIV/0!", Reason.NOT_FINITE),
        (".", "1_000", Reason.VALUE),
        (".", "0x10", Reason.VALUE),
        (".", "on", Reason.VALUE),
        (".", "12 °C", Reason.VALUE),
        (".", "١", Reason.VALUE),
        (".", "1.2.3", Reason.VALUE),
    ],
)
def test_a_value_that_is_not_taken_says_why(decimal: str, text: str, reason: Reason) -> None:
    with pytest.raises(LineRejected) as error:
        ValueReader(decimal).read(text)
    assert error.value.reason is reason


@pytest.mark.parametrize(
    "content",
    [
        "timestamp,value\n2026-01-31 12:00:00,1.5\n",
        "2026-01-31 12:00:00,1.5",
        '\ufefftimestamp,value\r\n"2026-01-31 12:00:00","1.5"\r\n\r\n',
        "\ufefftimestamp,value\n\ufefftimestamp,value\n2026-01-31 12:00:00,1.5\n",
        "sep=;\nvalue;timestamp\n1.5;2026-01-31 12:00:00\n",
        "Timestamp\tValue\n2026-01-31 12:00:00\t1.5\n",
        "when,temperature (°C)\n2026-01-31 12:00:00,1.5\n",
        "site,Time,Reading,note\nA,2026-01-31 12:00:00,1.5,\n",
        "timestamp,value\n2026-01-31 12:00:00,1.5\n".encode("utf-16"),
        "when,temperature (°C)\r2026-01-31 12:00:00,1.5\r".encode("cp1252"),
        "# cellar, east wall\n\n# 1.5.2\ntimestamp,value\n2026-01-31 12:00:00,1.5\n",
        "\ufeff# cellar, east wall\n2026-01-31 12:00:00,1.5\n",
        "# cellar\n#id,timestamp,value\n7,2026-01-31 12:00:00,1.5\n",
        ";;;\ntimestamp;value;;\n2026-01-31 12:00:00;1.5;;\n;;;\n",
    ],
)
def test_one_reading_in_files_of_many_kinds(file: Path, content: str | bytes) -> None:
    found, tally = read(file, content)
    assert (found, tally.rejected) == ([(NOON, 1.5)], {})


def test_columns_are_named_or_numbered(file: Path) -> None:
    content = "id;start;end;low;high\n7;2026-01-31 11:00;2026-01-31 12:00;1,5;2,5\n"
    decimal = ValueReader(",")
    assert read(file, content, time="END", value="high", values=decimal)[0] == [(NOON, 2.5)]
    assert read(file, content, time="3", value="4", values=decimal)[0] == [(NOON, 1.5)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"value\n1\n", "one column"),
        (b"a,b,c\n1,2,3\n", "TIME="),
        (b"time,value,value\n1,2,3\n", "VALUE="),
        ("timestamp,value\n".encode("utf-16-le"), "UTF-8"),
        ("\u5024,\u6642\n2026-01-31 12:00:00,1\n".encode("utf-16-be"), "UTF-8"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "unpack"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "unpack"),
        (b"PAR1\x15\x04\x15\x00\x15\x10", "unpack"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00", "unpack"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01", "unpack"),
        (b"boiler.csv" + bytes(90) + b"0000644\x00" + bytes(100) + b"ustar\x00", "unpack"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_to_do(file: Path, content: bytes, says: str) -> None:
    with pytest.raises(UnusableFileError, match=says):
        read(file, content)


def test_no_line_stops_another_and_each_counts_once(file: Path) -> None:
    content = (
        "timestamp,value\n"
        "2026-01-31 12:00:00,1\n"
        "2026-01-31 12:00:01\n"
        'never,"open\n'
        "2026-01-31 12:00:02,inf\n"
        "2026-01-31 12:00:03,NaN\n"
        "timestamp,value\n"
        "2026-01-31 12:00:04,-200\n"
        "\n"
        "2026-02-31 12:00:00,2\n"
        "2026-01-31 12:00:05,1,234\n"
        "2026-01-31 12:00:06,6\n"
    )
    found, tally = read(file, content, values=ValueReader(sentinels=sentinels("-200")))
    assert found == [(NOON, 1.0), (NOON + 6 * SECOND, 6.0)]
    assert {reason: each.first for reason, each in tally.rejected.items()} == {
        Reason.COLUMNS: [3, 11],
        Reason.TIME: [4, 10],
        Reason.NOT_FINITE: [5],
    }
    assert (tally.lines, tally.headers, tally.missing) == (11, 2, 2)


def test_bytes_that_are_zero_reject_their_own_lines(file: Path) -> None:
    content = (
        "\0\0\0\n"
        "timestamp,value\n"
        "2026-01-31 12:00:00,1\n"
        "2026-01-31 12:0\0\0\0\0\0\0\0\0\0\n"
        "\0\0\0\x002026-01-31 12:00:02,2\n"
        "2026-01-31 12:00:03,\0\n"
        "2026-01-31 12:00:04,4\n"
        "\0\0\0\0"
    )
    found, tally = read(file, content)
    assert found == [(NOON, 1.0), (NOON + 4 * SECOND, 4.0)]
    assert {reason: each.first for reason, each in tally.rejected.items()} == {
        Reason.COLUMNS: [1, 4, 8],
        Reason.TIME: [5],
        Reason.VALUE: [6],
    }


def test_lines_keep_their_numbers_after_comments(file: Path) -> None:
    found, tally = read(file, "# cellar\n#\ntimestamp,value\n2026-01-31 12:00:00,1\nnever,2\n# later\n")
    assert (found, tally.lines, tally.headers) == ([(NOON, 1.0)], 4, 1)
    assert {reason: each.first for reason, each in tally.rejected.items()} == {Reason.TIME: [5], Reason.COLUMNS: [6]}


def test_a_header_may_begin_with_the_sign_of_a_comment(file: Path) -> None:
    for header in ("#ts,low,value", '#ts,"low, high",value'):
        found, tally = read(file, f"# cellar\n{header}\n2026-01-31 12:00:00,1,2\n", time="#ts")
        assert (found, tally.headers) == ([(NOON, 2.0)], 1)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1.5, -2.0, 1e300, 5e-324, 7.0])), max_size=30),
    st.randoms(use_true_random=False),
)
def test_a_shuffled_file_has_the_same_readings_under_the_same_sequences(
    lines: list[tuple[int, float]], shuffling: random.Random
) -> None:
    shuffled = list(lines)
    shuffling.shuffle(shuffled)
    found = numbered(lines)
    assert numbered(shuffled) == found
    assert sorted((each.at, each.value) for each in found) == sorted(lines)
    assert len({each.sequence for each in found}) == len(lines)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(allow_nan=False, allow_infinity=False)), max_size=30),
    st.integers(0, 9),
)
def test_pieces_that_are_cut_by_time_have_the_sequences_of_the_whole(lines: list[tuple[int, float]], cut: int) -> None:
    before, after = [each for each in lines if each[0] <= cut + 1], [each for each in lines if each[0] >= cut]
    assert set(numbered(before)) | set(numbered(after)) == set(numbered(lines))


def test_a_thousand_readings_of_one_time_are_the_most() -> None:
    series = Series((line, NOON, float(line)) for line in range(1_002))
    assert (len(series), list(series.crowded()), len(list(series))) == (1_000, [1_000, 1_001], 1_000)


def test_the_interval_is_the_median_and_longer_steps_are_gaps() -> None:
    series = Series(
        (line, NOON + at * SECOND, 1.0) for line, at in enumerate([0, 60, 60, 120, 190, 250, 370, 1120, 1180])
    )
    assert series.interval() == 60 * SECOND
    assert series.gaps(60 * SECOND) == (1, 750 * SECOND)
    assert Series([(1, NOON, 1.0)]).interval() is None
