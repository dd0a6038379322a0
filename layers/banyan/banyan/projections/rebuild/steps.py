"""What is done in each phase of a generation's build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from banyan.projections.base import Projection
from banyan.projections.projecting import Everything, Source
from banyan.projections.projectors import make_projector
from banyan.projections.rebuild.base import GenerationRows, Phase
from banyan.projections.rebuild.comparing import Comparing
from banyan.projections.rebuild.dropping import Dropping
from banyan.projections.rebuild.healing import Healing
from banyan.projections.rebuild.shadow import Judge
from banyan.projections.rebuild.walk import Walk
from banyan.projections.rebuild.worker import Step
from banyan.projections.snapshotter import Snapshotter
from banyan.projections.views import Generation, Views
from banyan.store import EventStore
from banyan.store.eventstore import Clock


class RebuildSteps:
    """Puts the steps of a rebuild together.

    Parameters
    ----------
    projections : Sequence[Projection]
    store : EventStore
    views : Views
    rows : GenerationRows
    snapshots : Snapshotter
    judge : Judge
    clock : Callable[[], datetime]
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        store: EventStore,
        views: Views,
        rows: GenerationRows,
        snapshots: Snapshotter,
        judge: Judge,
        clock: Clock,
    ) -> None:
        self._projections = {projection.name: projection for projection in projections}
        self._store = store
        self._views = views
        self._rows = rows
        self._snapshots = snapshots
        self._judge = judge
        self._clock = clock

    def of(self, generation: Generation) -> Mapping[Phase, Step]:
        """Steps by phase; of a projection that the code no longer has, only the deleting."""
        dropping = {Phase.DROPPING: Dropping(self._rows).drop}
        projection = self._projections.get(generation.projection)
        return self._building(projection, generation) | dropping if projection else dropping

    def _building(self, projection: Projection, generation: Generation) -> dict[Phase, Step]:
        walk = Walk(self._store, projection.entity)
        source = Source(self._store, Everything())
        projector = make_projector(projection, generation, self._views, source, self._clock)
        healing = Healing(projection, projector, walk, self._views, self._snapshots, self._clock)
        comparing = Comparing(projection, walk, self._views, self._rows, self._judge)
        return {
            Phase.COUNTING: healing.count,
            Phase.HEALING: healing.heal,
            Phase.CATCHING_UP: healing.catch_up,
            Phase.COMPARING: comparing.compare,
        }
