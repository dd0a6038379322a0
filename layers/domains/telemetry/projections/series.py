"""What a month of a device's readings comes to: its newest reading, windows, and the readings that came too late.

The rows of a month sort by kind:

``1m#<start>``, ``1h#<start>``, ``1d#<start>``
    The window that begins at a minute of UTC.
``late#<version>``
    The readings of an event that came too late: they are in no window. Of many, ``late#<version>.<part>`` are
    the others.

The newest window of each size changes with most events. It is held in the state, and becomes a row once a later one has
begun: so a commit costs one write, unless a window ends or an earlier one changes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, groupby
from math import ceil
from typing import Final, Literal

from pydantic import Field

from banyan import CamelModel, Event
from banyan.projections.base import RowsProjection
from telemetry.names import EPOCH, SERIES, micros, moment_of
from telemetry.series.events import Reading, ReadingsRecorded
from telemetry.settings import TelemetrySettings
from telemetry.windows.sketch import Place, places
from telemetry.windows.window import Moment, Window, merged, window_of

Size = Literal["1m", "1h", "1d"]

SIZES: Final[Mapping[Size, int]] = {"1m": 60_000_000, "1h": 3_600_000_000, "1d": 86_400_000_000}
"""Length of a window in microseconds, by its size, in ascending order."""

DAY: Final[Size] = "1d"
LATE: Final = "late#"
LATE_OF_A_ROW: Final = 10_000
"""As many as a record has: a batch may bring many records, and an item of the table has room for 400 KB."""

_SECOND: Final = 1_000_000


class KeptWindow(CamelModel):
    """A window, and what belongs to its row.

    Parameters
    ----------
    first_version, last_version : int
        The first and the last event that brought readings of it.
    begun, changed : int
        When these were recorded, in seconds since 1970.
    kept : int
        For how long it is kept then, in seconds; 0 for ever.
    """

    window: Window
    first_version: int
    last_version: int
    begun: int
    changed: int
    kept: int = 0

    @property
    def expires(self) -> datetime | None:
        """From when on it counts as missing."""
        return EPOCH + timedelta(seconds=self.changed + self.kept) if self.kept else None


class OpenWindow(CamelModel):
    """The newest window of a size, and when it begins, in microseconds since 1970."""

    start: int
    row: KeptWindow


class LateReadings(CamelModel):
    """The readings of an event that came too late."""

    recorded_at: datetime
    readings: tuple[Moment, ...]


class SeriesRow(CamelModel):
    """A row of one of the two kinds."""

    kept: KeptWindow | None = None
    late: LateReadings | None = None


class SeriesState(CamelModel):
    """What is carried from event to event.

    Parameters
    ----------
    count, late : int
        How many readings are in windows, and how many came too late.
    begun : int
        When the first ones were recorded, in seconds since 1970.
    newest : Moment, optional
        The newest reading.
    open : Mapping[Size, OpenWindow]
        The newest window of each size.
    """

    count: int = 0
    late: int = 0
    begun: int = 0
    newest: Moment | None = None
    open: Mapping[Size, OpenWindow] = Field(default_factory=dict)


def window_key(size: str, start: int) -> str:
    """Sort of the window that begins at a time."""
    return f"{size}#{moment_of(start):%Y-%m-%dT%H:%M}"


def start_of(sort: str) -> int:
    """When the window of a sort begins, in microseconds since 1970."""
    return micros(datetime.fromisoformat(f"{sort.partition('#')[2]}+00:00"))


def late_key(version: int, part: int = 0) -> str:
    """Sort of the late readings of an event, or of a later part of them."""
    return f"{LATE}{version:010}" + (f".{part:04}" if part else "")


@dataclass(frozen=True, slots=True)
class _Slice:
    """The readings of an event that belong to one window."""

    size: Size
    start: int
    moments: Sequence[Moment]
    places: Sequence[Place]

    @property
    def key(self) -> str:
        return window_key(self.size, self.start)


@dataclass(frozen=True, slots=True)
class SeriesFold:
    """Folds readings into windows.

    Parameters
    ----------
    kept : Mapping[Size, int]
        For how long windows are kept, in seconds, 0 for ever, by the sizes that there are; days among them.
    """

    kept: Mapping[Size, int]

    def keys(self, state: SeriesState, event: Event) -> Iterable[str]:
        """Windows before the newest ones, and their days, which say whether such a window may have expired."""
        if not isinstance(event.payload, ReadingsRecorded):
            return
        times = [at for at, _, _ in in_order(event.payload)]
        for size in self.kept:
            begun = state.open[size].start if size in state.open else 0
            length = SIZES[size]
            yield from {window_key(size, at - at % length) for at in times[: bisect_left(times, begun)]}

    def apply(
        self, state: SeriesState, rows: Mapping[str, SeriesRow], event: Event
    ) -> tuple[SeriesState, Mapping[str, SeriesRow]]:
        """Put the readings of an event into their windows."""
        if not isinstance(event.payload, ReadingsRecorded):
            return state, {}
        moments, late = in_order(event.payload), event.payload.late_ones()
        folding = _Folding(self.kept, state, rows, event)
        for each in _slices(self.kept, moments):
            folding.add(each)
        newest = [(each.at, each.sequence, each.value) for each in late] + moments[-1:]
        after = SeriesState(
            count=state.count + len(moments),
            late=state.late + len(late),
            begun=state.begun or _seconds(event.timestamp),
            newest=max([state.newest, *newest] if state.newest else newest),
            open=folding.open,
        )
        return after, {**folding.written, **_late_rows(event, late)}


class _Folding:
    """One event on its way into the windows.

    Parameters
    ----------
    rows : Mapping[str, SeriesRow]
        The windows before the newest ones that it changes, those that exist.
    """

    def __init__(
        self, kept: Mapping[Size, int], state: SeriesState, rows: Mapping[str, SeriesRow], event: Event
    ) -> None:
        self.open = {size: window for size, window in state.open.items() if size in kept}
        self.written: dict[str, SeriesRow] = {
            window_key(size, window.start): SeriesRow(kept=window.row)
            for size, window in state.open.items()
            if size not in kept
        }
        self._kept = kept
        self._begun = state.begun
        self._rows = rows
        self._days = {window_key(DAY, state.open[DAY].start): state.open[DAY].row.begun} if DAY in state.open else {}
        self._version = event.version
        self._recorded = _seconds(event.timestamp)

    def add(self, part: _Slice) -> None:
        """Put readings into their window, which is the newest of its size, a new one, or an earlier one."""
        newest = self.open.get(part.size)
        if newest is None or part.start > newest.start:
            self._begin(part, newest)
        elif part.start == newest.start:
            self.open[part.size] = OpenWindow(start=part.start, row=self._row(part, newest.row))
        else:
            self._change(part)

    def _begin(self, part: _Slice, newest: OpenWindow | None) -> None:
        if newest:
            self.written[window_key(part.size, newest.start)] = SeriesRow(kept=newest.row)
        self.open[part.size] = OpenWindow(start=part.start, row=self._row(part, None))

    def _change(self, part: _Slice) -> None:
        found = self._rows.get(part.key)
        before = found.kept if found else None
        if before or not self._may_have_expired(part):
            self.written[part.key] = SeriesRow(kept=self._row(part, before))

    def _may_have_expired(self, part: _Slice) -> bool:
        """Whether there may have been a window that is no longer kept; what is left of it must not be shown as it."""
        day = window_key(DAY, part.start)[: len("1d#yyyy-mm-dd")] + "T00:00"
        known = self._rows.get(day)
        begun = known.kept.begun if known and known.kept else self._days.get(day)
        if begun is None:
            return self._gone(DAY, self._begun)
        return self._gone(part.size, begun)

    def _gone(self, size: Size, begun: int) -> bool:
        kept = self._kept[size]
        return bool(kept) and begun + kept <= self._recorded

    def _row(self, part: _Slice, before: KeptWindow | None) -> KeptWindow:
        window = window_of(part.moments, part.places)
        return KeptWindow.model_construct(
            window=merged(before.window, window) if before else window,
            first_version=before.first_version if before else self._version,
            last_version=self._version,
            begun=before.begun if before else self._recorded,
            changed=self._recorded,
            kept=self._kept[part.size],
        )


def in_order(recorded: ReadingsRecorded) -> list[Moment]:
    """The readings of an event that belong into windows, by time, then by sequence."""
    moments = zip(accumulate(recorded.times), accumulate(recorded.sequences), recorded.values, strict=True)
    late = frozenset(recorded.late)
    return sorted(each for index, each in enumerate(moments) if index not in late) if late else sorted(moments)


def _slices(sizes: Iterable[Size], moments: Sequence[Moment]) -> Iterator[_Slice]:
    """Readings by window, those of each size in the order of time; days come last."""
    found = places([value for _, _, value in moments])
    for size in sizes:
        end, length = 0, SIZES[size]
        for start, group in groupby(at - at % length for at, _, _ in moments):
            begin, end = end, end + sum(1 for _ in group)
            yield _Slice(size, start, moments[begin:end], found[begin:end])


def _late_rows(event: Event, late: Sequence[Reading]) -> Mapping[str, SeriesRow]:
    readings = sorted((each.at, each.sequence, each.value) for each in late)
    parts = [readings[start : start + LATE_OF_A_ROW] for start in range(0, len(readings), LATE_OF_A_ROW)]
    return {
        late_key(event.version, number): SeriesRow(late=LateReadings(recorded_at=event.timestamp, readings=tuple(part)))
        for number, part in enumerate(parts)
    }


def _seconds(moment: datetime) -> int:
    return micros(moment) // _SECOND


def _open_rows(state: SeriesState) -> Mapping[str, SeriesRow]:
    return {window_key(size, window.start): SeriesRow(kept=window.row) for size, window in state.open.items()}


def _expires(row: SeriesRow) -> datetime | None:
    return row.kept.expires if row.kept else None


def series_projection(settings: TelemetrySettings) -> RowsProjection[SeriesState, SeriesRow]:
    """The projection as the settings have it."""
    fold = SeriesFold(kept_seconds(settings))
    return RowsProjection(
        name="series",
        entity=SERIES,
        state=SeriesState,
        initial=SeriesState,
        row=SeriesRow,
        apply=fold.apply,
        keys=fold.keys,
        expires=_expires,
        open_rows=_open_rows,
    )


def kept_seconds(settings: TelemetrySettings) -> Mapping[Size, int]:
    """For how long windows of each size are kept, in seconds, 0 for ever; by the sizes that there are."""
    days: Mapping[Size, float] = {
        "1m": settings.minutes_kept_days,
        "1h": settings.hours_kept_days,
        "1d": settings.days_kept_days,
    }
    sizes = list(SIZES)[list(SIZES).index(settings.smallest_window) :]
    return {size: ceil(days[size] * 24 * 3600) for size in sizes}


SERIES_WINDOWS: Final = series_projection(TelemetrySettings())
