"""The steps of an import: register, send, wait until the windows show it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from banyan_tools.importing import ApiError
from telemetry.tools.importer.api import Device, RecordedReadings, TelemetryApi
from telemetry.tools.importer.reading import File
from telemetry.tools.importer.rejections import UnusableFileError
from telemetry.tools.importer.report import Outcome, ReadingsReport, readings_report
from telemetry.tools.importer.sending import Pace, Way, send_series
from telemetry.tools.importer.series import SECOND, Series
from telemetry.tools.importer.waiting import DAY, LAGGING, counts_by_day, wait_for, wait_still

_LONGEST = 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Registration:
    """What is said of a device that is new; an `interval` of 0 is the median of the file."""

    unit: str = ""
    interval: int = 0


@dataclass(slots=True)
class Import:
    """One series on its way to one device; it pauses between two looks at windows."""

    api: TelemetryApi
    device: str
    series: Series
    pause: Callable[[], None]
    began: float = field(default_factory=time.monotonic)
    known: Device | None = None
    registered: bool = False
    derived: bool = False
    before: dict[int, int] = field(default_factory=dict)
    late_before: int = 0
    late_after: int = 0
    answered: RecordedReadings | None = None
    not_shown: int = 0

    def register(self, registration: Registration) -> None:
        """Register the device, unless it is there: then it stays as it is.

        Raises
        ------
        ApiError
        UnusableFileError
            Nothing shows the interval of a device that is new.
        """
        self.known = self.api.device(self.device)
        if self.known:
            self.before = counts_by_day(self.api, self.device, self.series.span())
            self.late_before = self.late_after = self._late()
            return
        self.registered, self.derived = True, not registration.interval
        interval = registration.interval or self._median()
        self.known = self.api.register(self.device, registration.unit, interval)

    def _median(self) -> int:
        interval = self.series.interval()
        if interval is None:
            raise UnusableFileError(
                "It has readings of one time only, which shows no interval: say INTERVAL=, in seconds."
            )
        return min(_LONGEST, max(1, round(interval / SECOND)))

    def send(self, way: Way, pace: Pace, done: Callable[[int], None]) -> None:
        """Send all readings. Raises as `send_series`."""
        self.answered = send_series(way, self.series, pace, done)

    def wait(self, done: Callable[[int], None]) -> None:
        """Wait until the windows show all readings, or no more for a minute. Raises `ApiError`."""
        sent = self.answered
        refused = len(self.series) - sent.recorded - sent.repeated if sent else 0
        never = refused + sent.late if sent else 0

        def never_now() -> int:
            self.late_after = self._late()
            return refused + self.late_after

        self.not_shown = wait_for(self.api, self.device, self.series.counts(DAY), never, self.pause, done, never_now)
        if self.before and not self.not_shown:
            self._wait_for_more(sent)

    def _wait_for_more(self, sent: RecordedReadings | None) -> None:
        """Where windows had readings before, as many as the file has may be others."""
        enough = sum(self.before.values()) + sent.recorded - sent.late if sent else None
        found = wait_still(self._shown, enough, self.pause)
        self.not_shown = max(0, enough - found) if enough else 0

    def _late(self) -> int:
        """How many readings of the series are listed as late: no window shows them."""
        begin, end = self.series.span()
        try:
            return self.series.count_of(self.api.late(self.device, begin, end + 1))
        except ApiError as error:
            if error.code != LAGGING:
                raise
            return self.late_after

    def _shown(self) -> int:
        return sum(counts_by_day(self.api, self.device, self.series.span()).values())

    def report(self, source: File) -> ReadingsReport:
        """The figures. Without answers, as over Kinesis, the windows before and after show what was new."""
        assert self.known is not None
        sent = self.answered or self._from_windows()
        outcome = Outcome(
            self.known,
            self.registered,
            self.derived,
            sent,
            self.not_shown,
            time.monotonic() - self.began,
        )
        return readings_report(self.device, source, self.series, outcome)

    def _from_windows(self) -> RecordedReadings:
        late = self.late_after - self.late_before
        recorded = self._shown() - sum(self.before.values()) + late
        repeated = len(self.series) - recorded - self.not_shown
        return RecordedReadings(recorded=recorded, repeated=repeated, late=late)
