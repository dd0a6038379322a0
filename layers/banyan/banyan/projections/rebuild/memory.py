"""What a rebuild works through, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock

from banyan.projections.memory import MemoryViews
from banyan.projections.rebuild.base import Build, CheckpointMoved, Segment
from banyan.projections.views import Generation, ViewKey, ViewRow


class MemoryCheckpoints:
    """Keeps builds and segments in dictionaries; safe to share between threads."""

    def __init__(self) -> None:
        self._builds: dict[Generation, Build] = {}
        self._segments: dict[tuple[Generation, int], Segment] = {}
        self._lock = Lock()

    def begin(self, build: Build) -> None:
        """As in ``Checkpoints``."""
        with self._lock:
            self._builds[build.generation] = build

    def build(self, generation: Generation) -> Build | None:
        """As in ``Checkpoints``."""
        with self._lock:
            return self._builds.get(generation)

    def segments(self, build: Build) -> Sequence[Segment]:
        """As in ``Checkpoints``."""
        with self._lock:
            return [self._standing(build.generation, number) for number in range(build.segments)]

    def put(self, generation: Generation, segment: Segment) -> Segment:
        """As in ``Checkpoints``."""
        with self._lock:
            if self._standing(generation, segment.number).revision != segment.revision:
                raise CheckpointMoved
            kept = replace(segment, revision=segment.revision + 1)
            self._segments[generation, segment.number] = kept
            return kept

    def forget(self, build: Build) -> None:
        """As in ``Checkpoints``."""
        with self._lock:
            for number in range(build.segments):
                self._segments.pop((build.generation, number), None)
            self._builds.pop(build.generation, None)

    def _standing(self, generation: Generation, number: int) -> Segment:
        return self._segments.get((generation, number), Segment(number))


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
        """As in ``GenerationRows``: a generation at a time."""
        at = int(position or 0)
        generation = generations[at]
        keys = list(self._views.all_rows(generation)) if part == 0 else []
        return {generation: keys}, str(at + 1) if at + 1 < len(generations) else None

    def rows(self, generation: Generation, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        """As in ``GenerationRows``."""
        rows = self._views.all_rows(generation)
        return {key: rows[key] for key in keys if key in rows}

    def drop(self, generation: Generation, part: int, parts: int, position: str | None) -> str | None:  # noqa: ARG002
        """As in ``GenerationRows``."""
        if part == 0:
            self._views.drop(generation)
        return None
