"""What is known about a rebuild between two of its steps, and the ports that it works through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from pydantic import TypeAdapter

from banyan.documents import Documents, Key
from banyan.projections.check import Difference
from banyan.projections.memory import MemoryViews
from banyan.projections.state import GenerationInfo, Stage
from banyan.projections.views import Generation, ViewKey, ViewRow


class BuildPhase(StrEnum):
    """How far a segment has come.

    ::

        counting → healing → catching_up → caught_up → comparing → compared
             └─────────┴──────────┴─ dropping → dropped ──┴───────────┘

    A segment waits as ``caught_up``, ``compared`` and ``dropped`` until all others have come as far.
    """

    COUNTING = "counting"
    HEALING = "healing"
    CATCHING_UP = "catching_up"
    CAUGHT_UP = "caught_up"
    COMPARING = "comparing"
    COMPARED = "compared"
    DROPPING = "dropping"
    DROPPED = "dropped"

    def reached(self, other: BuildPhase) -> bool:
        """Whether this phase is another one or comes after it."""
        order = list(BuildPhase)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Build:
    """What was decided when the rebuild of a projection began.

    Parameters
    ----------
    generation : Generation
        The one that is built.
    base : int
        Number of the generation that was live then; the new one is compared with it.
    segments : int
        Into how many parts the work is cut: one for each bucket that the log had. Where it has more by now,
        segment 1 of 8 has the buckets 1, 9, 17 and so on.
    write_rate : int
        Write units per second that the whole rebuild may consume.
    switch_when_equal : bool
        Let queries read the new generation as soon as it is complete and no row differs.
    first : bool
        The live generation has not seen all of the log yet, as the projection is new: what it still lacks does not
        count as a difference.
    """

    generation: Generation
    base: int
    segments: int
    write_rate: int
    switch_when_equal: bool
    started_at: datetime
    first: bool = False


@dataclass(frozen=True, slots=True)
class Stuck:
    """A stream that could not be applied.

    Parameters
    ----------
    version : int
        First version that was not applied.
    error : str
        Type and message, without event data.
    """

    stream: str
    version: int
    error: str


@dataclass(frozen=True, slots=True)
class Segment:
    """How far the work on a part of the log has come.

    Parameters
    ----------
    number : int
        Of its first bucket.
    position : str, optional
        Where the phase continues.
    total : int, optional
        Streams to apply, once they are counted.
    streams, events, failed : int
        Streams and events in the new rows, and streams that could not be applied to their end.
    stuck : tuple[Stuck, ...]
        The first of those.
    compared, in_flight, different : int
        Rows that were compared, that moved too fast to be judged, and that differ.
    differences : tuple[Difference, ...]
        The first of those.
    read_units, write_units : float
        Capacity consumed.
    revision : int
        Times it was written.
    """

    number: int
    phase: BuildPhase = BuildPhase.COUNTING
    position: str | None = None
    total: int | None = None
    streams: int = 0
    events: int = 0
    failed: int = 0
    stuck: tuple[Stuck, ...] = field(default=())
    compared: int = 0
    in_flight: int = 0
    different: int = 0
    differences: tuple[Difference, ...] = field(default=())
    read_units: float = 0.0
    write_units: float = 0.0
    updated_at: datetime | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """A message: continue one segment, from where its checkpoint says."""

    generation: Generation
    segment: int


UNFINISHED: Final = {Stage.BUILDING: BuildPhase.COMPARED, Stage.DROPPING: BuildPhase.DROPPED}
"""What a generation's segments reach before nothing more is done without an operator."""


def least_phase(segments: Sequence[Segment]) -> BuildPhase:
    """The phase of the segment that has come least far."""
    return min((segment.phase for segment in segments), key=list(BuildPhase).index)


def updated_at(build: Build, segments: Sequence[Segment]) -> datetime:
    """When a segment of a build moved last."""
    return max([build.started_at, *(each.updated_at for each in segments if each.updated_at)])


