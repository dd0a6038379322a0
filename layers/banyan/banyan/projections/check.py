"""What read models should hold: folds over the event table, made in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from banyan.events import Event
from banyan.projections.base import AnyStreamProjection, Value, ViewProjection
from banyan.projections.memory import MemoryViews
from banyan.projections.rows import state_row
from banyan.projections.views import Generation, StateRow, ViewKey, ViewRow, ViewUpdate
from banyan.store import Commit
from banyan.store.reader import StreamReader, whole
from banyan.streams import BEGINNING_OF_TIME, StreamId

_FOLD: Final = Generation("fold")


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what its events say.

    Parameters
    ----------
    row : str
        Tenant, partition and sort.
    fields : tuple[str, ...]
        Names of what differs; ``row`` when one side has none.
    """

    row: str
    fields: tuple[str, ...]


def fold_state(projection: AnyStreamProjection, events: Iterable[Event]) -> Any:
    """The state a stream's events add up to."""
    return reduce(projection.evolve, events, projection.initial())


def fold_row(
    projection: AnyStreamProjection, store: StreamReader, stream: StreamId, upto: int | None = None
) -> StateRow | None:
    """The row a stream should have, by its events up to a version.

    Raises
    ------
    StreamCorrupted, EventError, StoreUnavailable
    """
    return fold_commits(projection, store, _upto(store.commits(stream), upto))


def fold_commits(projection: AnyStreamProjection, store: StreamReader, commits: Sequence[Commit]) -> StateRow | None:
    """The row that holds these commits of a stream, from its first one on.

    Raises
    ------
    StreamCorrupted, EventError
    """
    if not commits:
        return None
    state = fold_state(projection, (event for commit in commits for event in store.decode(commit)))
    return state_row(projection, commits[-1], state, BEGINNING_OF_TIME)


class ViewFold:
    """The rows of a ``ViewProjection`` by the events of many streams."""

    def __init__(self, projection: ViewProjection, store: StreamReader) -> None:
        self._projection = projection
        self._store = store
        self._views = MemoryViews()

    def apply(self, stream: StreamId, upto: int | None = None) -> None:
        """Apply a stream, once, up to a version such as its checkpoint.

        Raises
        ------
        StreamCorrupted, EventError, StoreUnavailable
        """
        commits = _upto(self._store.commits(stream), upto)
        if commits:
            writes = [self._writes(parts) for parts in whole(commits)]
            move = ViewUpdate(stream, 0, commits[-1].last, commits[-1].recorded_at, writes)
            self._views.update(_FOLD, [move], BEGINNING_OF_TIME)

    def rows(self) -> Mapping[ViewKey, ViewRow]:
        """All rows; their ``projected_at`` means nothing."""
        return self._views.all_rows(_FOLD)

    def _writes(self, parts: Sequence[Commit]) -> list[Any]:
        return [
            write for part in parts for event in self._store.decode(part) for write in self._projection.apply(event)
        ]


def compare_rows(expected: Mapping[ViewKey, ViewRow], actual: Mapping[ViewKey, ViewRow]) -> list[Difference]:
    """How view rows differ, in their fields and in the number of commits that wrote them."""
    differences = []
    for key in sorted(expected.keys() | actual.keys(), key=str):
        fields = _differing(_content(expected.get(key)), _content(actual.get(key)))
        if fields:
            differences.append(Difference(f"{key.tenant}#{key.partition}#{key.sort}", tuple(fields)))
    return differences


def _upto(commits: Iterable[Commit], version: int | None) -> list[Commit]:
    return [commit for commit in commits if version is None or commit.last <= version]


def _content(row: ViewRow | None) -> Mapping[str, Value] | None:
    return {"(commits)": row.version, **row.fields} if row else None


def _differing(expected: Mapping[str, Any] | None, actual: Mapping[str, Any] | None) -> list[str]:
    if expected is None or actual is None:
        return [] if expected is actual else ["row"]
    return sorted(n for n in expected.keys() | actual.keys() if expected.get(n) != actual.get(n))
