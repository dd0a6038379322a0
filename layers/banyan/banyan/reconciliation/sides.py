"""The ports of the reconciliation, and the comparison of two sides that know nothing of each other's versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from banyan.errors import BanyanError
from banyan.reconciliation.content import checksum, differing
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
        What the feed needs to forget them; nothing else looks into it.
    """

    ids: tuple[str, ...]
    receipt: object = None


class Feed(Protocol):
    """Says which entities changed. It may name one too often, never one too few."""

    def changed(self, before: datetime, limit: int) -> Changes:
        """Up to ``limit`` entities that changed until ``before`` and were not yet seen."""

    def seen(self, changes: Changes) -> None:
        """Forget these changes; an entity that changed again since ``changed`` stays."""

    def rewind(self) -> None:
        """Start again: name every entity there is, as far as this feed can list them."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Some entities of a side.

    Parameters
    ----------
    position : str, optional
        Where the next listing continues; ``None`` at the end.
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
        """Says which of its entities changed."""

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


Repair = Callable[[Finding], str]


def by_hand(finding: Finding) -> str:
    """The repair of what has none. Raises ``NotRepairable``."""
    raise NotRepairable(f"{finding.where} has to be put right by hand")


class ContentComparison:
    """Two sides of which each has its own pace: a difference counts when neither changed during the pauses.

    Parameters
    ----------
    repair : Callable[[Finding], str], optional
        Puts an entity right, says what it did, raises ``NotRepairable``.
    """

    def __init__(self, name: str, expected: Side, actual: Side, repair: Repair = by_hand) -> None:
        self.name = name
        self.expected = expected
        self.actual = actual
        self.repair = repair

    def judge(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        actual, expected = self.actual.read(ids), self.expected.read(ids)
        return {id: judged(id, expected.get(id), actual.get(id)) for id in ids}


def judged(where: str, expected: Content | None, actual: Content | None) -> Verdict:
    """The verdict on two contents that should be equal; their content is its evidence."""
    finding = difference(where, expected, actual)
    evidence = "/".join(checksum(content) if content is not None else "" for content in (expected, actual))
    return Verdict(finding, evidence=evidence if finding else "")


def difference(where: str, expected: Content | None, actual: Content | None) -> Finding | None:
    """How two contents differ, down to the field."""
    if expected is None and actual is None:
        return None
    if actual is None:
        return Finding(where=where, kind="missing_row", detail="there is no row")
    if expected is None:
        return Finding(where=where, kind="extra_row", detail="nothing says that there is such a row")
    fields = differing(expected, actual)
    return Finding(where=where, kind="different_row", fields=fields) if fields else None