def standing_since(info: GenerationInfo, phase: BuildPhase, moved_at: datetime) -> datetime | None:
    """Since when the work on a generation has not moved, which began with its stage; nothing where none is left."""
    end = UNFINISHED.get(info.stage)
    return None if end is None or phase.reached(end) else max(info.changed_at, moved_at)


class SegmentMoved(Exception):
    """Another process continues this segment."""


_BUILD: Final = TypeAdapter(Build)
_SEGMENT: Final = TypeAdapter(Segment)


class Builds:
    """Where builds are kept, as ``<projection>@<n>``, and their segments, as ``<projection>@<n>#<bucket>``.

    All reads are strongly consistent; every method raises ``StoreUnavailable``.

    Parameters
    ----------
    segments : Documents, optional
        Where segments lie in documents of another layout.
    """

    def __init__(self, builds: Documents, segments: Documents | None = None) -> None:
        self._builds = builds
        self._segments = segments or builds

    def begin(self, build: Build) -> None:
        """Keep what was decided about a build."""
        self._builds.put(_key(build.generation), _BUILD.dump_json(build).decode())

    def build(self, generation: Generation) -> Build | None:
        """What was decided about the build of a generation, if it was ever built or dropped."""
        text = self._builds.get(_key(generation))
        return _BUILD.validate_json(text) if text else None

    def segments(self, build: Build) -> Sequence[Segment]:
        """All segments of a build by number, those not begun included; one batch read."""
        keys = [_key(build.generation, number) for number in range(build.segments)]
        found = self._segments.get_many(keys)
        return [
            _SEGMENT.validate_json(found[key]) if key in found else Segment(number) for number, key in enumerate(keys)
        ]

    def put(self, generation: Generation, segment: Segment) -> Segment:
        """Keep a segment if its revision is still the kept one. Raises ``SegmentMoved``."""
        kept = replace(segment, revision=segment.revision + 1)
        text = _SEGMENT.dump_json(kept).decode()
        if not self._segments.revise(_key(generation, segment.number), text, kept.revision):
            raise SegmentMoved
        return kept

    def forget(self, build: Build) -> None:
        """Forget the segments of a build, and then the build."""
        self._segments.put_many({_key(build.generation, number): None for number in range(build.segments)})
        self._builds.put(_key(build.generation), None)


def _key(generation: Generation, number: int | None = None) -> Key:
    return Key("rebuild", f"{generation}" if number is None else f"{generation}#{number}")


class WorkQueue(Protocol):
    """Hands out work, at least once."""

    def send(self, works: Sequence[Work], delay_seconds: int = 0) -> None:
        """Put work into the queue, to be handed out after a delay of at most 900 s."""


class Meter(Protocol):
    """Adds up the capacity that this process consumes."""

    read_units: float
    write_units: float


class GenerationRows(Protocol):
    """Rows by generation, part by part; for the engine, never for a caller."""

    def keys(
        self, generations: Sequence[Generation], part: int, parts: int, position: str | None
    ) -> tuple[Mapping[Generation, Sequence[ViewKey]], str | None]:
        """Some keys of view rows, of one of several parts of the table, and where to continue."""

    def rows(self, generation: Generation, keys: Sequence[ViewKey]) -> Mapping[ViewKey, ViewRow]:
        """View rows by key, strongly consistent; one batch read for up to 100."""

    def drop(self, generation: Generation, part: int, parts: int, position: str | None, most: int) -> str | None:
        """Delete some rows or cursors of a generation, in one of several parts; returns where to continue."""


class MemoryGenerationRows:
    """Rows of ``MemoryViews``, all in the first part."""

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

    def drop(
        self,
        generation: Generation,
        part: int,
        parts: int,  # noqa: ARG002
        position: str | None,  # noqa: ARG002
        most: int,  # noqa: ARG002
    ) -> str | None:
        if part == 0:
            self._views.drop(generation)
        return None
