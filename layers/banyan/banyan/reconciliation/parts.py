"""Puts a reconciliation together out of the parts of an application."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from banyan.domain import Domain
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.control import Control, Controls
from banyan.projections.upkeep import Upkeep
from banyan.projections.views import Views
from banyan.reconciliation.cells import Cells
from banyan.reconciliation.feeds import Clock, Marks, PassedOn
from banyan.reconciliation.histories import Histories
from banyan.reconciliation.plan import Plan
from banyan.reconciliation.shadows import ShadowSide
from banyan.reconciliation.shown import shown
from banyan.reconciliation.sides import Comparison
from banyan.reconciliation.states import FoldSide, Resume, StateComparison, StateRowSide
from banyan.reconciliation.streams import StreamVerification
from banyan.reconciliation.views import ViewComparison, ViewRowSide
from banyan.store import EventStore

OUTDATED: Final = "another version of the projection made its rows, the domain declares version {}: rebuild it"


class Workshop:
    """Makes plans.

    Parameters
    ----------
    store : EventStore
    views : Views
    upkeep : Upkeep
    cells : Cells
    domain : Domain
    controls : Controls
        Say which generation is live, and which projection is paused.
    resume : Callable[[str, StreamId], object]
        Brings a stream up to date in a projection.
    clock : Callable[[], datetime]
    window : timedelta
        How long an event may be on its way.
    sleep : Callable[[float], None]
        Seconds.
    others : Sequence[Comparison]
        Comparisons besides those of the projections, such as of a legacy system.
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        upkeep: Upkeep,
        cells: Cells,
        domain: Domain,
        controls: Controls,
        resume: Resume,
        clock: Clock,
        window: timedelta,
        sleep: Callable[[float], None] = time.sleep,
        others: Sequence[Comparison] = (),
    ) -> None:
        self._store = store
        self._views = views
        self._upkeep = upkeep
        self._cells = cells
        self._domain = domain
        self._controls = controls
        self._resume = resume
        self._clock = clock
        self._window = window
        self._sleep = sleep
        self._others = others

    def plan(self) -> Plan:
        """The plan for the generations that are live now."""
        controls = self._controls.get([projection.name for projection in self._domain.projections])
        histories = Histories(self._store)
        compared = [p for p in self._domain.projections if not controls[p.name].outdated(p.version)]
        left_out = {p.name: OUTDATED.format(p.version) for p in self._domain.projections if p not in compared}
        comparisons = [self._comparison(p, controls[p.name], histories) for p in compared]
        folds: dict[str, list[Marks]] = defaultdict(list)
        for projection, comparison in zip(compared, comparisons, strict=True):
            if isinstance(comparison, StateComparison):
                folds[projection.entity].append(comparison.expected.marks)
            if isinstance(comparison, ViewComparison):
                folds[projection.entity].append(comparison.lagging)
        streams = StreamVerification(self._store, self._domain.deciders, self._cells, self._clock, folds, histories)
        return Plan(streams, [*comparisons, *self._others], self._cells, self._clock, self._pause, left_out)

    def _comparison(self, projection: Projection, control: Control, histories: Histories) -> Comparison:
        generation = control.generation()
        if isinstance(projection, ViewProjection):
            return ViewComparison(
                projection,
                ShadowSide(projection, generation, self._store, histories, self._cells),
                ViewRowSide(generation, self._upkeep, self._cells),
                self._store,
                self._views,
                self._upkeep,
                self._cells,
                self._clock,
                self._fence(control),
                self._resume,
            )
        rows = StateRowSide(projection, generation, self._views, self._upkeep, self._cells)
        if shown(generation) in self._sides_of_others():
            rows.feed = PassedOn(rows.feed, Marks(self._cells, shown(generation)))
        return StateComparison(
            FoldSide(projection, generation, self._store, histories, self._cells),
            rows,
            self._views,
            self._upkeep,
            self._clock,
            self._fence(control),
            self._resume,
        )

    def _sides_of_others(self) -> set[str]:
        return {side.name for other in self._others for side in (other.expected, other.actual)}

    def _fence(self, control: Control) -> Clock:
        """A paused projection owes nothing that was recorded since its pause."""

        def fence() -> datetime:
            now = self._clock()
            return (min(now, control.pause.since) if control.pause else now) - self._window

        return fence

    def _pause(self) -> None:
        self._sleep(self._window.total_seconds())
