"""The few figures that a newcomer asks for, as sentences of the readme."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill

from bench import cold_load, fold
from bench.contestants import CASTORE
from bench.results import Chapter, number

WIDTH = 120
Values = Mapping[tuple[str, str], float]


def brief(chapters: Sequence[Chapter]) -> str:
    """What an append and a load cost, and how folds compare with the fastest peer's, lost comparisons included."""
    values = {(each.what, each.who): each.value for chapter in chapters for each in chapter.figures}
    return fill(" ".join([*_append(values), *_load(values), *_folds(values)]), WIDTH, break_on_hyphens=False)


def _append(values: Values) -> Iterator[str]:
    requests, units = (values[f"append of 5: {kind}", "Banyan"] for kind in ("requests", "write units"))
    theirs = values.get(("append of 5: write units", CASTORE.name))
    beside = f" ({CASTORE.name}: {number(theirs)})" if theirs else ""
    yield f"An append of 5 events takes {number(requests)} request and {number(units)} write units{beside}."


def _load(values: Values) -> Iterator[str]:
    longest = f"load of {cold_load.LENGTHS[-1]:,} events and {cold_load.USUAL_TAIL} after the snapshot"
    requests, units = (values[f"{longest}: {kind}", ""] for kind in ("requests", "read units"))
    yield (
        f"A first load of {cold_load.LENGTHS[-1]:,} events, {cold_load.USUAL_TAIL} commits after the snapshot, takes "
        f"{number(requests)} request and {number(units)} read units."
    )


def _folds(values: Values) -> Iterator[str]:
    """Without a snapshot, where the peer took part."""
    whats = {size: (fold.against(size, CASTORE.name), "") for size in fold.COMMITS}
    speeds = {size: values[what] for size, what in whats.items() if what in values}
    if speeds:
        parts = [f"{number(speed)} times (commits of {size})" for size, speed in speeds.items()]
        yield f"Folds without a snapshot, against {CASTORE.name}'s speed: {', '.join(parts)}."
    if slower := [str(size) for size, speed in speeds.items() if speed < 1]:
        yield f"{CASTORE.name} is faster in commits of {' and '.join(slower)}."
