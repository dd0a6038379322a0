"""The ways in which a stream of commits may be delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, TypeVar

T = TypeVar("T")

SHUFFLES: Final = 5


def deliveries(commits: Sequence[T]) -> Iterator[tuple[str, Sequence[Sequence[T]]]]:
    """Name each way and give its batches; every stream's last commit arrives in each of them.

    Parameters
    ----------
    commits : Sequence
        In the order of recording.
    """
    one_by_one = [[commit] for commit in commits]
    yield "in one batch", [commits]
    yield "one by one", one_by_one
    yield "twice", [commits, commits]
    yield "backwards", one_by_one[::-1]
    for seed in range(SHUFFLES):
        yield f"shuffled with duplicates ({seed})", _shuffled(commits, Random(seed))


def _shuffled(commits: Sequence[T], random: Random) -> list[list[T]]:
    dealt = [*commits, *random.choices(commits, k=len(commits))] if commits else []
    random.shuffle(dealt)
    size = random.randint(1, 4)
    return [dealt[start : start + size] for start in range(0, len(dealt), size)]
