"""Read models held against a fold over the event table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from banyan.bootstrap import Application
from banyan.projections.base import AnyStreamProjection, Projection, StreamProjection, ViewProjection
from banyan.projections.check import ViewFold, compare_rows, fold_row
from banyan.projections.views import Generation, StateRow
from banyan.store import EventStore
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from orders.projections import PROJECTIONS
from orders.tools.drill.proofs import Proofs
from orders.tools.drill.scene import Scene

Upto = Mapping[StreamId, int]


class Truth:
    """What the events say now; each stream is read once."""

    def __init__(self, app: Application) -> None:
        self._app = app
        copy = MemoryTable(app.settings.log_buckets)
        for stream in app.store.streams():
            for commit in app.store.commits(stream):
                copy.insert([commit])
        self.store = EventStore(copy, app.store.registry)

    def streams(self, projection: Projection) -> list[StreamId]:
        """Streams that a projection reads."""
        return [stream for stream in self.store.streams() if stream.entity == projection.entity]

    def differing(self, projection: Projection, upto: Upto | None = None) -> list[str]:
        """Rows that queries read and that are not what the events say.

        Parameters
        ----------
        upto : Mapping[StreamId, int], optional
            The version of streams that are not to be applied to their end.
        """
        live = self._app.projection_states.get([projection.name])[projection.name].generation()
        if isinstance(projection, ViewProjection):
            return self._differing_rows(projection, live, upto or {})
        assert isinstance(projection, StreamProjection)
        return self._differing_states(projection, live, upto or {})

    def _differing_states(self, projection: AnyStreamProjection, live: Generation, upto: Upto) -> list[str]:
        rows = {row.stream: row for row in self._app.views.all_states(live)}
        folds = {s: fold_row(projection, self.store, s, upto.get(s)) for s in self.streams(projection)}
        return [str(s) for s in sorted(rows.keys() | folds.keys()) if _said(rows.get(s)) != _said(folds.get(s))]

    def _differing_rows(self, projection: ViewProjection, live: Generation, upto: Upto) -> list[str]:
        fold = ViewFold(projection, self.store)
        for stream in self.streams(projection):
            fold.apply(stream, upto.get(stream))
        return [difference.row for difference in compare_rows(fold.rows(), self._app.views.all_rows(live))]


def _said(row: StateRow | None) -> object:
    return row and (row.version, row.state, row.lookups)


def prove_equal(drill: str, scene: Scene, proofs: Proofs) -> None:
    """Hold every projection against a fold."""
    truth = Truth(scene.app)
    found = {projection.name: truth.differing(projection) for projection in PROJECTIONS}
    proofs.add(drill, "every projection equals a fold over the event table", *verdict(truth, found))


def verdict(truth: Truth, differing: Mapping[str, Sequence[str]]) -> tuple[bool, str]:
    """Whether nothing differs, and what was compared."""
    streams = ", ".join(f"{each.name} {len(truth.streams(each))}" for each in PROJECTIONS)
    wrong = {name: f"{len(rows)}, such as {rows[0]}" for name, rows in differing.items() if rows}
    return not wrong, f"streams: {streams}; differing: {wrong or 'none'}"
