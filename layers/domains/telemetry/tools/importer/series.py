"""A series in the order of its times, whatever order its file has: kept on disk, so that memory stays small."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import fsum
from typing import Final

MOST_AT_ONE_TIME: Final = 1_000
SECOND: Final = 1_000_000
INTERVALS: Final = 2
"""A gap between two readings is longer than so many expected intervals, as in the API."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A reading, and the sequence that identifies it: made of its time and its place among those of the same time."""

    at: int
    value: float
    sequence: int


@dataclass(frozen=True, slots=True)
class BatchWindow:
    """What a batch computation says of one window: its start in microseconds since 1970, its values in order."""

    start: int
    values: Sequence[float]

    @property
    def count(self) -> int:
        """How many readings there are."""
        return len(self.values)

    @property
    def sum(self) -> float | None:
        """The exact sum, rounded once; `None` when it is beyond the largest float."""
        try:
            return fsum(self.values)
        except OverflowError:
            return _float(self._exact)

    @property
    def mean(self) -> float | None:
        """The sum by the count."""
        total = self.sum
        return _float(self._exact / self.count) if total is None else total / self.count

    @property
    def _exact(self) -> Fraction:
        return sum(map(Fraction, self.values), Fraction())

    @property
    def min(self) -> float:
        """The lowest value."""
        return min(self.values)

    @property
    def max(self) -> float:
        """The highest value."""
        return max(self.values)

    @property
    def first(self) -> float:
        """By time, then by sequence."""
        return self.values[0]

    @property
    def last(self) -> float:
        """By time, then by sequence."""
        return self.values[-1]

    def quantile(self, share: float) -> float:
        """The value at the place of a quantile from 0 to 1, rounded down."""
        return sorted(self.values)[int(share * (self.count - 1))]


def _float(exact: Fraction) -> float | None:
    try:
        return float(exact)
    except OverflowError:
        return None


class Series:
    """The readings of one file. Use it in the thread that made it, and close it."""

    def __init__(self, readings: Iterable[tuple[int, int, float]]) -> None:
        self._database = sqlite3.connect("")
        self._database.execute("CREATE TABLE reading (line INTEGER PRIMARY KEY, at INTEGER, value REAL)")
        self._database.executemany("INSERT INTO reading VALUES (?, ?, ?)", readings)
        self._database.execute(
            "CREATE TABLE numbered AS SELECT *, row_number() OVER (PARTITION BY at ORDER BY value) - 1 AS k"
            " FROM reading ORDER BY at, value"
        )
        self._database.execute("DROP TABLE reading")
        self._database.execute(
            "CREATE TABLE step AS SELECT at - before AS length, count(*) AS times"
            " FROM (SELECT at, lag(at) OVER (ORDER BY at) AS before FROM (SELECT DISTINCT at FROM numbered))"
            " WHERE before IS NOT NULL GROUP BY 1 ORDER BY 1"
        )

    def close(self) -> None:
        """Remove it from the disk."""
        self._database.close()

    def crowded(self) -> Iterator[int]:
        """Lines that are left out, as their time is that of a thousand others."""
        for (line,) in self._database.execute(
            "SELECT line FROM numbered WHERE k >= ? ORDER BY line", (MOST_AT_ONE_TIME,)
        ):
            yield line

    def __len__(self) -> int:
        return int(
            self._database.execute("SELECT count(*) FROM numbered WHERE k < ?", (MOST_AT_ONE_TIME,)).fetchone()[0]
        )

    def __iter__(self) -> Iterator[Numbered]:
        rows = self._database.execute(
            "SELECT at, value, k FROM numbered WHERE k < ? ORDER BY rowid", (MOST_AT_ONE_TIME,)
        )
        return (Numbered(at, value, at * MOST_AT_ONE_TIME + k) for at, value, k in rows)

    def count_of(self, sequences: Iterable[int]) -> int:
        """How many of its readings have one of some sequences."""
        self._database.execute("CREATE INDEX IF NOT EXISTS place ON numbered (at, k)")
        query = "SELECT count(*) FROM numbered WHERE at = ? AND k = ?"
        places = (divmod(sequence, MOST_AT_ONE_TIME) for sequence in sequences)
        return sum(int(self._database.execute(query, place).fetchone()[0]) for place in places)

    def span(self) -> tuple[int, int]:
        """The first and the last time."""
        first, last = self._database.execute("SELECT min(at), max(at) FROM numbered").fetchone()
        return first, last

    def interval(self) -> int | None:
        """The median difference of two times that follow each other, in microseconds; `None` of a single time."""
        found = self._database.execute(
            "SELECT length FROM (SELECT length, sum(times) OVER (ORDER BY length) AS upto FROM step)"
            " WHERE upto * 2 >= (SELECT sum(times) FROM step) LIMIT 1"
        ).fetchone()
        return int(found[0]) if found else None

    def gaps(self, interval: int) -> tuple[int, int]:
        """How many pairs of times are further apart than two intervals, and how far at most."""
        query = "SELECT coalesce(sum(times), 0), coalesce(max(length), 0) FROM step WHERE length > ?"
        count, longest = self._database.execute(query, (interval * INTERVALS,)).fetchone()
        return count, longest

    def counts(self, size: int) -> dict[int, int]:
        """How many readings each window of a size has, by its start."""
        query = "SELECT at - at % ? AS start, count(*) FROM numbered WHERE k < ? GROUP BY start ORDER BY start"
        return dict(self._database.execute(query, (size, MOST_AT_ONE_TIME)))

    def windows(self, size: int) -> Iterator[BatchWindow]:
        """The windows of a size in microseconds, as a batch computation has them."""
        for start, found in groupby(self, key=lambda reading: reading.at - reading.at % size):
            yield BatchWindow(start, [reading.value for reading in found])
