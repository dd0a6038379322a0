"""A month of a device over memory: readings recorded as they come, projected as they are delivered, and its windows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from tests.support.clocks import ManualClock
from tests.support.owned import SweptViews

from banyan.events import EventRegistry
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.projections.views import Views
from banyan.queries import Queries
from banyan.store import Commit, CommitTable, EventStore
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from telemetry.names import micros
from telemetry.projections.series import SIZES, SeriesRow, SeriesState, series_projection, start_of
from telemetry.series.events import EVENTS, Reading, ReadingsRecorded
from telemetry.settings import TelemetrySettings
from telemetry.windows.sketch import places
from telemetry.windows.window import Moment, Window, window_of

MARCH = micros(datetime(2026, 3, 1, tzinfo=UTC))
SECOND = 1_000_000
STREAM = StreamId("acme", "device", "boiler.2026-03")

Windows = Mapping[tuple[str, int], Window]


class MonthOfReadings:
    """Readings of one month, its commits, and a projector of its own."""

    def __init__(
        self, settings: TelemetrySettings | None = None, views: Views | None = None, table: CommitTable | None = None
    ) -> None:
        self.clock = ManualClock()
        self.store = EventStore(table or MemoryTable(), EventRegistry(list(EVENTS)), self.clock)
        self.views = views or SweptViews()
        self.projection = series_projection(settings or TelemetrySettings())
        self.recorded: list[Reading] = []
        self.commits: list[Commit] = []

    def processor(self) -> ProjectionProcessor:
        """A new one, as in another container."""
        return ProjectionProcessor(
            self.store, self.views, [self.projection], retry_policy=RetryPolicy(clock=self.clock)
        )

    def record(self, *readings: Reading) -> Commit:
        """One commit."""
        head = self.store.head(STREAM)
        self.store.append(STREAM, head, [ReadingsRecorded.of(readings)], commit_id=f"c-{head.version}")
        self.recorded += readings
        self.commits.append(list(self.store.commits(STREAM, head.version))[-1])
        return self.commits[-1]

    def deliver(self, *batches: Sequence[Commit]) -> None:
        """Project some batches."""
        processor = self.processor()
        for batch in batches:
            assert not processor.project(batch)

    @property
    def queries(self) -> Queries:
        return Queries(self.store, self.views, wait_ms=0, clock=self.clock)

    def rows(self) -> Mapping[str, SeriesRow]:
        """All rows, as the table has them."""
        found = self.queries.owned(self.projection, STREAM, fold=False)
        return dict(found.value) if found else {}

    def state(self) -> SeriesState:
        """What the month carries."""
        found = self.queries.stored(self.projection, STREAM)
        assert found
        return found.value

    def windows(self) -> Windows:
        """Its windows by size and start."""
        return {(sort.split("#")[0], start_of(sort)): row.kept.window for sort, row in self.rows().items() if row.kept}

    def expected(self, only: Callable[[str, int], bool] = lambda size, start: True) -> Windows:  # noqa: ARG005
        """What all readings at once come to."""
        groups: dict[tuple[str, int], list[Moment]] = defaultdict(list)
        for reading in self.recorded:
            for size, length in SIZES.items():
                if not reading.late:
                    groups[size, reading.at - reading.at % length].append((reading.at, reading.sequence, reading.value))
        return {
            key: window_of(sorted(moments), places([value for _, _, value in sorted(moments)]))
            for key, moments in groups.items()
            if only(*key)
        }


def reading(second: float, value: float, *, late: bool = False) -> Reading:
    """A reading some seconds after March began."""
    at = MARCH + round(second * SECOND)
    return Reading(at, at, value, late)
