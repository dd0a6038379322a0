"""Charts are well-formed, bounded and readable, whatever the readings are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from math import inf, isfinite, nextafter
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.charts.axes import Axis, time_ticks, value_axis, value_ticks
from telemetry.charts.chart import HEIGHT, WIDTH, Chart, ChartLimit, ChartPoint
from telemetry.charts.drawn import chart
from telemetry.names import TIMES, micros
from telemetry.reads.asked import Span
from telemetry.tools.picture import PICTURE, picture
from telemetry.windows.sketch import places
from telemetry.windows.window import window_of

MINUTE = 60_000_000
START = micros(datetime(2026, 2, 28, 22, 13, tzinfo=UTC))
SVG = "{http://www.w3.org/2000/svg}"
floats = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-50, 50),
    st.sampled_from([0.0, 5e-324, 1.7e308, -1.7e308, 1e-308]),
)


def drawn(points: Sequence[ChartPoint], *limits: ChartLimit, unit: str = "°C") -> ElementTree.Element:
    end = points[-1].start + MINUTE if points else START + MINUTE
    return ElementTree.fromstring(Chart("boiler", unit, MINUTE, "1 minute", START, end, points, limits).svg())


def numbers(element: ElementTree.Element) -> list[float]:
    """Coordinates of what is drawn of the readings."""
    texts = [each.get("points", "") for each in element.iter() if each.get("class") in ("band", "mean", "p95")]
    return [float(number) for text in texts for pair in text.split() for number in pair.split(",")]


@given(st.lists(st.tuples(floats, floats, floats, floats), max_size=20), st.lists(floats, max_size=2))
@settings(max_examples=100)
def test_whatever_is_drawn_lies_in_the_picture(values: list[tuple[float, ...]], limits: list[float]) -> None:
    points = []
    for place, figures in enumerate(values):
        low, mean, p95, high = sorted(figures)
        points.append(ChartPoint(START + (place + place // 3) * MINUTE, low, high, mean, p95))
    found = drawn(points, *(ChartLimit("high", limit, raises=True) for limit in limits))
    assert all(isfinite(number) and 0 <= number <= max(WIDTH, HEIGHT) for number in numbers(found))


@pytest.mark.parametrize("unit", ["<b>", 'a"b', "&amp;", "'", "°C", "]]>"])
def test_text_is_escaped(unit: str) -> None:
    title = drawn([], unit=unit).find(f"{SVG}title")
    assert title is not None
    assert title.text == f"boiler · {unit}"


def test_what_is_drawn_is_described_to_those_who_do_not_see_it() -> None:
    found = drawn([ChartPoint(START, 1.5, 4, 2, 3), ChartPoint(START + 9 * MINUTE, 1, 9.25, 2, 3)])
    description = found.find(f"{SVG}desc")
    assert description is not None
    assert description.text is not None
    assert "2 windows with 1 gap between" in description.text
    assert "Lowest 1, 2026-02-28 22:22; highest 9.25, 2026-02-28 22:22." in description.text
    assert found.get("role") == "img"


def test_lines_are_broken_where_windows_are_missing() -> None:
    points = [ChartPoint(START + place * MINUTE, 1, 3, 2, 3) for place in (0, 1, 2, 5, 6, 9)]
    found = drawn(points)
    assert len([each for each in found.iter(f"{SVG}polyline") if each.get("class") == "mean"]) == 2
    assert len(list(found.iter(f"{SVG}circle"))) == 1


def test_a_limit_far_away_is_left_out() -> None:
    points = [ChartPoint(START + place * MINUTE, 19, 21, 20, 21) for place in range(9)]
    near, far = ChartLimit("high", 22, raises=True), ChartLimit("high", 90, raises=True)
    assert [any(each.get("class") == "raise" for each in drawn(points, limit).iter()) for limit in (near, far)] == [
        True,
        False,
    ]


@given(st.integers(TIMES.start, TIMES.stop - 1), st.integers(MINUTE, 200 * 366 * 1440 * MINUTE))
def test_a_time_axis_has_few_ticks_at_round_times(first: int, length: int) -> None:
    end = min(first + length, TIMES.stop - 1)
    ticks = time_ticks(first, end, Axis(first, max(end, first + 1), 0, 1000))
    assert len(ticks) <= 11
    assert [tick.place for tick in ticks] == sorted(tick.place for tick in ticks)
    assert all(-1 <= tick.place <= 1001 for tick in ticks)


@given(st.lists(floats, min_size=1, max_size=5))
def test_a_value_axis_has_some_round_ticks(values: list[float]) -> None:
    axis = value_axis(values, [], 100, 0)
    ticks = list(value_ticks(axis))
    assert len(ticks) <= 8
    assert all(-0.5 <= tick.place <= 100.5 for tick in ticks)


@pytest.mark.parametrize("value", [1.9, 125.5, -126.5, 1e17, 1.7e308])
@pytest.mark.parametrize("apart", [1, 2, 3, 16])
def test_values_that_differ_in_their_last_digits_have_few_ticks(value: float, apart: int) -> None:
    other = value
    for _ in range(apart):
        other = nextafter(other, inf)
    ticks = list(islice(value_ticks(value_axis([value, other], [], 100, 0)), 9))
    assert 1 <= len(ticks) <= 8
    assert all(-0.5 <= tick.place <= 100.5 for tick in ticks)


@pytest.mark.parametrize(
    "values", [(1_767_600_000.001, 1_767_600_000.002), (4e12, 4e12 + 1), (-3e15, 2 - 3e15), (0.1, 0.3), (-1e6, 5.0)]
)
def test_ticks_are_told_apart_and_have_room(values: tuple[float, float]) -> None:
    labels = [tick.label for tick in value_ticks(value_axis(values, [], 100, 0))]
    assert len(set(labels)) == len(labels)
    low, high = values
    found = drawn([ChartPoint(START, low, high, low, high)])
    texts = [each for each in found.iter(f"{SVG}text") if each.text in labels]
    assert len(texts) == len(labels)
    assert all(len(each.text or "") <= 10 or float(each.get("textLength", "inf")) < 68 for each in texts)


def test_the_last_window_lies_in_the_picture_where_the_time_ends_within_it() -> None:
    readings = [(START - START % (24 * 60 * MINUTE), 1, 1.5)]
    windows = [(at, window_of([(at, sequence, value)], places([value]))) for at, sequence, value in readings]
    begin = windows[0][0]
    found = ElementTree.fromstring(chart("boiler", "", "1d", Span(begin, begin + 60 * MINUTE), windows))
    (dot,) = found.iter(f"{SVG}circle")
    assert 0 < float(dot.get("cx", "inf")) < WIDTH


def test_the_picture_in_the_page_is_that_of_today() -> None:
    assert PICTURE.read_text() == picture(), "run `python -m telemetry.tools.picture`"
