"""The windows of a device, over the months that its readings are kept by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from banyan.answers import Answer, Provenance
from banyan.projections.pages import Page, SortOrder, another_list, make_cursor, read_place
from banyan.queries import Queries
from banyan.streams import BEGINNING_OF_TIME, StreamId
from telemetry.names import SERIES, month_of, series_id
from telemetry.profiles.decider import Profile
from telemetry.projections import DEVICES, SERIES_WINDOWS
from telemetry.projections.series import DAY, SIZES, KeptWindow, SeriesRow, SeriesState, Size, start_of, window_key
from telemetry.reads.asked import Span
from telemetry.rejections import Code, no_device, rejected
from telemetry.settings import TelemetrySettings

DAYS_AT_ONCE: Final = 31


class PlacedWindow(NamedTuple):
    """A window, and when it begins, in microseconds since 1970."""

    start: int
    kept: KeptWindow

    @property
    def readings(self) -> int:
        """How many it has."""
        return self.kept.window.count


def registered(queries: Queries, device: StreamId, min_version: int = 0) -> Answer[Profile]:
    """A device by its stream. Raises ``NotFound`` for one that is not registered, and ``ReadModelLagging``."""
    found = queries.stored(DEVICES, device, min_version)
    if found is None or found.value.status is None:
        raise no_device()
    return found


@dataclass(frozen=True, slots=True)
class DeviceSeries:
    """The months of a device.

    Parameters
    ----------
    known : Sequence[str]
        Months that it is known to have readings of.
    now : int
        In microseconds since 1970.
    """

    queries: Queries
    tenant: str
    device_id: str
    known: Sequence[str]
    now: int

    def windows(
        self,
        size: Size,
        span: Span,
        order: SortOrder = "ascending",
        limit: int | None = None,
        cursor: str | None = None,
        min_version: int = 0,
    ) -> Answer[Page[PlacedWindow]]:
        """The windows of a size that begin in a time.

        Parameters
        ----------
        min_version : int
            Of the stream of the newest month in that time.

        Raises
        ------
        InvalidCursor, ReadModelLagging
        """
        query = ["windows", self.tenant, self.device_id, size, span.first, span.end, order]
        left = span.after(read_start(cursor, query, span), order) if cursor else span
        wanted, newest = left.starts(size), self._newest(span)
        rows, parts = list[tuple[str, SeriesRow]](), list[Provenance]()
        for month in self.months(left, order):
            found = self.queries.owned(
                SERIES_WINDOWS,
                self.stream(month),
                window_key(size, wanted.first),
                window_key(size, wanted.end),
                order=order,
                limit=limit and limit + 1 - len(rows),
                min_version=min_version if month == newest else 0,
                fold=False,
            )
            rows += found.value if found else ()
            parts += [found.provenance] if found else []
            if limit and len(rows) > limit:
                break
        placed = [PlacedWindow(start_of(sort), row.kept) for sort, row in rows[:limit] if row.kept]
        more = make_cursor(query, str(placed[-1].start)) if limit and len(rows) > limit else None
        return Answer(Page(placed, more), together(parts))

    def days(self, span: Span) -> Iterator[PlacedWindow]:
        """The windows of all days that a time touches, ascending."""
        cursor: str | None = None
        while True:
            page = self.windows(DAY, span.widened(DAY), limit=DAYS_AT_ONCE, cursor=cursor).value
            yield from page
            if not (cursor := page.cursor):
                return

    def parts(self, days: Sequence[PlacedWindow], sizes: Sequence[Size]) -> list[PlacedWindow]:
        """Days in windows of the first of some sizes of which all are still there; a day itself where none is.

        They may have more readings than their day had, as these are read later.
        """
        if not (days and sizes):
            return list(days)
        by_day: dict[int, list[PlacedWindow]] = {day.start: [] for day in days}
        for window in self.windows(sizes[0], Span(days[0].start, days[-1].start + SIZES[DAY])).value:
            by_day.get(window.start - window.start % SIZES[DAY], []).append(window)
        whole = {day.start for day in days if sum(each.readings for each in by_day[day.start]) >= day.readings}
        others = self.parts([day for day in days if day.start not in whole], sizes[1:])
        return sorted([*others, *(each for start in whole for each in by_day[start])], key=lambda each: each.start)

    def states(self, span: Span, order: SortOrder = "descending") -> Iterator[tuple[str, Answer[SeriesState]]]:
        """What the months in a time carry, each with its name."""
        for month in self.months(span, order):
            found = self.queries.stored(SERIES_WINDOWS, self.stream(month))
            if found:
                yield month, found

    def months(self, span: Span, order: SortOrder = "ascending") -> list[str]:
        """The months in a time that may have readings."""
        if span.empty:
            return []
        months = span.months(self.known, self.now)
        return months if order == "ascending" else months[::-1]

    def stream(self, month: str) -> StreamId:
        """The stream with the readings of a month."""
        return StreamId(self.tenant, SERIES, series_id(self.device_id, month))

    def _newest(self, span: Span) -> str:
        """The newest month in a time of those that are known, or else the one that the query names."""
        known = [month for month in self.months(span) if month in self.known]
        return known[-1] if known else month_of(next(span.named(), self.now))


def check_size(size: Size, settings: TelemetrySettings) -> None:
    """Refuse a size that is not kept. Raises ``CommandRejected``."""
    if SIZES[size] < SIZES[settings.smallest_window]:
        detail = f"windows are kept from the size {settings.smallest_window} on"
        raise rejected(Code.SIZE_NOT_KEPT, detail, "size")


def together(parts: Sequence[Provenance]) -> Provenance:
    """Where an answer comes from that several streams have part in."""
    if not parts:
        return Provenance(version=0, as_of=None, staleness_ms=0, served_from="projection")
    newest = max(parts, key=lambda part: part.as_of.timestamp() if part.as_of else 0.0)
    return newest.model_copy(update={"version": max(part.version for part in parts)})


def least_of(parts: Sequence[Provenance]) -> Provenance:
    """Where an answer comes from that shows streams to their ends: as of the one that it does not, if there is one."""
    oldest = min(parts, key=lambda part: part.as_of or BEGINNING_OF_TIME, default=together([]))
    return oldest.model_copy(update={"version": together(parts).version})


def read_start(cursor: str, query: Sequence[object], span: Span) -> int:
    """The start of the last window of the page before."""
    (text,) = read_place(cursor, query, 1)
    return place_of_text(text, span)


def place_of_text(text: str, span: Span) -> int:
    """A time in a cursor. Raises ``InvalidCursor`` for what no page ended with."""
    found = int(text) if text.isascii() and text.isdigit() else -1
    if found not in Span(span.first - SIZES[DAY], span.end):
        raise another_list()
    return found
