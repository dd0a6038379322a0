"""What a reconciliation found, and where reports are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from banyan.events import CamelModel
from banyan.reconciliation.content import FieldDifference

MAX_FINDINGS: Final = 100


class Finding(CamelModel):
    """One difference that stayed.

    Parameters
    ----------
    where : str
        Stream, or tenant, partition and sort of a view row.
    kind : str
        What is wrong.
    version : int, optional
        First version concerned, in a stream.
    fields : tuple[FieldDifference, ...]
        The fields that differ, in a row.
    detail : str
        A sentence for a person.
    repair : str
        What was done about it, or why nothing was.
    """

    where: str
    kind: str
    version: int | None = None
    fields: tuple[FieldDifference, ...] = ()
    detail: str = ""
    repair: str = ""


class Section(CamelModel):
    """One comparison.

    Parameters
    ----------
    name : str
        ``streams``, or the name of a comparison.
    compared : int
        Entities whose digests were compared; of ``streams`` all there are.
    in_flight : int
        Entities that were on their way and not judged.
    moving : tuple[str, ...]
        The first ``MAX_FINDINGS`` of them.
    expected, actual : str
        Roots of both digest trees, 64 hexadecimal digits; they are equal when nothing differs or moves.
    rows_read, nodes_read : int
        Entities read from the sides, and nodes read of the digest trees.
    findings : tuple[Finding, ...]
        The first ``MAX_FINDINGS`` of them.
    repaired : int
        Differences that were put right.
    note : str
        Why nothing was compared, if so.
    """

    name: str
    compared: int = 0
    in_flight: int = 0
    moving: tuple[str, ...] = ()
    expected: str = ""
    actual: str = ""
    rows_read: int = 0
    nodes_read: int = 0
    differences: int = 0
    findings: tuple[Finding, ...] = ()
    repaired: int = 0
    note: str = ""


class Report(CamelModel):
    """A whole run.

    Parameters
    ----------
    verified_through : datetime, optional
        Everything recorded until then compared equal or is reported; ``None`` when nothing can be said.
    full : bool
        Everything was read again, not only what changed.
    repair : bool
        What can be put right was.
    segments : int
        Invocations it took.
    drift_percent, tolerance_percent : float
        Share of compared entities that differ, and what is tolerated.
    """

    started_at: datetime
    finished_at: datetime
    verified_through: datetime | None = None
    full: bool = False
    repair: bool = False
    segments: int = 1
    sections: tuple[Section, ...]
    drift_percent: float
    tolerance_percent: float

    @property
    def compared(self) -> int:
        """All entities of the run."""
        return sum(section.compared for section in self.sections)

    @property
    def rows_read(self) -> int:
        """All entities that were read from the sides."""
        return sum(section.rows_read for section in self.sections)

    @property
    def differences(self) -> int:
        """All differences of the run."""
        return sum(section.differences for section in self.sections)

    @property
    def repaired(self) -> int:
        """All differences that were put right."""
        return sum(section.repaired for section in self.sections)

    @property
    def drifted(self) -> bool:
        """Whether the run found more than is tolerated."""
        return self.drift_percent > self.tolerance_percent


class Reports(Protocol):
    """Where reports are kept."""

    def put(self, report: Report) -> None:
        """Keep a report, in the place of one that began at the same moment."""

    def latest(self, limit: int = 10) -> Sequence[Report]:
        """Reports, newest first."""

    def find(self, started_at: datetime) -> Report | None:
        """The report of the run that began at a moment."""


class MemoryReports:
    """Keeps reports in a dictionary."""

    def __init__(self) -> None:
        self._reports: dict[datetime, Report] = {}

    def put(self, report: Report) -> None:
        self._reports[report.started_at] = report

    def latest(self, limit: int = 10) -> Sequence[Report]:
        return [self._reports[moment] for moment in sorted(self._reports, reverse=True)][:limit]

    def find(self, started_at: datetime) -> Report | None:
        return self._reports.get(started_at)
