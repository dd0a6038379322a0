"""Looking again before speaking: what is merely on its way settles between two looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from banyan.reconciliation.report import Finding
from banyan.reconciliation.sides import Verdict

LOOKS: Final = 3
"""Looks in a row that must see the same difference."""
MAX_LOOKS: Final = 5

Judge = Callable[[Sequence[str]], Mapping[str, Verdict]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What several looks at some entities came to.

    Parameters
    ----------
    standing : tuple[Finding, ...]
        Differences that the last ``LOOKS`` looks saw with the same evidence.
    moving : Mapping[str, datetime | None]
        Entities still on their way, and since when their oldest change is.
    """

    standing: tuple[Finding, ...]
    moving: Mapping[str, datetime | None]


def look(judge: Judge, ids: Sequence[str], pause: Callable[[], None]) -> Judgement:
    """Judge entities, and those that are not equal again after each pause, until they are settled or look steady."""
    last = _unequal(judge(ids))
    seen = {id: int(verdict.finding is not None) for id, verdict in last.items()}
    for _ in range(MAX_LOOKS - 1):
        if all(seen[id] >= LOOKS for id in last):
            break
        pause()
        again = _unequal(judge(sorted(last)))
        seen = {id: _streak(seen[id], last[id], verdict) for id, verdict in again.items()}
        last = again
    steady = sorted(id for id in last if seen[id] >= LOOKS)
    standing = tuple(finding for id in steady if (finding := last[id].finding))
    return Judgement(standing, {id: verdict.since for id, verdict in last.items() if id not in steady})


def _streak(seen: int, before: Verdict, now: Verdict) -> int:
    """How many looks in a row saw this difference."""
    if now.finding is None:
        return 0
    return seen + 1 if now.evidence == before.evidence else 1


def _unequal(verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
    return {id: verdict for id, verdict in verdicts.items() if _open(verdict)}


def _open(verdict: Verdict) -> bool:
    return verdict.finding is not None or verdict.moving
