"""What is asked of telemetry over HTTP: windows, readings, gaps, groups, alarms; in pages, as JSON and as CSV."""

from __future__ import annotations

import csv
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from tests.support.http import Answer, body_of, problem
from tests.telemetry.support.fleet import READER, WRITER, Fleet

from telemetry.reads import gaps
from telemetry.reads.series import DeviceSeries
from telemetry.settings import TelemetrySettings

BORDER = datetime(2026, 2, 28, 22, 0, tzinfo=UTC)
"""Two hours before a month ends."""

LENGTHS = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
Series = Sequence[tuple[datetime, float]]


def noise(count: int, seed: int = 1, start: datetime = BORDER, step: float = 47.0) -> Series:
    """Readings over the change of a month, at uneven times, some of them far apart."""
    random, at, found = Random(seed), start, []
    for _ in range(count):
        at += timedelta(seconds=random.choice([step, step, step * 1.5, step * 9]) + random.random())
        found.append((at.replace(microsecond=at.microsecond // 1000 * 1000), random.gauss(20, 3)))
    return found


def filled(*series: Series, **content: Any) -> Fleet:
    """Devices ``d0``, ``d1`` … of the group ``hall``, projected."""
    fleet = Fleet()
    for number, readings in enumerate(series):
        device = f"d{number}"
        fleet.register(device, groups=["hall"], **content)
        shuffled = list(readings)
        Random(number).shuffle(shuffled)
        for place in range(0, len(shuffled), 100):
            fleet.record(device, *((at.isoformat(), value) for at, value in shuffled[place : place + 100]))
    fleet.react()
    fleet.project_all()
    return fleet


def ask(fleet: Fleet, path: str, query: dict[str, Any] | None = None, **headers: str) -> Answer:
    answer = fleet.get(path, claims=READER, query=query or {}, **headers)
    assert answer["statusCode"] == 200, answer
    return answer


def listed(fleet: Fleet, path: str, name: str, **query: Any) -> list[Any]:
    """All pages of a list, one after the other."""
    found: list[Any] = []
    while True:
        page = body_of(ask(fleet, path, query))
        found += page[name]
        if page["cursor"] is None:
            return found
        query["cursor"] = page["cursor"]


def batch(series: Series, size: str) -> dict[str, list[float]]:
    """Values by window."""
    length = LENGTHS[size] / timedelta(seconds=1)
    found: dict[str, list[float]] = {}
    for at, value in sorted(series):
        start = datetime.fromtimestamp(at.timestamp() // length * length, UTC)
        found.setdefault(start.isoformat().replace("+00:00", "Z"), []).append(value)
    return found


def assert_windows(shown: Sequence[dict[str, Any]], expected: dict[str, list[float]]) -> None:
    """Hold windows to all values at once."""
    assert [each["start"] for each in shown] == list(expected)
    for window, values in zip(shown, expected.values(), strict=True):
        figures = {"count": len(values), "sum": math.fsum(values), "min": min(values), "max": max(values)}
        figures |= {"mean": math.fsum(values) / len(values), "first": values[0], "last": values[-1]}
        assert {name: window[name] for name in figures} == figures
        for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            exact = sorted(values)[math.floor(quantile * (len(values) - 1))]
            assert abs(window[name] - exact) <= 0.005 * abs(exact) * (1 + 1e-9)


SERIES = noise(900)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BANYAN_DOMAIN", "telemetry")
        yield filled(SERIES, noise(300, 2))


@pytest.mark.parametrize("size", LENGTHS)
@pytest.mark.parametrize("limit", [7, 1000])
def test_windows_are_listed_over_the_change_of_a_month_both_ways(fleet: Fleet, size: str, limit: int) -> None:
    expected = batch(SERIES, size)
    up = listed(fleet, "/devices/d0/windows", "windows", size=size, limit=limit)
    down = listed(fleet, "/devices/d0/windows", "windows", size=size, limit=limit, order="descending")
    assert_windows(up, expected)
    assert down == up[::-1]


@pytest.mark.parametrize(
    ("first", "end"),
    [
        ("2026-02-28T23:00:00Z", "2026-03-01T02:00:00Z"),
        ("2026-02-28T23:00:01", "2026-03-01T02:00:01"),
        ("2026-03-01", "2026-03-02"),
        ("2026-03-01T00:00:00+01:00", "2026-03-01T01:00:00+01:00"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
    ],
)
def test_from_is_included_and_to_is_not(fleet: Fleet, first: str, end: str) -> None:
    shown = listed(fleet, "/devices/d0/windows", "windows", size="1h", limit=3, **{"from": first, "to": end})
    begin, until = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (first, end))
    if "+01" in first:
        begin, until = (datetime.fromisoformat(each).astimezone(UTC) for each in (first, end))
    expected = {
        start: values for start, values in batch(SERIES, "1h").items() if begin <= datetime.fromisoformat(start) < until
    }
    assert_windows(shown, expected)


def test_a_page_reads_no_month_that_it_does_not_show(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    listed_owned = fleet.views.list_owned

    def noted(generation: Any, stream: Any, *given: Any, **more: Any) -> Any:
        read.append(stream.id)
        return listed_owned(generation, stream, *given, **more)

    monkeypatch.setattr(fleet.views, "list_owned", noted)
    ask(fleet, "/devices/d0/windows", {"size": "1m", "limit": 5})
    assert read == ["d0.2026-02"]
    ask(fleet, "/devices/d0/windows", {"size": "1m", "limit": 5, "order": "desc"})
    assert read == ["d0.2026-02", "d0.2026-03"]


def test_an_answer_says_where_it_comes_from(fleet: Fleet) -> None:
    page = body_of(ask(fleet, "/devices/d0/windows", {"size": "1d"}))
    assert (page["servedFrom"], page["unit"], page["size"], page["deviceId"]) == ("projection", "°C", "1d", "d0")
    assert page["version"] > 1
    assert page["asOf"]


def test_a_version_that_has_not_arrived_is_waited_for_and_then_refused() -> None:
    fleet = filled(noise(3))
    version = fleet.record("d0", ("2026-03-01T00:01:00Z", 1.0))["version"]
    query = {"from": "2026-03-01", "minVersion": version}
    assert problem(fleet.get("/devices/d0/windows", claims=READER, query=query)) == (503, "read_model_lagging")
    fleet.project_all()
    assert body_of(ask(fleet, "/devices/d0/windows", query))["version"] == version


@pytest.mark.parametrize("limit", [7, 300, 10_000])
def test_readings_are_listed_as_they_were_sent(fleet: Fleet, limit: int) -> None:
    shown = listed(fleet, "/devices/d0/readings", "readings", limit=limit)
    assert [(datetime.fromisoformat(each["at"]), each["value"]) for each in shown] == sorted(SERIES)


@pytest.mark.parametrize("limit", range(1, 8))
def test_a_page_that_ends_with_a_month_leads_to_the_next_one(limit: int) -> None:
    sent = [(BORDER + timedelta(minutes=30 * place), float(place)) for place in range(7)]
    shown = listed(filled(sent), "/devices/d0/readings", "readings", limit=limit)
    assert [each["value"] for each in shown] == [value for _, value in sent]


def test_readings_of_a_time_are_those_of_it(fleet: Fleet) -> None:
    first, end = datetime(2026, 2, 28, 23, 50, tzinfo=UTC), datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
    query = {"from": first.isoformat(), "to": end.isoformat(), "limit": 4}
    shown = listed(fleet, "/devices/d0/readings", "readings", **query)
    assert [each["value"] for each in shown] == [value for at, value in sorted(SERIES) if first <= at < end]
    assert body_of(ask(fleet, "/devices/d0/readings", query))["servedFrom"] == "stream"


def test_readings_are_listed_when_their_hours_have_expired() -> None:
    fleet = filled(SERIES)
    fleet.clock.move(timedelta(days=500))
    assert not listed(fleet, "/devices/d0/windows", "windows", size="1h")
    assert len(listed(fleet, "/devices/d0/readings", "readings", limit=50)) == len(SERIES)
    (gap,) = listed(fleet, "/devices/d0/gaps", "gaps", longerThanSeconds=200)
    assert gap in listed(filled(SERIES), "/devices/d0/gaps", "gaps", longerThanSeconds=200), "days show no others"


def test_readings_are_listed_when_some_hours_of_their_day_have_expired() -> None:
    fleet = filled([(BORDER - timedelta(hours=5), 1.0)])
    fleet.clock.move(timedelta(days=350))
    fleet.record("d0", (BORDER.isoformat(), 2.0), ((BORDER + timedelta(minutes=1)).isoformat(), 3.0))
    fleet.project_all()
    fleet.clock.move(timedelta(days=100))
    assert [each["count"] for each in listed(fleet, "/devices/d0/windows", "windows")] == [2]
    shown = listed(fleet, "/devices/d0/readings", "readings", limit=1)
    assert [each["value"] for each in shown] == [1.0, 2.0, 3.0]
    assert listed(fleet, "/devices/d0/gaps", "gaps", longerThanSeconds=3600) == []


def test_what_is_just_as_long_as_expected_is_no_gap() -> None:
    fleet = filled([(BORDER + timedelta(seconds=each), 1.0) for each in (0, 120, 240.001)])
    assert [each["seconds"] for each in listed(fleet, "/devices/d0/gaps", "gaps")] == [120.001]


@pytest.mark.parametrize("seconds", [60, 100, 200, 500])
def test_gaps_are_those_between_all_readings(fleet: Fleet, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps, "WINDOWS_AT_ONCE", 10)
    times = [at for at, _ in sorted(SERIES)]
    expected = [(a, b) for a, b in pairwise(times) if b - a > timedelta(seconds=seconds)]
    for limit in (1, 200):
        shown = listed(fleet, "/devices/d0/gaps", "gaps", longerThanSeconds=seconds, limit=limit)
        assert [
            (datetime.fromisoformat(each["start"]), datetime.fromisoformat(each["end"])) for each in shown
        ] == expected
    assert all(each["seconds"] > seconds for each in shown)


def test_gaps_of_a_time_are_those_that_reach_into_it() -> None:
    ends = [BORDER - timedelta(hours=hours) for hours in (10, 9, 6)]
    fleet = filled([(at, 1.0) for at in ends])

    def starts(first: datetime, end: datetime) -> list[datetime]:
        query = {"from": first.isoformat(), "to": end.isoformat()}
        return [datetime.fromisoformat(each["start"]) for each in listed(fleet, "/devices/d0/gaps", "gaps", **query)]

    moment = timedelta(microseconds=1)
    assert starts(ends[1], ends[2]) == [ends[1]]
    assert starts(ends[1] - moment, ends[2]) == ends[:2]
    assert starts(ends[0], ends[1]) == ends[:1]
    assert starts(ends[0], ends[1] + moment) == ends[:2]


def test_a_page_of_gaps_ends_when_enough_was_looked_at_though_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = filled([(BORDER + timedelta(days=day), 1.0) for day in range(6)])
    monkeypatch.setattr(gaps, "WINDOWS_AT_ONCE", 2)
    monkeypatch.setattr(gaps, "WINDOWS_OF_A_PAGE", 3)
    page = body_of(ask(fleet, "/devices/d0/gaps", {"longerThanSeconds": 10**6}))
    assert (page["gaps"], page["cursor"] is None) == ([], False)
    assert len(listed(fleet, "/devices/d0/gaps", "gaps", longerThanSeconds=80_000)) == 5


def test_a_gap_is_filled_by_a_reading_that_comes_later() -> None:
    fleet = filled([(BORDER, 1.0), (BORDER + timedelta(hours=5), 2.0)])
    (gap,) = listed(fleet, "/devices/d0/gaps", "gaps")
    assert gap["seconds"] == 5 * 3600
    fleet.record("d0", ((BORDER + timedelta(hours=2)).isoformat(), 1.5))
    fleet.project_all()
    assert [each["seconds"] for each in listed(fleet, "/devices/d0/gaps", "gaps")] == [2 * 3600, 3 * 3600]
    page = body_of(ask(fleet, "/devices/d0/gaps", {"from": "2026-03-01T01:00:00Z"}))
    assert (page["longerThanSeconds"], len(page["gaps"])) == (120, 1)


def test_gaps_are_found_while_their_device_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = filled([(BORDER, 1.0), (BORDER + timedelta(hours=1), 2.0)])
    days = DeviceSeries.days

    def sending(series: DeviceSeries, span: Any) -> Iterator[Any]:
        found = list(days(series, span))
        fleet.record("d0", ((BORDER + timedelta(minutes=61)).isoformat(), 3.0))
        fleet.project_all()
        return iter(found)

    monkeypatch.setattr(DeviceSeries, "days", sending)
    assert [each["seconds"] for each in listed(fleet, "/devices/d0/gaps", "gaps")] == [3600]


def test_late_readings_are_listed_and_counted() -> None:
    fleet = Fleet()
    fleet.register("d0", allowedLatenessSeconds=60)
    fleet.record("d0", ("2026-01-05T12:00:00Z", 1.0))
    for minute in range(5):
        fleet.record(
            "d0", (f"2026-01-05T08:0{minute}:00Z", 10.0 + minute), (f"2026-01-05T09:0{minute}:00Z", 20.0 + minute)
        )
    fleet.react()
    fleet.project_all()
    shown = listed(fleet, "/devices/d0/late", "readings", limit=3)
    assert [each["value"] for each in shown] == [tens + minute for minute in range(5) for tens in (10.0, 20.0)]
    page = body_of(ask(fleet, "/devices/d0/late", {"from": "2026-01-05T09:00:00Z"}))
    assert (page["count"], len(page["readings"])) == (10, 5)
    assert [each["count"] for each in listed(fleet, "/devices/d0/windows", "windows")] == [1]
    assert len(listed(fleet, "/devices/d0/readings", "readings")) == 1


@pytest.mark.parametrize("place", ["late#" + "x" * 1_100, "1d#2026-01-05T00:00", "late#\x7f"])
def test_a_cursor_of_late_readings_leads_to_a_place_that_one_can_have(place: str) -> None:
    """A key of a table is up to a kilobyte long."""
    fleet = Fleet()
    fleet.register("d0", allowedLatenessSeconds=60)
    fleet.record("d0", ("2026-01-05T12:00:00Z", 1.0), ("2026-01-05T08:00:00Z", 2.0), ("2026-01-05T08:01:00Z", 2.0))
    fleet.record("d0", ("2026-01-05T09:00:00Z", 3.0))
    fleet.react()
    fleet.project_all()
    cursor = body_of(ask(fleet, "/devices/d0/late", {"limit": 1}))["cursor"]
    digest, month, _ = json.loads(urlsafe_b64decode(cursor))
    forged = urlsafe_b64encode(json.dumps([digest, month, place]).encode()).decode()
    answer = fleet.get("/devices/d0/late", claims=READER, query={"cursor": forged})
    assert problem(answer) == (400, "invalid_cursor")


def test_a_group_has_the_windows_of_its_devices_together(fleet: Fleet) -> None:
    both = [*SERIES, *noise(300, 2)]
    for limit in (7, 200):
        up = listed(fleet, "/groups/hall/windows", "windows", size="1h", limit=limit)
        assert_windows(up, batch(both, "1h"))
        assert listed(fleet, "/groups/hall/windows", "windows", size="1h", limit=limit, order="desc") == up[::-1]
    assert max(each["devices"] for each in up) == 2


def test_a_group_names_the_units_of_its_devices() -> None:
    fleet = filled([(BORDER, 1.0)])

    def units() -> tuple[str | None, list[str], str]:
        page = body_of(ask(fleet, "/groups/hall/windows"))
        title = ask(fleet, "/groups/hall/chart.svg")["body"].partition('<title id="t">')[2].partition("</title>")[0]
        return page["unit"], page["units"], title

    assert units() == ("°C", ["°C"], "hall · °C")
    fleet.register("p0", groups=["hall"], unit="bar")
    fleet.project_all()
    assert units() == (None, ["bar", "°C"], "hall · different units")


def test_a_device_shows_its_newest_reading(fleet: Fleet) -> None:
    device = body_of(ask(fleet, "/devices/d0"))
    at, value = max(SERIES)
    assert (datetime.fromisoformat(device["newest"]["at"]), device["newest"]["value"]) == (at, value)
    assert device["months"] == ["2026-02", "2026-03"]


def test_a_newer_reading_is_shown_to_who_knows_the_device() -> None:
    fleet = filled([(BORDER, 1.0)])
    before = ask(fleet, "/devices/d0")
    fleet.record("d0", ((BORDER + timedelta(minutes=1)).isoformat(), 2.0))
    fleet.project_all()
    after = ask(fleet, "/devices/d0", if_none_match=before["headers"].get("ETag", '"1"'))
    assert body_of(after)["newest"]["value"] == 2.0


def test_devices_are_listed_by_status_and_group() -> None:
    fleet = filled([(BORDER, 1.0)], [(BORDER, 1.0)])
    fleet.register("new")
    fleet.clock.move(timedelta(days=1))
    fleet.fire()
    fleet.record("d1", ((BORDER + timedelta(hours=1)).isoformat(), 1.0))
    fleet.react()
    fleet.project_all()

    def ids(**query: Any) -> list[str]:
        return [each["deviceId"] for each in listed(fleet, "/devices", "devices", limit=1, **query)]

    assert ids() == ["d0", "d1", "new"]
    assert (ids(status="silent"), ids(status="active"), ids(status="new")) == (["d0"], ["d1"], ["new"])
    assert ids(group="hall") == ["d0", "d1"]
    assert ids(group="hall", status="silent") == ["d0"]
    fleet.done("/devices/d0/groups", {"groups": ["yard"]})
    fleet.project_all()
    assert (ids(group="hall"), ids(group="yard")) == (["d1"], ["d0"])


def test_alarms_are_open_until_their_readings_come_back_whatever_the_month() -> None:
    fleet = filled([(BORDER, 1.0)], limits={"high": {"raise": 90, "clear": 80}, "low": {"raise": 0, "clear": 1}})

    def alarms(**query: Any) -> list[tuple[str, str, float, float | None]]:
        names = ("status", "limit", "value", "clearedValue")
        return [tuple(each[name] for name in names) for each in listed(fleet, "/alarms", "alarms", limit=1, **query)]

    def send(minutes: int, value: float) -> None:
        fleet.record("d0", ((BORDER + timedelta(minutes=minutes)).isoformat(), value))
        fleet.react()
        fleet.project_all()
        fleet.clock.move(timedelta(minutes=5))

    send(1, 95.0)
    assert alarms(status="open") == alarms() == [("open", "high", 95.0, None)]
    send(180, 85.0)
    assert alarms(status="past") == []
    send(181, 70.0)
    send(182, -1.0)
    assert alarms() == [("open", "low", -1.0, None), ("past", "high", 95.0, 70.0)]
    assert alarms(deviceId="d0", status="past", order="asc") == [("past", "high", 95.0, 70.0)]
    for limits in ({"high": {"raise": 90, "clear": 80}}, {}):
        fleet.done("/devices/d0/limits", limits)
        fleet.project_all()
        assert alarms() == [("past", "low", -1.0, None), ("past", "high", 95.0, 70.0)]


@pytest.mark.parametrize("path", ["/devices/d0/chart.svg", "/groups/hall/chart.svg"])
def test_a_chart_ends_with_the_window_of_the_newest_reading(path: str) -> None:
    fleet = filled([(BORDER, 1.0), (BORDER + timedelta(hours=1), 2.0)])
    assert "from 2026-02-28 22:00 to 2026-03-01 00:00 UTC, by 1 hour: 2 windows" in ask(fleet, path)["body"]


def rows_of(answer: Answer) -> list[dict[str, str]]:
    assert answer["headers"]["Content-Type"] == "text/csv; charset=utf-8; header=present"
    return list(csv.DictReader(StringIO(answer["body"], newline="")))


def test_csv_has_the_same_rows_and_leads_to_the_next_page(fleet: Fleet) -> None:
    query: dict[str, Any] = {"size": "1h", "limit": 4, "from": "2026-02-28T20:00:00Z"}
    found: list[dict[str, str]] = []
    while query:
        answer = ask(fleet, "/devices/d0/windows", query, accept="text/csv")
        found += rows_of(answer)
        assert answer["headers"]["X-Served-From"] == "projection"
        link = answer["headers"].get("Link", "")
        assert link.endswith('>; rel="next"') or not link
        query = {name: values[0] for name, values in parse_qs(urlparse(link[1 : link.find(">")]).query).items()}
    shown = listed(fleet, "/devices/d0/windows", "windows", size="1h")
    assert [{name: float(row[name]) for name in row if name != "start"} for row in found] == [
        {name: float(each[name]) for name in each if name != "start"} for each in shown
    ]
    assert [row["start"] for row in found] == [each["start"] for each in shown]


@pytest.mark.parametrize(
    "path", ["/devices", "/alarms", *(f"/devices/d0/{name}" for name in ("readings", "late", "gaps"))]
)
def test_every_list_is_there_as_csv(fleet: Fleet, path: str) -> None:
    for accept in ("text/csv, application/json;q=0.5", "text/csv, */*", "text/*, application/json;q=0", "Text/CSV"):
        rows_of(ask(fleet, path, accept=accept))
    for accept in ("application/json, text/csv", "*/*", "text/html", "text/csv;q=0", "text/csv;q=0.5, */*"):
        assert ask(fleet, path, accept=accept)["headers"]["Content-Type"] == "application/json"


def test_text_in_csv_is_no_formula() -> None:
    fleet = Fleet()
    fleet.register("d0", unit='=HYPERLINK("x", 1)')
    fleet.project_all()
    (row,) = rows_of(ask(fleet, "/devices", accept="text/csv"))
    assert row["unit"] == '\'=HYPERLINK("x", 1)'


MANY_MINUTES = {"from": "2026-03-01", "to": "2026-03-01T16:40:30"}
"""A thousand and one windows of a minute begin in it."""


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/devices/none", {}, (404, "device_not_found")),
        ("/devices/d0.2026-02/windows", {}, (404, "device_not_found")),
        ("/devices/d%200", {}, (422, "invalid_id")),
        ("/groups/none/windows", {}, (404, "group_not_found")),
        ("/devices/d0/windows", {"size": "2h"}, (422, "invalid_input")),
        ("/devices/d0/windows", {"from": "now"}, (422, "invalid_input")),
        ("/devices/d0/windows", {"from": "2026-02-30"}, (422, "invalid_input")),
        ("/devices/d0/windows", {"from": "1969-12-31"}, (422, "invalid_input")),
        ("/devices/d0/windows", {"from": "2026-03-01T00:00+05:60"}, (422, "invalid_input")),
        ("/devices/d0/windows", {"from": "2026-03-02", "to": "2026-03-01"}, (422, "invalid_range")),
        ("/devices/d0/windows", {"limit": 1001}, (422, "invalid_input")),
        ("/devices/d0/windows", {"order": "up"}, (400, "invalid_order")),
        ("/devices/d0/windows", {"cursor": "x"}, (400, "invalid_cursor")),
        ("/devices/d0/windows", {"until": "2026-03-01"}, (400, "unknown_parameter")),
        ("/devices/d0/chart.svg", {"size": "1m", "from": "2026-01-01"}, (422, "range_too_long")),
        ("/devices/d0/chart.svg", {"size": "1m", **MANY_MINUTES}, (422, "range_too_long")),
        ("/groups/hall/chart.svg", {"size": "1m", **MANY_MINUTES}, (422, "range_too_long")),
        ("/devices/d0/chart.svg", {"from": "2026-03-02", "to": "2026-03-01"}, (422, "invalid_range")),
        ("/groups/hall/chart.svg", {"from": "2026-03-02", "to": "2026-03-01"}, (422, "invalid_range")),
        ("/alarms", {"status": "on"}, (422, "invalid_input")),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    fleet: Fleet, path: str, query: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert problem(fleet.get(path, claims=READER, query=query)) == expected


@pytest.mark.parametrize("group", ["g" * 3000, "g" * 257, "é", "-x"])
@pytest.mark.parametrize("path", ["windows", "chart.svg"])
def test_a_group_that_no_device_can_belong_to_is_not_looked_up(
    fleet: Fleet, group: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key of a table is up to 2 KB long."""

    def looked_up(*_: Any, **__: Any) -> None:
        raise AssertionError(group)

    monkeypatch.setattr(fleet.views, "lookup_owned", looked_up)
    assert problem(fleet.get(f"/groups/{group}/{path}", claims=READER)) == (404, "group_not_found")


@pytest.mark.parametrize("path", ["windows", "readings", "late", "gaps"])
def test_a_cursor_fits_its_own_list_alone(fleet: Fleet, path: str) -> None:
    cursor = body_of(ask(fleet, "/devices/d0/windows", {"size": "1h", "limit": 1}))["cursor"]
    query = {"cursor": cursor} | ({"size": "1d"} if path == "windows" else {})
    assert problem(fleet.get(f"/devices/d0/{path}", claims=READER, query=query)) == (400, "invalid_cursor")
    assert problem(fleet.get(f"/devices/d1/{path}", claims=READER, query={"cursor": cursor})) == (400, "invalid_cursor")


def test_sizes_that_are_not_kept_are_refused() -> None:
    fleet = Fleet(TelemetrySettings(smallest_window="1h"))
    fleet.register("d0")
    fleet.project_all()
    answer = fleet.get("/devices/d0/windows", claims=READER, query={"size": "1m"})
    assert problem(answer) == (422, "size_not_kept")


@pytest.mark.parametrize(
    "path",
    [
        "/devices",
        "/devices/d0",
        *(f"/devices/d0/{what}" for what in ("windows", "readings", "late", "gaps", "chart.svg")),
        *(f"/groups/hall/{what}" for what in ("windows", "chart.svg")),
        "/alarms",
    ],
)
def test_who_may_not_read_is_refused_and_other_tenants_see_nothing(fleet: Fleet, path: str) -> None:
    assert problem(fleet.get(path, claims={**READER, "scope": "orders/read"}))[0] == 403
    other = fleet.get(path, claims={**WRITER, "tenant": "other"})
    assert other["statusCode"] == 404 or not next(v for v in body_of(other).values() if isinstance(v, list))


def test_a_sum_beyond_the_largest_float_is_null() -> None:
    fleet = filled([(BORDER, 1e308), (BORDER + timedelta(seconds=1), 1e308)])
    (window,) = listed(fleet, "/devices/d0/windows", "windows")
    assert (window["sum"], window["mean"], window["max"]) == (None, 1e308, 1e308)
    (row,) = rows_of(ask(fleet, "/devices/d0/windows", accept="text/csv"))
    assert row["sum"] == ""
    ask(fleet, "/devices/d0/chart.svg")
