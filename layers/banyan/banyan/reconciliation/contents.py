"""Compares two sides that know nothing of each other's versions, such as a legacy system and its read model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from banyan.reconciliation.checksum import checksum
from banyan.reconciliation.fields import differing
from banyan.reconciliation.report import Finding
from banyan.reconciliation.sides import Content, NotRepairable, Side, Verdict

Repair = Callable[[Finding], str]


def by_hand(finding: Finding) -> str:
    """The repair of what nobody taught to repair. Raises ``NotRepairable``."""
    raise NotRepairable(f"{finding.where} has to be put right by hand")


class ContentComparison:
    """Two sides of which each has its own pace: a difference counts when neither changed during the pauses.

    Parameters
    ----------
    name : str
    expected, actual : Side
    repair : Callable[[Finding], str], optional
        Puts an entity right, says what it did, raises ``NotRepairable``.
    """

    def __init__(self, name: str, expected: Side, actual: Side, repair: Repair = by_hand) -> None:
        self.name = name
        self.expected = expected
        self.actual = actual
        self.repair = repair

    def judge(self, ids: Sequence[str]) -> Mapping[str, Verdict]:
        """As in ``Comparison``."""
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
