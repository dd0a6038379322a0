"""Reads a CSV of readings: first how it is written, then line by line. No line stops another."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path

from telemetry.tools.importer.columns import Columns, columns
from telemetry.tools.importer.moments import DateOrder, Fold, TimeReader, date_order
from telemetry.tools.importer.numbers import ValueReader
from telemetry.tools.importer.rejections import LineRejected, Reason
from telemetry.tools.importer.sheet import opened

FIRST = 5
"""Numbers of rejected lines that are kept, of each reason."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is written, where it does not show it. `day_first`: `None` where it does."""

    time: str = ""
    value: str = ""
    zone: tzinfo = UTC
    fold: Fold = Fold.REJECT
    day_first: bool | None = None
    values: ValueReader = field(default_factory=ValueReader)


@dataclass(slots=True)
class Rejected:
    """How many lines have one fault, and the numbers of the first ones."""

    count: int = 0
    first: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """What became of the lines of a file that are not empty, but for readings."""

    lines: int = 0
    headers: int = 0
    missing: int = 0
    rejected: dict[Reason, Rejected] = field(default_factory=dict)

    def reject(self, line: int, reason: Reason) -> None:
        """Count a line."""
        rejected = self.rejected.setdefault(reason, Rejected())
        rejected.count += 1
        rejected.first.extend([line] * (len(rejected.first) < FIRST))

    def count(self, reason: Reason) -> int:
        """How many lines have a fault."""
        return self.rejected[reason].count if reason in self.rejected else 0


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written."""

    columns: Columns
    order: DateOrder | None


@dataclass(slots=True)
class File:
    """A file that was looked at, so that its lines can be read in one way."""

    path: Path
    options: Options
    form: Form
    tally: Tally = field(default_factory=Tally)

    @classmethod
    def looked_at(cls, path: Path, options: Options) -> "File":
        """Look at a whole file. Raises `UnusableFileError` when it cannot be read, or in more than one way."""
        with opened(path) as lines:
            found = columns(lines, options.time, options.value)
        if options.day_first is None:
            return cls(path, options, Form(found, date_order(_times(path, found))))
        return cls(path, options, Form(found, DateOrder.DAY if options.day_first else DateOrder.MONTH))

    def readings(self) -> Iterator[tuple[int, int, float]]:
        """Line, time in microseconds since 1970, and value of each reading; other lines are counted in `tally`."""
        times = TimeReader(self.form.order, self.options.zone, self.options.fold)
        with opened(self.path) as lines:
            for number, line in lines:
                self.tally.lines += 1
                try:
                    reading = self._reading(line, times)
                except LineRejected as error:
                    self.tally.reject(number, error.reason)
                    continue
                if reading:
                    yield number, *reading

    def _reading(self, line: str, times: TimeReader) -> tuple[int, float] | None:
        texts = self.form.columns.of(line)
        if texts is None:
            self.tally.headers += 1
            return None
        at, value = times.read(texts[0]), self.options.values.read(texts[1])
        if value is None:
            self.tally.missing += 1
            return None
        return at, value


def _times(path: Path, found: Columns) -> Iterator[str]:
    with opened(path) as lines:
        for _, line in lines:
            try:
                texts = found.of(line)
            except LineRejected:
                continue
            if texts:
                yield texts[0]
