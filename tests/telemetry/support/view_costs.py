"""Counts what views cost for a thousand readings, for the page about telemetry.

``python -m tests.telemetry.support.view_costs`` writes the table. Units follow from items and requests by DynamoDB's
published rules (``CostingViews``). Each commit is projected by itself: commits that come in one batch cost less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from tests.telemetry.support.months import MonthOfReadings, reading

from banyan.projections.rebuild.preview import CostingViews
from banyan_tools.project import ROOT
from telemetry.settings import TelemetrySettings

PAGE: Final = ROOT / "docs" / "telemetry.md"
BEGIN: Final = "<!-- counted: `python -m tests.telemetry.support.view_costs` writes what follows -->"
END: Final = "<!-- counted -->"
HEADER: Final = (
    "| a reading every | readings of a commit | write units, from minutes | from hours | days alone | read units |\n"
    "|---|---|---|---|---|---|"
)
READINGS: Final = 3_000
AT: Final = 36_000
"""Seconds of the month at which the count begins: within a day."""

Sizes = Literal["1m", "1h", "1d"]


@dataclass(frozen=True)
class ViewCost:
    """Units for a thousand readings, by how often they come and how many are in a commit."""

    every: str
    batch: int
    write_units: tuple[float, ...]
    read_units: float

    @property
    def row(self) -> str:
        """As a row of the table."""
        counted = " | ".join(f"{round(units):,}" for units in (*self.write_units, self.read_units))
        return f"| {self.every} | {self.batch:,} | {counted} |"


def units(interval: int, batch: int, smallest: Sizes) -> tuple[float, float]:
    """Write and read units for a thousand readings of a sensor with some noise, after it has run for a while."""
    views, random = CostingViews(), Random(1)
    month = MonthOfReadings(TelemetrySettings(smallest_window=smallest), views)
    before = [reading(second, round(random.gauss(20, 3), 2)) for second in range(0, AT, max(interval, 10))]
    month.deliver([month.record(*before)])
    views.write_units = views.read_units = 0.0
    for place in range(0, READINGS, batch):
        part = [
            reading(AT + number * interval, round(random.gauss(20, 3), 2)) for number in range(place, place + batch)
        ]
        month.deliver([month.record(*part)])
    return views.write_units / READINGS * 1000, views.read_units / READINGS * 1000


def counted(only: int | None = None) -> Iterator[ViewCost]:
    """All rows of the table, or those of one size of commits."""
    cases: Sequence[tuple[str, int, Sequence[int]]] = (
        ("second", 1, (1, 10, 100, 1000)),
        ("5 minutes", 300, (1, 12, 100, 1000)),
    )
    for every, interval, batches in cases:
        for batch in batches if only is None else [only]:
            found = [units(interval, batch, size) for size in ("1m", "1h", "1d")]
            yield ViewCost(every, batch, tuple(write for write, _ in found), found[0][1])


def main() -> None:
    """Count, and write the table into the page."""
    found = "\n".join([HEADER, *(cost.row for cost in counted())])
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{found}\n\n{END}{rest.partition(END)[2]}")
    print(found)


if __name__ == "__main__":
    main()
