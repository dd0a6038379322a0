"""The ports of the reconciliation: sides that hold entities, and comparisons of two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from banyan.errors import BanyanError
from banyan.reconciliation.report import Finding

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changes:
    """Entities that changed on a side.

    Parameters
    ----------
    ids : tuple[str, ...]
        Empty when there are no more.
    receipt : object
        What the feed needs to forget them; nobody else looks into it.
    """

    ids: tuple[str, ...]
    receipt: object = None


class Feed(Protocol):
    """Tells which entities changed. It may name one too often, never one too few."""

    def changed(self, before: datetime, limit: int) -> Changes:
        """Up to ``limit`` entities that changed until ``before`` and were not yet seen."""

    def seen(self, changes: Changes) -> None:
        """Forget these changes; an entity that changed again since ``changed`` stays."""

    def rewind(self) -> None:
        """Begin anew: name every entity there is, as far as this feed can list them."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Some entities of a side.

    Parameters
    ----------
    ids : tuple[str, ...]
    position : str, optional
        Where the next listing goes on; ``None`` at the end.
    """

    ids: tuple[str, ...]
    position: str | None = None


class Side(Protocol):
    """One side of a comparison.

    Parameters
    ----------
    name : str
        Names its digest tree; two sides with the same name are the same.
    """

    name: str

    @property
    def feed(self) -> Feed:
        """Tells which of its entities changed."""

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """Content of entities, strongly consistent; one that does not exist is left out."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a close look at one entity said.

    Parameters
    ----------
    finding : Finding, optional
        What differs; ``None`` when both sides are equal as far as they go.
    moving : bool
        One side is on its way: say nothing yet.
    evidence : str
        A difference counts only when it still has the same evidence after the pauses.
    since : datetime, optional
        When the oldest change was made that is still on its way.
    """

    finding: Finding | None = None
    moving: bool = False
    evidence: str = ""
    since: datetime | None = None


class NotRepairable(BanyanError):
    """This difference has to be looked at by a person."""


class Comparison(Protocol):
    """Two sides that should hold the same.

    Parameters
    ----------
    name : str
        Names its section of the report.
    """

    name: str

    @property
    def expected(self) -> Side:
        """The side that is believed."""

    @property
    def actual(self) -> Side:
        """The side that is checked, and repaired."""

    def judge(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        """Look closely, with fresh reads, at entities whose digests differ."""

    def repair(self, finding: Finding) -> str:
        """Put the derived side right, and say what was done. Raises ``NotRepairable``."""
