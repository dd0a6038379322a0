"""What a rebuild works through, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from banyan.projections.memory import MemoryViews
from banyan.projections.views import Generation, ViewKey, ViewRow


class MemoryGenerationRows:
    """Rows of ``MemoryViews``, all in the first part.

    Parameters
    ----------
    views : MemoryViews
    """

    def __init__(self, views: MemoryViews) -> None:
        self._views = views

    def keys(
        self,
        generations: Sequence[Generation],
        part: int,
        parts: int,  # noqa: ARG002
        position: str | None,
    ) -> tuple[Mapping[Generation, Sequence[ViewKey]], str | None]:
        """A generation at a time."""
        at = int(position or 0)
        generation = generations[at]
        keys = list(self._views.all_rows(generation)) if part == 0 else []
        return {generation: keys}, str(at + 1) if at + 1 < len(generations) else None

    def rows(self, generation: Generation, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        rows = self._views.all_rows(generation)
        return {key: rows[key] for key in keys if key in rows}

    def drop(self, generation: Generation, part: int, parts: int, position: str | None) -> str | None:  # noqa: ARG002
        if part == 0:
            self._views.drop(generation)
        return None
