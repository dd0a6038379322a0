"""One stream in every projection: what is kept of it, beside what its events say, judged as the reconciliation does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Literal

from banyan.confirm import LOOKS, confirm
from banyan.domain import Domain
from banyan.errors import StreamCorrupted
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.state import ProjectionState, ProjectionStates
from banyan.projections.views import FailureRecord
from banyan.reconciliation.feeds import Clock
from banyan.reconciliation.kept import KeptRows
from banyan.reconciliation.plan import OUTDATED, fence_of
from banyan.reconciliation.rows import Histories, Sources, StateComparison
from banyan.reconciliation.sides import Content, Verdict
from banyan.store import Commit
from banyan.streams import StreamId

PAUSE_SECONDS: Final = 0.2
"""Between two looks at a difference: what is written in several transactions may show in part."""

ROWS: Final = "(rows)"
SHARED: Final = "its rows belong to many streams: only a reconciliation compares them"
DAMAGED: Final = "the stream is damaged: verify it, and restore it first"
ON_ITS_WAY: Final = "an event is on its way"
STALE: Final = "stale_row"
"""Of what was right as far as it goes."""

Kind = Literal["row", "rows", "view"]


@dataclass(frozen=True, slots=True)
class ProjectedStream:
    """What a projection keeps of a stream.

    Parameters
    ----------
    version : int
        Of the last event that it has applied, 0 for none.
    equal : bool, optional
        Whether it is what the events say; ``None`` where that is not to be said now, of which ``detail`` is the reason.
    fields : tuple[str, ...]
        What differs in the row.
    held, fold : Content, optional
        What is kept, and what the events up to the same version say: fields, and of rows what the stream carries.
    rows : Mapping[str, tuple[Any, Any]]
        The same of each row, by its sort.
    """

    projection: str
    kind: Kind
    generation: int
    version: int
    equal: bool | None = None
    detail: str = ""
    fields: tuple[str, ...] = ()
    held: Content | None = None
    fold: Content | None = None
    rows: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    parked: FailureRecord | None = None


class StreamLook:
    """Looks at one stream in the generations that are live now.

    Parameters
    ----------
    window : timedelta
        How long an event may be on its way.
    sleep : Callable[[float], None]
        Seconds.
    """

    def __init__(
        self,
        sources: Sources,
        domain: Domain,
        projection_states: ProjectionStates,
        window: timedelta,
        sleep: Callable[[float], None],
    ) -> None:
        self._sources = sources
        self._domain = domain
        self._states = projection_states
        self._window = window
        self._pause = partial(sleep, PAUSE_SECONDS)

    def at(self, stream: StreamId, name: str | None = None) -> Iterator[ProjectedStream]:
        """What each projection of its entity keeps, or the one that is named.

        Raises
        ------
        StoreUnavailable
        """
        reading = [p for p in self._domain.projections if stream.entity in p.entities and name in (None, p.name)]
        states, histories = self._states.get([each.name for each in reading]), Histories(self._sources.store)
        for projection in reading:
            yield self._look(projection, states[projection.name], stream, histories)

    def _look(
        self, projection: Projection, state: ProjectionState, stream: StreamId, histories: Histories
    ) -> ProjectedStream:
        views, generation = self._sources.views, state.generation()
        parked = views.failure(generation, stream)
        if isinstance(projection, ViewProjection):
            version = views.checkpoints(generation, [stream]).get(stream, 0)
            return ProjectedStream(projection.name, "view", state.live, version, detail=SHARED, parked=parked)
        fence = fence_of(state, self._sources.clock, self._window)
        comparison = StateComparison(projection, generation, self._sources, histories, fence)
        found = replace(self._compared(comparison, stream, histories, fence), generation=state.live, parked=parked)
        if state.outdated(projection.version):
            return replace(found, equal=None, detail=OUTDATED.format(projection.version), fields=())
        return found

    def _compared(
        self, comparison: StateComparison, stream: StreamId, histories: Histories, fence: Clock
    ) -> ProjectedStream:
        row, verdict, settled = self._judged(comparison, str(stream), fence)
        commits, version = _commits(histories, stream), row.version if row else 0
        held = comparison.actual.content(row) if row else None
        as_folded = held is not None and commits and (verdict.finding is None or verdict.finding.kind == STALE)
        fold = held if as_folded else comparison.expected.fold(_upto(commits, version))
        equal, detail = _said(verdict, settled) if commits is not None else (None, DAMAGED)
        fields = tuple(field.name for field in verdict.finding.fields) if equal is False and verdict.finding else ()
        kind: Kind = "rows" if isinstance(comparison.actual.kept, KeptRows) else "row"
        rows = _paired(held or {}, fold or {})
        own, expected = _own(held), _own(fold)
        return ProjectedStream(comparison.name, kind, 0, version, equal, detail, fields, own, expected, rows)

    def _judged(self, comparison: StateComparison, id: str, fence: Clock) -> tuple[Any, Verdict, bool]:
        """The row as it was looked at last, what that look said, and whether others before it said the same."""
        seen = list[tuple[Any, Verdict]]()

        def unequal(ids: Sequence[str]) -> Mapping[str, Verdict]:
            before, rows = fence(), comparison.actual.rows(ids)
            verdict = comparison.judge_row(id, id in rows, rows.get(id), before)
            seen.append((rows.get(id), verdict))
            return {id: verdict} if verdict.finding or verdict.moving else {}

        confirmed = confirm(unequal, [id], self._pause, lambda each: each.evidence if each.finding else None, LOOKS)
        row, verdict = seen[-1]
        return row, verdict, id in confirmed.standing


def _said(verdict: Verdict, settled: bool) -> tuple[bool | None, str]:
    """Whether a row is equal, and what differs, or why that is not to be said."""
    if verdict.finding and settled:
        return False, verdict.finding.detail
    return (None, ON_ITS_WAY) if verdict.finding or verdict.moving else (True, "")


def _commits(histories: Histories, stream: StreamId) -> Sequence[Commit] | None:
    """What was read of a stream last; ``None`` when it is damaged."""
    try:
        return histories.recent(stream)
    except StreamCorrupted:
        return None


def _upto(commits: Sequence[Commit] | None, version: int) -> Sequence[Commit] | None:
    """Commits up to a version, or all where none ends there."""
    applied = [commit for commit in commits or () if commit.last <= version]
    return applied if applied and applied[-1].last == version else commits


def _paired(held: Content, fold: Content) -> Mapping[str, tuple[Any, Any]]:
    """Both sides of each row."""
    one, other = held.get(ROWS, {}), fold.get(ROWS, {})
    return {sort: (one.get(sort), other.get(sort)) for sort in sorted(one.keys() | other.keys())}


def _own(content: Content | None) -> Content | None:
    """What there is of a stream besides its rows."""
    return content and {name: value for name, value in content.items() if name != ROWS}
