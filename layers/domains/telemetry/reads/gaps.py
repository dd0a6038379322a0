"""Gaps: longer times without a reading than a device is expected to leave.

They follow from windows. Two readings that lie further apart than a window is long are the last and the first one of
two windows with none in between; so every gap is found that is longer than the windows that are looked at, whatever is
expected today. A reading that comes later, but not too late, changes its window, and so fills the gap or splits it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from banyan.answers import Answer, Provenance
from banyan.projections.pages import Page, make_cursor, read_place
from telemetry.projections.series import DAY, SIZES, Size
from telemetry.reads.asked import Span
from telemetry.reads.series import DeviceSeries, PlacedWindow, place_of_text, together
from telemetry.settings import TelemetrySettings

INTERVALS: Final = 2
"""A gap is longer than so many expected intervals, unless the query says how long."""
WINDOWS_OF_A_PAGE: Final = 5_000
WINDOWS_AT_ONCE: Final = 1_000
"""More are read or looked at only to the end of their day."""
SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Gap:
    """The times of two readings with none in between, in microseconds since 1970."""

    start: int
    end: int


def least_gap(asked: int | None, interval: int, settings: TelemetrySettings) -> int:
    """How long a gap is at least, in microseconds, by what is asked for and expected, in seconds."""
    return max((asked or INTERVALS * interval) * SECOND, SIZES[settings.smallest_window])


def gaps(device: DeviceSeries, span: Span, least: int, limit: int, cursor: str | None = None) -> Answer[Page[Gap]]:
    """Gaps in a time, ascending, between readings of the days that it touches.

    A page goes to the end of a day, some days after it has ``limit`` gaps at most, or after enough was looked at, so
    that it may have a cursor though it has none.

    Parameters
    ----------
    least : int
        How long a gap is at least, in microseconds; no shorter than the smallest windows.

    Raises
    ------
    InvalidCursor
    """
    query = ["gaps", device.tenant, device.device_id, span.first, span.end, least]
    before, looked = _read_place(cursor, query, span), 0
    source = _source(device, span)
    found: list[Gap] = []
    sizes = _sizes(least)
    for days in _chunks(device.days(span if before is None else Span(before, span.end)), sizes):
        if len(found) >= limit or looked > WINDOWS_OF_A_PAGE:
            return Answer(Page(found, make_cursor(query, str(before))), source)
        parts = device.parts(days, sizes)
        looked += len(parts)
        for first, last in _bounds(parts, before):
            if before is not None and first - before > least and before < span.end and first > span.first:
                found.append(Gap(before, first))
            before = last
    return Answer(Page(found), source)


def _chunks(days: Iterable[PlacedWindow], sizes: Sequence[Size]) -> Iterator[Sequence[PlacedWindow]]:
    """Days in a row that have not too many windows together to be read at once."""
    of_a_day = SIZES[DAY] // SIZES[sizes[0]] if sizes else 1
    chunk, windows = list[PlacedWindow](), 0
    for day in days:
        windows += min(day.readings, of_a_day)
        chunk.append(day)
        if windows >= WINDOWS_AT_ONCE:
            yield chunk
            chunk, windows = [], 0
    if chunk:
        yield chunk


def _read_place(cursor: str | None, query: Sequence[object], span: Span) -> int | None:
    """The time of the last reading that the page before looked at."""
    if cursor is None:
        return None
    (text,) = read_place(cursor, query, 1)
    return place_of_text(text, span.widened(DAY))


def _source(device: DeviceSeries, span: Span) -> Provenance:
    """Of the newest month in a time, as it stands before its windows are read: they show this or more."""
    newest = next(device.states(span), None)
    return together([newest[1].provenance] if newest else [])


def _sizes(least: int) -> Sequence[Size]:
    """Sizes of windows to look at: the largest that is no longer than a gap, or the next larger that are still kept."""
    fitting = [size for size, length in SIZES.items() if length <= least]
    return list(SIZES)[len(fitting) - 1 : -1]


def _bounds(parts: Sequence[PlacedWindow], before: int | None) -> Iterator[tuple[int, int]]:
    """Times of the first and the last reading of each window that does not end before a time."""
    for part in parts:
        first, last = part.kept.window.first[0], part.kept.window.last[0]
        if before is None or last > before:
            yield first, last
