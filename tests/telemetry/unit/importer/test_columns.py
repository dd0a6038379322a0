"""Which columns are the time and the value: dates and times of day may stand in two."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.telemetry.support.files import read

from telemetry.tools.importer.moments import Fold, zone_named
from telemetry.tools.importer.numbers import ValueReader, sentinels
from telemetry.tools.importer.reading import File, Options
from telemetry.tools.importer.rejections import Reason, UnusableFileError
from telemetry.tools.importer.series import SECOND

VIENNA = zone_named("Europe/Vienna")
SIX = int(datetime(2004, 3, 31, 18, tzinfo=UTC).timestamp()) * SECOND
DAY = 24 * 3600 * SECOND
AIR = (
    "Date;Time;CO(GT);PT08.S1(CO);;\n"
    "31/03/2004;18.00.00;2,6;1360;;\n"
    "31/03/2004;19.00.00;-200;1292;;\n"
    "31/03/2004;20.00.00;2,2;1402;;\n"
    ";;;;;\n"
    ";;;;;\n"
)
DAILY = {"time": "date"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "series.csv"


def chosen(path: Path, content: str, **options: Any) -> tuple[str, str]:
    path.write_text(content)
    columns = File.looked_at(path, Options(**options)).form.columns
    return columns.time_name, columns.value_name


@pytest.mark.parametrize("asked", ["", "Date+Time", "date + time", "1+2", "Date+2"])
def test_an_export_with_dates_and_times_of_day_apart(file: Path, asked: str) -> None:
    values = ValueReader(",", sentinels("-200"))
    found, tally = read(file, AIR, time=asked, value="CO(GT)", values=values)
    assert found == [(SIX, 2.6), (SIX + 7200 * SECOND, 2.2)]
    assert (tally.lines, tally.headers, tally.missing, tally.rejected) == (4, 1, 1, {})


@pytest.mark.parametrize(
    "clock", ["18:00", "18:00:00", "18:00:00.0", "18:00:00,0", "18.00.00", "18.00", "6:00 PM", "20:00+02:00"]
)
def test_times_of_day_in_many_ways(file: Path, clock: str) -> None:
    assert read(file, f"Datum;Uhrzeit;Wert\n31.03.2004;{clock};1\n")[0] == [(SIX, 1.0)]


@pytest.mark.parametrize(
    ("content", "options", "names"),
    [
        ("Datum;Uhrzeit;Wert\n31.01.2026;18:00;1\n", {}, ("Datum+Uhrzeit", "Wert")),
        ("Datum;Uhrzeit;Wert\n31.01.2026;18.00;1\n", {}, ("Datum+Uhrzeit", "Wert")),
        ("Uhrzeit;Wert;Datum\n18:00;1;31.01.2026\n", {}, ("Datum+Uhrzeit", "Wert")),
        ("Datum;Time;Wert\n31.01.2026;18:00;1\n", {}, ("Datum+Time", "Wert")),
        ("Dag;Klokke;Verdi\n31.01.2026;18:00;1\n", {}, ("Dag+Klokke", "Verdi")),
        ("Date;Time;A;value\n?;?;?;?\n2026-01-31;18:00;1;2\n2026-01-31;19:00;1;2\n", {}, ("Date+Time", "value")),
        ("31.01.2026;18:00;1\n", {}, ("1+2", "3")),
        ("31.01.2026;18:00;1;2\n", {"value": "4"}, ("1+2", "4")),
        ("timestamp;Datum;Uhrzeit;value\n2026-01-31 17:00;31.01.2026;18:00;1\n", {}, ("timestamp", "value")),
        ("at+on;on;at;value\n2026-01-31;2;3;4\n", {"time": "at+on"}, ("at+on", "value")),
        ("a+b;c;value\n31.01.2026;18:00;4\n", {"time": "a+b+c"}, ("a+b+c", "value")),
        ("Datum;Wert\n31.01.2026;18.50\n", {}, ("Datum", "Wert")),
        ("Datum;Wert\n31.01.2026;18:50\n", {"time": "Datum"}, ("Datum", "Wert")),
        ("date;min;value\n2026-01-31;18.50;19.50\n", {}, ("date", "value")),
        (",temperature\n2026-01-31,1\n", {}, ("1", "temperature")),
        ("value;when\n1;2026-01-31\n", {}, ("when", "value")),
        ("timestamp;Start;value\n2026-01-31 12:00;18:00;1\n", {}, ("timestamp", "value")),
        ("Dag;Klokke;Verdi\n31.01.2026;18:00;1\n31.01.2026;19:00;1\n", {}, ("Dag+Klokke", "Verdi")),
        ("date;sunrise;sunset;value\n2026-01-30;07:20;16:50;2\n2026-01-31;07:21;16:52;2\n", DAILY, ("date", "value")),
        ("date;time;n;value\n2026-01-31;18:00;1234567890;1\n", {}, ("date+time", "value")),
        ("2026-01-31;;1\n2026-01-31;18:00;1\n2026-01-31;19:00;1\n", {}, ("1+2", "3")),
    ],
)
def test_the_columns_that_are_chosen(file: Path, content: str, options: dict[str, str], names: tuple[str, str]) -> None:
    assert chosen(file, content, **options) == names


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("Datum;Uhrzeit;Wert\n31.01.2026;18:00;1\n", {"time": "Datum"}, r"TIME=Datum\+Uhrzeit"),
        ("Datum;Uhrzeit;Wert\n31.01.2026;18.00;1\n", {"time": "1"}, r"TIME=Datum\+Uhrzeit"),
        ("Datum;Uhrzeit;Wert\n31.01.2026;18:00;1\n", {"time": "Uhrzeit"}, r"TIME=Datum\+Uhrzeit"),
        ("31.01.2026;18:00;1\n", {"time": "1"}, r"TIME=1\+2"),
        ("date;sunrise;low;value\n2026-01-31;07:20;1;2\n", {}, r"TIME=date\+sunrise, or leave sunrise out"),
        ("date;sunrise;value\n2026-01-30;07:20;2\n2026-01-31;07:21;2\n", {}, "or TIME=date for midnights"),
        (AIR, {"time": "Date", "value": "3"}, r"TIME=Date\+Time"),
        (AIR, {"time": "Date+Tim", "value": "3"}, r"no column Date\+Tim: .* Date, Time, CO"),
        ("on;on;value\n2026-01-31;18:00;1\n", {"time": "on+at"}, r"no column on\+at"),
        (AIR, {"time": "Date+Date", "value": "3"}, "one column twice"),
        (AIR, {"time": "Date+Time", "value": "2"}, "one column twice"),
        (AIR, {}, "VALUE="),
        ("timestamp;date;time;value\n2026-01-31 17:00;2026-01-31;18:00;1\n", {}, "TIME="),
    ],
)
def test_columns_that_are_not_plain_are_refused_with_what_to_say(
    file: Path, content: str, options: dict[str, str], says: str
) -> None:
    with pytest.raises(UnusableFileError, match=says):
        chosen(file, content, **options)


def test_a_file_of_dates_alone_is_read_as_midnights(file: Path) -> None:
    found, _ = read(file, "Datum;Wert\n30.03.2004;1\n31.03.2004;2\n", time="Datum")
    assert found == [(SIX - 18 * 3600 * SECOND - DAY, 1.0), (SIX - 18 * 3600 * SECOND, 2.0)]


def test_half_a_time_is_rejected_with_its_line(file: Path) -> None:
    found, tally = read(
        file,
        "Date;Time;value\n2004-03-31;18:00;1\n2004-03-31;;2\n;18:00;3\n2004-03-31;24:00;4\n"
        "2004-03-31 00:00;18:00;5\n2004-03-31;18:00\nDate;Time;value\n",
    )
    assert (found, tally.headers) == ([(SIX, 1.0)], 2)
    assert {reason: each.first for reason, each in tally.rejected.items()} == {
        Reason.TIME: [3, 4, 5, 6],
        Reason.COLUMNS: [7],
    }


@given(
    st.lists(
        st.tuples(st.dates(date(2025, 10, 24), date(2025, 10, 27)), st.times(), st.sampled_from(["1.5", "?", "x"])),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y"]),
    st.sampled_from(["%H:%M", "%H:%M:%S", "%H.%M.%S", "%H:%M:%S.%f", "%H:%M:%S,%f", "%I:%M:%S %p", "%H.%M"]),
    st.sampled_from(Fold),
)
def test_two_columns_are_read_as_one_that_joins_them(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[date, time, str]],
    dates: str,
    clocks: str,
    fold: Fold,
) -> None:
    path = tmp_path_factory.getbasetemp() / "joined.csv"
    texts = [(day.strftime(dates), clock.strftime(clocks), value) for day, clock, value in lines]
    options = {"zone": VIENNA, "fold": fold}
    one = read(path, "time;value\n" + "".join(f"{day} {clock};{value}\n" for day, clock, value in texts), **options)
    two = read(path, "date;time;value\n" + "".join(f"{';'.join(text)}\n" for text in texts), **options)
    assert two == one
