"""Sending at a rate, and waiting until the windows show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import pytest

from banyan_tools.importing import ApiError
from telemetry.names import moment_of
from telemetry.tools.importer.api import RecordedReadings, RefusedMonth, TelemetryApi, Window
from telemetry.tools.importer.sending import Pace, send_series
from telemetry.tools.importer.series import Numbered
from telemetry.tools.importer.waiting import DAY, MOST_LOOKS, wait_for, wait_still

SERIES = [Numbered(at, 1.0, at * 1000) for at in range(2_500)]


class Answers:
    """Records all, the first of each batch late, and refuses the month of every other one."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def send(self, readings: Sequence[Numbered]) -> RecordedReadings:
        self.sizes.append(len(readings))
        refused = (
            [RefusedMonth(month="2026-01", readings=3, code="too_many_gaps", detail="")] if len(self.sizes) % 2 else []
        )
        return RecordedReadings(recorded=len(readings), late=1, refused=refused)


class Silent:
    """Says nothing, as a stream does."""

    def send(self, readings: Sequence[Numbered]) -> None:
        assert readings


class Time:
    """Passes only in pauses."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


class Shows:
    """An API that shows some readings of each day, more at each look."""

    def __init__(self, *looks: dict[int, int] | ApiError) -> None:
        self.looks = list(looks)
        self.asked: list[int] = []

    def windows(self, _id: str, size: str, start: int, end: int) -> Iterator[Window]:
        self.asked.append(start)
        shown = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        assert size == "1d"
        if isinstance(shown, ApiError):
            raise shown
        return (_window(day, count) for day, count in shown.items() if start <= day < end)


def _window(day: int, count: int) -> Window:
    figures = dict.fromkeys(("sum", "min", "max", "first", "last", "mean", "p50", "p95", "p99"), 1.0)
    return Window(start=moment_of(day), count=count, **figures)


def waited(shows: Shows, expected: dict[int, int], never: int = 0) -> tuple[int, int]:
    """How many are not shown, and after how many pauses."""
    pauses: list[None] = []
    api = cast(TelemetryApi, shows)
    return wait_for(api, "a", expected, never, lambda: pauses.append(None), lambda _: None), len(pauses)


def test_batches_hold_a_thousand_readings_and_answers_add_up() -> None:
    way = Answers()
    sent = send_series(way, SERIES, Pace(None))
    assert way.sizes == [1_000, 1_000, 500]
    assert sent is not None
    refused = [(each.code, each.readings) for each in sent.refused]
    assert (sent.recorded, sent.late, refused) == (2_500, 3, [("too_many_gaps", 6)])


def test_over_a_stream_nothing_is_known_of_what_was_sent() -> None:
    done: list[int] = []
    assert send_series(Silent(), SERIES, Pace(None), done.append) is None
    assert sum(done) == 2_500


@pytest.mark.parametrize(("rate", "most"), [(100.0, 25), (1.0, 1), (1_000_000.0, 1_000)])
def test_a_rate_is_kept_whatever_it_is(rate: float, most: int) -> None:
    time, way = Time(), Answers()
    pace = Pace(rate, clock=time.clock, pause=time.pause)
    send_series(way, SERIES, pace)
    assert max(way.sizes) == most
    assert time.now - 100 == pytest.approx((2_500 - way.sizes[-1]) / rate)


def test_a_sender_that_was_slow_does_not_wait() -> None:
    time = Time()
    pace = Pace(10, clock=time.clock, pause=time.pause)
    pace.wait(5)
    time.now += 60
    pace.wait(5)
    assert time.now == 160


def test_it_waits_until_every_day_shows_its_readings_and_asks_only_for_what_is_missing() -> None:
    shows = Shows({0: 1}, {0: 3}, {0: 3, DAY: 1}, {0: 3, DAY: 2})
    assert waited(shows, {0: 3, DAY: 2}) == (0, 3)
    assert shows.asked == [0, 0, DAY, DAY]


def test_it_waits_while_windows_cannot_be_shown_and_for_no_other_error() -> None:
    assert waited(Shows({0: 1}, ApiError(503, "read_model_lagging", ""), {0: 3}), {0: 3}) == (0, 2)
    with pytest.raises(ApiError, match="forbidden"):
        waited(Shows(ApiError(403, "forbidden", "")), {0: 3})


def test_a_day_may_show_readings_of_earlier_imports_too() -> None:
    assert waited(Shows({0: 9}), {0: 3}) == (0, 0)


def test_what_no_window_will_show_is_not_waited_for() -> None:
    assert waited(Shows({0: 2}), {0: 3}, never=1) == (0, 0)


def test_it_gives_up_when_no_more_are_shown() -> None:
    assert waited(Shows({0: 1}), {0: 3}) == (2, MOST_LOOKS + 1)


@pytest.mark.parametrize(
    ("counts", "enough", "found"),
    [([3, 4, 5, 9], 5, 5), ([3, 3, 4, 4, 4, 4, 4, 4, 9], None, 4), ([3] * (MOST_LOOKS + 1) + [9], 5, 3)],
)
def test_a_count_is_waited_for_until_it_is_enough_or_stands_still(
    counts: list[int], enough: int | None, found: int
) -> None:
    assert wait_still(lambda: counts.pop(0), enough, lambda: None) == found
