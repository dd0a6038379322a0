"""The figures of an import, as one model: printed as a table, or as JSON."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from telemetry.names import moment_of
from telemetry.tools.importer.api import Device, RecordedReadings, RefusedMonth
from telemetry.tools.importer.reading import File, Tally
from telemetry.tools.importer.series import SECOND, Series


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class RejectedLines(_Model):
    """How many lines have one fault, and the numbers of the first ones."""

    count: int
    first_lines: list[int]


class ReadingsReport(_Model):
    """Figures of the file and of the sending.

    `lines` that are not empty are the headers, the readings, the missing and the rejected together; `missing` ones
    have no value. The readings are those `recorded`, those `repeated`, those of `refused` months and those `not_shown`:
    by no window, in the end. `derived`: the interval is the median of the file. Columns are named as options name them.
    """

    device: str
    registered: bool
    unit: str
    interval_seconds: int
    derived: bool
    time_column: str
    value_column: str
    lines: int
    headers: int
    missing: int
    rejected: dict[str, RejectedLines]
    readings: int
    begin: datetime
    end: datetime
    gaps: int
    longest_gap_seconds: int
    recorded: int
    repeated: int
    late: int
    refused: list[RefusedMonth]
    not_shown: int
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Whether every line is a reading that is recorded, or one without a value."""
        return not (self.rejected or self.refused or self.not_shown)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a series. `registered`: by this import; `derived`: with the interval of the file."""

    device: Device
    registered: bool
    derived: bool
    sent: RecordedReadings
    not_shown: int
    seconds: float


def readings_report(device: str, source: File, series: Series, outcome: Outcome) -> ReadingsReport:
    """Add up what was read and what came of it."""
    columns, tally = source.form.columns, source.tally
    begin, end = series.span()
    gaps, longest = series.gaps(outcome.device.interval_seconds * SECOND)
    return ReadingsReport(
        device=device,
        registered=outcome.registered,
        unit=outcome.device.unit,
        interval_seconds=outcome.device.interval_seconds,
        derived=outcome.derived,
        time_column=columns.time_name,
        value_column=columns.value_name,
        lines=tally.lines,
        headers=tally.headers,
        missing=tally.missing,
        rejected=rejected_lines(tally),
        readings=len(series),
        begin=moment_of(begin),
        end=moment_of(end),
        gaps=gaps,
        longest_gap_seconds=longest // SECOND,
        recorded=outcome.sent.recorded,
        repeated=outcome.sent.repeated,
        late=outcome.sent.late,
        refused=outcome.sent.refused,
        not_shown=outcome.not_shown,
        seconds=round(outcome.seconds, 1),
    )


def rejected_lines(tally: Tally) -> dict[str, RejectedLines]:
    """Rejected lines by reason, most frequent first."""
    by_count = sorted(tally.rejected.items(), key=lambda item: -item[1].count)
    return {
        reason.value: RejectedLines(count=rejected.count, first_lines=rejected.first) for reason, rejected in by_count
    }
