"""The rows of a ``StreamProjection`` as they are shown, to be compared with what another system shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from banyan.projections.base import AnyStreamProjection
from banyan.projections.views import Generation, StateRow
from banyan.reconciliation.cells import Cells
from banyan.reconciliation.feeds import Feeds, Listed, Marks
from banyan.reconciliation.sides import Content, Feed
from banyan.reconciliation.states import UNREADABLE, StateRowSide


def shown(generation: Generation) -> str:
    """Name of the side that shows the rows of a generation."""
    return f"shown:{generation}"


class ShownSide:
    """The rows of a read model without what only Banyan knows of them: their versions and their places in lookups.

    Parameters
    ----------
    projection : StreamProjection
    rows : StateRowSide
        Whose changes are passed on to this side.
    cells : Cells
    """

    def __init__(self, projection: AnyStreamProjection, rows: StateRowSide, cells: Cells) -> None:
        self.name = shown(rows.generation)
        self.feed: Feed = Feeds(Listed(cells, self.name, rows.page), Marks(cells, self.name))
        self.rows = rows.rows
        self._projection = projection

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """As in ``Side``: one batch read for 100 rows."""
        return {id: self.content(row) for id, row in self.rows(ids).items()}

    def content(self, row: StateRow | None) -> Content:
        """What is compared of a row."""
        try:
            return self._projection.state.model_validate_json(row.state).model_dump() if row else UNREADABLE
        except ValueError:
            return UNREADABLE
