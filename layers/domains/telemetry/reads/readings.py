"""The readings themselves, from the events that windows say they are in; and those that came too late for windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Final

from banyan import Event
from banyan.answers import Answer, Provenance
from banyan.projections.pages import Page, SortRange, another_list, make_cursor, read_place
from banyan.queries import Queries
from banyan.streams import StreamId
from telemetry.projections import SERIES_WINDOWS
from telemetry.projections.series import DAY, LATE, SeriesRow, in_order
from telemetry.reads.asked import Span
from telemetry.reads.series import DeviceSeries, PlacedWindow, least_of, place_of_text, together
from telemetry.series.events import ReadingsRecorded
from telemetry.windows.window import Moment

MOST_BEHIND: Final = 2_000_000
"""Characters of the commits that are read behind windows: about a hundred commits of a thousand readings."""

_AFTER_ALL: Final = "late#~"


@dataclass(frozen=True, slots=True)
class LateReading:
    """A reading that came too late, and when it was recorded."""

    moment: Moment
    recorded_at: datetime


def readings(device: DeviceSeries, span: Span, limit: int, cursor: str | None) -> Answer[Page[Moment]]:
    """Readings in a time, by time and sequence; without those that came too late.

    Windows say which events brought their readings: days, and their hours where a page ends within a day. So a page
    reads about as many events as it shows readings of, unless these came in another order than that of their times.
    Events that are in no window yet are read behind those that are.

    Raises
    ------
    InvalidCursor, ReadModelLagging
    """
    query = ["readings", device.tenant, device.device_id, span.first, span.end]
    shown: tuple[int, int] | None = None
    if cursor:
        at, sequence = read_place(cursor, query, 2)
        shown = place_of_text(at, span), _number(sequence)
        span = Span(shown[0], span.end)
    found, sources = list[Moment](), list[Provenance]()
    for month in device.months(span):
        moments, source = _of_month(device, month, span.within(month), limit)
        left = (moment for moment in moments if shown is None or moment[:2] > shown)
        found += islice(left, limit + 1 - len(found))
        sources.append(source)
        if len(found) > limit:
            break
    page = found[:limit]
    more = make_cursor(query, *map(str, page[-1][:2])) if len(found) > limit else None
    return Answer(Page(page, more), least_of(sources))


def late_readings(device: DeviceSeries, span: Span, limit: int, cursor: str | None) -> Answer[Page[LateReading]]:
    """The readings in a time that came too late, month by month, in the order in which they were recorded.

    A page holds those of whole batches, so it may have more than ``limit``.

    Raises
    ------
    InvalidCursor
    """
    query = ["late", device.tenant, device.device_id, span.first, span.end]
    place = read_place(cursor, query, 2) if cursor else ("", LATE)
    found, sources, last = list[LateReading](), list[Provenance](), place
    for month, answer in device.states(span, "ascending"):
        if month < place[0] or not answer.value.late:
            continue
        sources.append(answer.provenance)
        after = place[1] if month == place[0] else LATE
        for sort, row in _late_rows(device, month, after, limit):
            if len(found) >= limit:
                return Answer(Page(found, make_cursor(query, *last)), together(sources))
            found += _late_of(row, span)
            last = (month, sort)
    return Answer(Page(found), together(sources))


def count_late(device: DeviceSeries, span: Span) -> int:
    """How many readings of the months in a time came too late."""
    return sum(answer.value.late for _, answer in device.states(span))


def _late_rows(device: DeviceSeries, month: str, after: str, limit: int) -> Iterator[tuple[str, SeriesRow]]:
    if after not in SortRange(LATE, _AFTER_ALL):
        raise another_list()
    wanted = SortRange(after, _AFTER_ALL)
    while True:
        found = device.queries.owned(
            SERIES_WINDOWS, device.stream(month), wanted.first, wanted.last, limit=limit + 1, fold=False
        )
        rows = [(sort, row) for sort, row in found.value if sort > after] if found else []
        yield from rows
        if found is None or found.value.cursor is None:
            return
        after = rows[-1][0]
        wanted = SortRange(after, _AFTER_ALL)


def _late_of(row: SeriesRow, span: Span) -> Iterator[LateReading]:
    if row.late:
        for moment in row.late.readings:
            if moment[0] in span:
                yield LateReading(moment, row.late.recorded_at)


def _of_month(device: DeviceSeries, month: str, span: Span, limit: int) -> tuple[Iterator[Moment], Provenance]:
    """The readings in a time of one month, in their order, read as they are taken: of windows, and of events behind."""
    stream, days = device.stream(month), device.windows(DAY, span.widened(DAY))
    reached = days.provenance.version
    behind = device.queries.behind(stream, reached, MOST_BEHIND)
    placed = (
        moment
        for windows in _stretches(device, days.value, span, limit)
        for moment in _of_windows(device.queries, stream, windows, span, reached)
    )
    return merge(placed, _in_order(behind.value, span)), behind.provenance


def _stretches(
    device: DeviceSeries, days: Iterable[PlacedWindow], span: Span, limit: int
) -> Iterator[Sequence[PlacedWindow]]:
    """Windows of one month, as many in a row as have readings for a page: days, or the hours of one day."""
    stretch: list[PlacedWindow] = []
    for window in _windows(device, days, span, limit):
        stretch.append(window)
        if sum(each.readings for each in stretch[1:]) > limit:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _windows(device: DeviceSeries, days: Iterable[PlacedWindow], span: Span, limit: int) -> Iterator[PlacedWindow]:
    for day in days:
        parts = device.parts([day], ["1h"]) if day.readings > limit else [day]
        yield from (part for part in parts if part.kept.window.last[0] >= span.first and part.start < span.end)


def _of_windows(
    queries: Queries, stream: StreamId, windows: Sequence[PlacedWindow], span: Span, reached: int
) -> list[Moment]:
    """The readings of some windows that lie in a time, of events up to a version: windows may have got further."""
    first = min(window.kept.first_version for window in windows)
    last = min(reached, max(window.kept.last_version for window in windows))
    wanted = Span(max(span.first, windows[0].start), min(span.end, windows[-1].kept.window.last[0] + 1))
    return _in_order(queries.between(stream, first, last), wanted)


def _in_order(events: Iterable[Event], span: Span) -> list[Moment]:
    """The readings of some events that belong into windows and lie in a time."""
    recorded = (event.payload for event in events)
    batches = (in_order(payload) for payload in recorded if isinstance(payload, ReadingsRecorded))
    return sorted(moment for moments in batches for moment in moments if moment[0] in span)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise another_list()
    return int(text)
