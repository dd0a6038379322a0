"""Looking again before accusing: what is only on its way settles between two looks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

LOOKS: Final = 3
"""Looks in a row that must see the same."""
MAX_LOOKS: Final = 5

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Confirmed(Generic[K, V]):
    """What several looks came to.

    Parameters
    ----------
    standing : Mapping[K, V]
        Differences that the last ``LOOKS`` looks saw with the same evidence, in the order of their keys.
    moving : Mapping[K, V]
        What was seen last of the others, which did not settle either.
    """

    standing: Mapping[K, V]
    moving: Mapping[K, V]


def confirm(
    look: Callable[[Sequence[K]], Mapping[K, V]],
    keys: Sequence[K],
    pause: Callable[[], None],
    evidence: Callable[[V], Any] = lambda seen: seen,
    most: int = MAX_LOOKS,
) -> Confirmed[K, V]:
    """Look at entities, and again after each pause at those that are not equal, until they are settled or steady.

    Parameters
    ----------
    look : Callable[[Sequence[K]], Mapping[K, V]]
        What it sees of those entities that are not equal.
    evidence : Callable[[V], Any]
        By which two looks saw the same; ``None`` where an entity is on its way and nothing can be said of it.
    most : int
        Looks.
    """
    seen = look(keys)
    streaks = {key: int(evidence(each) is not None) for key, each in seen.items()}
    for _ in range(most - 1):
        if all(streak >= LOOKS for streak in streaks.values()):
            break
        pause()
        again = look(list(seen))
        streaks = {key: _streak(streaks[key], evidence(seen[key]), evidence(each)) for key, each in again.items()}
        seen = again
    steady = sorted((key for key, streak in streaks.items() if streak >= LOOKS), key=str)
    return Confirmed(
        {key: seen[key] for key in steady}, {key: each for key, each in seen.items() if streaks[key] < LOOKS}
    )


def _streak(streak: int, before: Any, now: Any) -> int:
    """How many looks in a row saw this."""
    if now is None:
        return 0
    return streak + 1 if now == before else 1
