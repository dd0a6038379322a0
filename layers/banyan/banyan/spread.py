"""Doing the same to many things, in turn or several at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Spread(Protocol):
    """Calls a function with each thing, and returns what it gave, in the order of the things."""

    def __call__(self, act: Callable[[A], B], things: Iterable[A], /) -> list[B]: ...


def in_turn(act: Callable[[A], B], things: Iterable[A], /) -> list[B]:
    """One after the other, in this thread."""
    return [act(each) for each in things]


def in_threads(threads: int) -> Spread:
    """So many at a time. The first error is raised once all that was begun has ended; the rest is left undone."""
    if threads == 1:
        return in_turn

    def spread(act: Callable[[A], B], things: Iterable[A], /) -> list[B]:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(act, things))

    return spread
