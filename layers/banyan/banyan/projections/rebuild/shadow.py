"""Comparing the rows of a new generation with those of the one it is to replace."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import orjson

from banyan.projections.check import Difference
from banyan.projections.rebuild.base import GenerationRows
from banyan.projections.views import Generation, RowKey, StateRow, ViewRow, Views
from banyan.streams import StreamId

LOOKS: Final = 3

K = TypeVar("K", bound=Hashable)
Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """The content of one row in both generations; ``None`` where there is none."""

    old: Content | None
    new: Content | None

    @property
    def equal(self) -> bool:
        """Whether the row is the same in both."""
        return self.old == self.new


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison of some rows found.

    Parameters
    ----------
    compared, in_flight : int
        Rows, and those that moved between the looks and were never seen equal.
    differences : tuple[Difference, ...]
        Rows that differ and stood still.
    """

    compared: int
    in_flight: int
    differences: tuple[Difference, ...]


class Judge:
    """Looks at rows until each is seen equal, or stands still and differs.

    The projector writes one generation after the other, so that rows on their way differ for a moment.

    Parameters
    ----------
    settle_seconds : float
        Pause before rows are looked at again.
    sleep : Callable[[float], None]
    """

    def __init__(self, settle_seconds: float, sleep: Callable[[float], None]) -> None:
        self._settle_seconds = settle_seconds
        self._sleep = sleep

    def compare(self, look: Callable[[Sequence[K]], Mapping[K, Pair]], keys: Sequence[K]) -> Verdict:
        """Compare rows, by reading both generations of them as often as it takes.

        Parameters
        ----------
        look : Callable[[Sequence[K]], Mapping[K, Pair]]
        keys : Sequence[K]
        """
        unequal = _unequal(look(keys))
        standing = set(unequal)
        for _ in range(LOOKS - 1):
            if not unequal:
                break
            self._sleep(self._settle_seconds)
            earlier, unequal = unequal, _unequal(look(list(unequal)))
            standing = {key for key in standing if unequal.get(key) == earlier[key]}
        differences = tuple(_difference(key, unequal[key]) for key in sorted(standing, key=str))
        return Verdict(len(keys), len(unequal) - len(differences), differences)


def state_pairs(views: Views, old: Generation, new: Generation, streams: Sequence[StreamId]) -> Mapping[StreamId, Pair]:
    """Rows of streams in two generations."""
    before, after = views.states(old, streams), views.states(new, streams)
    return {stream: Pair(_state(before.get(stream)), _state(after.get(stream))) for stream in streams}


def row_pairs(rows: GenerationRows, old: Generation, new: Generation, keys: Sequence[RowKey]) -> Mapping[RowKey, Pair]:
    """View rows in two generations."""
    before, after = rows.rows(old, keys), rows.rows(new, keys)
    return {key: Pair(_row(before.get(key)), _row(after.get(key))) for key in keys}


def _unequal(pairs: Mapping[K, Pair]) -> dict[K, Pair]:
    return {key: pair for key, pair in pairs.items() if not pair.equal}


def _difference(key: object, pair: Pair) -> Difference:
    name = f"{key.tenant}#{key.partition}#{key.sort}" if isinstance(key, RowKey) else str(key)
    if pair.old is None or pair.new is None:
        return Difference(name, ("row",))
    old, new = pair.old, pair.new
    return Difference(name, tuple(sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n))))


def _state(row: StateRow | None) -> Content | None:
    if row is None:
        return None
    state = orjson.loads(row.state)
    fields = state if isinstance(state, dict) else {"(state)": state}
    lookups = {f"(lookup {index})": place for index, place in row.lookups.items()}
    return {"(version)": row.version, "(recordedAt)": row.recorded_at, **lookups, **fields}


def _row(row: ViewRow | None) -> Content | None:
    return {"(commits)": row.version, **row.fields} if row else None
