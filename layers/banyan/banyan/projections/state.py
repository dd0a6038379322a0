"""What operators decide about a projection: which generation is read, which are kept up, and whether it runs at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Final

from pydantic import TypeAdapter

from banyan.documents import Documents, Key, MemoryDocuments
from banyan.errors import GenerationInUse, ProjectionStateChanged, TransitionRejected
from banyan.projections.views import Generation
from banyan.store.base import timestamp
from banyan.streams import BEGINNING_OF_TIME, StreamId

MAX_PARKED: Final = 100
CHANGE_ATTEMPTS: Final = 5


class Stage(StrEnum):
    """Where a generation stands between its first row and its last.

    ::

        building → ready → live ⇄ kept → dropping
             └───────┴──── cancelled ────────┘
    """

    BUILDING = "building"
    READY = "ready"
    LIVE = "live"
    KEPT = "kept"
    DROPPING = "dropping"


class Status(StrEnum):
    """What an operator sees of a projection."""

    ACTIVE = "active"
    OUTDATED = "outdated"
    REBUILDING = "rebuilding"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """One generation of a projection.

    Parameters
    ----------
    started_at, changed_at : datetime
        When its build began, and when it entered this stage.
    version : int, optional
        Version of the projection that its build was begun by; ``None`` until it is noted.
    """

    number: int
    stage: Stage
    started_at: datetime
    changed_at: datetime
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a projection applies nothing.

    Parameters
    ----------
    by : str
        Who paused it: a person's subject, or ``breaker``.
    """

    since: datetime
    reason: str
    by: str


FIRST = GenerationInfo(1, Stage.LIVE, BEGINNING_OF_TIME, BEGINNING_OF_TIME)


@dataclass(frozen=True, slots=True)
class ProjectionState:
    """The state of one projection; each transition returns the next one or is rejected.

    Parameters
    ----------
    generations : tuple[GenerationInfo, ...]
        By number; exactly one is live.
    parked : tuple[StreamId, ...]
        Streams that an operator stopped; those that failed are remembered with their checkpoints.
    newest : int
        Highest number ever given to a generation; none is given twice, as late writers may still hold it.
    revision : int
        Times it was changed; 0 when it never was.
    """

    projection: str
    generations: tuple[GenerationInfo, ...] = field(default=(FIRST,))
    pause: Pause | None = None
    parked: tuple[StreamId, ...] = ()
    newest: int = 1
    revision: int = 0

    @property
    def live(self) -> int:
        """Number of the generation that queries read."""
        return next(info.number for info in self.generations if info.stage is Stage.LIVE)

    @property
    def switched_at(self) -> datetime | None:
        """When the live generation became that; ``None`` for the first one."""
        moment = self.info(self.live).changed_at
        return None if moment == BEGINNING_OF_TIME else moment

    @property
    def unfinished(self) -> GenerationInfo | None:
        """The generation that is being built or waits for its switch."""
        return next((info for info in self.generations if info.stage in {Stage.BUILDING, Stage.READY}), None)

    @property
    def status(self) -> Status:
        """What an operator sees."""
        if self.pause:
            return Status.PAUSED
        return Status.REBUILDING if self.unfinished else Status.ACTIVE

    def generation(self, number: int | None = None) -> Generation:
        """The key of a generation's rows, of the live one unless a number is given."""
        return Generation(self.projection, self.live if number is None else number)

    def outdated(self, version: int | None) -> bool:
        """Whether another version of the projection than the declared one made what queries read."""
        made_by = self.info(self.live).version
        return None not in (made_by, version) and made_by != version

    def written(self) -> tuple[Generation, ...]:
        """Generations to which every commit is applied, the live one first."""
        infos = sorted(self.generations, key=lambda info: (info.stage is not Stage.LIVE, info.number))
        return tuple(self.generation(info.number) for info in infos if info.stage is not Stage.DROPPING)

    def info(self, number: int) -> GenerationInfo:
        """What is known about a generation. Raises ``TransitionRejected`` when there is none."""
        for info in self.generations:
            if info.number == number:
                return info
        raise TransitionRejected(f"{self.projection!r} has no generation {number}")

    def paused(self, now: datetime, reason: str, by: str) -> ProjectionState:
        """Apply nothing any more. Rejected when it is paused already."""
        if self.pause:
            raise TransitionRejected(f"{self.projection!r} is paused already, by {self.pause.by}")
        return replace(self, pause=Pause(now, reason, by))

    def resumed(self) -> ProjectionState:
        """Apply commits again. Rejected when it is not paused."""
        if self.pause is None:
            raise TransitionRejected(f"{self.projection!r} is not paused")
        return replace(self, pause=None)

    def parking(self, stream: StreamId) -> ProjectionState:
        """Apply nothing more of a stream. Rejected when an operator stopped it already, or ``MAX_PARKED``."""
        if stream in self.parked:
            raise TransitionRejected(f"{stream} is parked in {self.projection!r} already")
        if len(self.parked) >= MAX_PARKED:
            raise TransitionRejected(f"{MAX_PARKED} streams are parked in {self.projection!r}: pause it instead")
        return replace(self, parked=(*self.parked, stream))

    def unparking(self, stream: StreamId) -> ProjectionState:
        """Apply a stream again; nothing changes when no operator stopped it."""
        return replace(self, parked=tuple(each for each in self.parked if each != stream))

    def noted(self, version: int) -> ProjectionState:
        """Note which version of the projection the live generation is made by, unless that is known."""
        infos = (
            replace(info, version=version) if info.number == self.live and info.version is None else info
            for info in self.generations
        )
        return replace(self, generations=tuple(infos))

    def begun(self, now: datetime, version: int | None = None) -> ProjectionState:
        """Begin generation ``newest + 1``. Rejected while another one is unfinished."""
        if self.unfinished:
            other = self.unfinished
            raise TransitionRejected(
                f"generation {other.number} of {self.projection!r} is {other.stage}: switch to it or cancel it first"
            )
        number = self.newest + 1
        return replace(
            self,
            generations=(*self.generations, GenerationInfo(number, Stage.BUILDING, now, now, version)),
            newest=number,
        )

    def readied(self, number: int, now: datetime) -> ProjectionState:
        """A build is complete and compared, and may be switched to."""
        return self._moved(number, {Stage.BUILDING}, Stage.READY, now)

    def switched(self, number: int, now: datetime) -> ProjectionState:
        """Let queries read another generation, and keep the one they read so far for the way back."""
        moved = self._moved(number, {Stage.READY, Stage.KEPT}, Stage.LIVE, now)
        return moved._moved(self.live, {Stage.LIVE}, Stage.KEPT, now)  # noqa: SLF001

    def cancelled(self, number: int, now: datetime) -> ProjectionState:
        """Give up a build that no query reads."""
        return self._moved(number, {Stage.BUILDING, Stage.READY}, Stage.DROPPING, now)

    def dropped(self, number: int, now: datetime, grace: timedelta) -> ProjectionState:
        """Give up a kept generation.

        Parameters
        ----------
        grace : timedelta
            How long after a switch queries may still read the generation that was live before.

        Raises
        ------
        TransitionRejected
            It is not kept, or was live until just now.
        """
        dropped = self._moved(number, {Stage.KEPT}, Stage.DROPPING, now)
        readable_until = self.info(number).changed_at + grace
        if now < readable_until:
            raise GenerationInUse(
                f"generation {number} of {self.projection!r} may still be read until {timestamp(readable_until)}"
            )
        return dropped

    def retired(self, now: datetime) -> ProjectionState:
        """Give up every generation, as the domain has no such projection any more; only an empty one is left."""
        given_up = (replace(info, stage=Stage.DROPPING, changed_at=now) for info in self.generations)
        empty = GenerationInfo(self.newest + 1, Stage.LIVE, now, now)
        return replace(self, generations=(*given_up, empty), newest=empty.number)

    def forgotten(self, number: int) -> ProjectionState:
        """Leave out a generation whose rows are gone."""
        self._check(number, {Stage.DROPPING})
        return replace(self, generations=tuple(info for info in self.generations if info.number != number))

    def _moved(self, number: int, allowed: set[Stage], stage: Stage, now: datetime) -> ProjectionState:
        self._check(number, allowed)
        generations = tuple(
            replace(info, stage=stage, changed_at=now) if info.number == number else info for info in self.generations
        )
        return replace(self, generations=generations)

    def _check(self, number: int, allowed: set[Stage]) -> None:
        info = self.info(number)
        if info.stage not in allowed:
            wanted = " or ".join(sorted(allowed))
            raise TransitionRejected(f"generation {number} of {self.projection!r} is {info.stage}, not {wanted}")


_JSON: Final = TypeAdapter(ProjectionState)


class ProjectionStates:
    """Keeps the state of each projection as a document, whose revision is the state's.

    Parameters
    ----------
    documents : Documents, optional
        In memory unless given.
    """

    def __init__(self, documents: Documents | None = None) -> None:
        self._documents = documents or MemoryDocuments()

    def get(self, projections: Sequence[str]) -> Mapping[str, ProjectionState]:
        """States by projection; one that was never changed has its defaults. Raises ``StoreUnavailable``."""
        found = self._documents.get_many([_key(name) for name in projections])
        return {name: _read(name, found.get(_key(name))) for name in projections}

    def put(self, state: ProjectionState) -> ProjectionState:
        """Keep a state if its revision is still the kept one; returns it with its new revision.

        Raises
        ------
        ProjectionStateChanged, StoreUnavailable
        """
        kept = replace(state, revision=state.revision + 1)
        if not self._documents.revise(_key(state.projection), _JSON.dump_json(kept).decode(), kept.revision):
            raise ProjectionStateChanged(state.projection)
        return kept


def _key(projection: str) -> Key:
    return Key("control", projection)


def _read(projection: str, text: str | None) -> ProjectionState:
    return _JSON.validate_json(text) if text else ProjectionState(projection)


class CachedStates:
    """States of some projections, all read at once and kept for a while; safe to share between threads.

    Parameters
    ----------
    cache_ms : int
        Age at which they are read again, ms.
    """

    def __init__(
        self,
        states: ProjectionStates,
        projections: Sequence[str],
        cache_ms: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._states = states
        self._projections = tuple(projections)
        self._seconds = cache_ms / 1000
        self._monotonic = monotonic
        self._lock = Lock()
        self._read: Mapping[str, ProjectionState] = {}
        self._good_until = float("-inf")

    def get(self) -> Mapping[str, ProjectionState]:
        """Every state, by projection. Raises ``StoreUnavailable``."""
        with self._lock:
            asked = self._monotonic()
            if asked >= self._good_until:
                self._read = self._states.get(self._projections)
                self._good_until = asked + self._seconds
            return self._read

    def change(self, projection: str, transition: Callable[[ProjectionState], ProjectionState]) -> ProjectionState:
        """Change a state, and know of it at once in this process."""
        kept = change(self._states, projection, transition)
        self.forget()
        return kept

    def forget(self) -> None:
        """Read the states again at the next use."""
        with self._lock:
            self._good_until = float("-inf")

    def live(self, projection: str) -> Generation:
        """The generation that queries read. Raises ``StoreUnavailable``."""
        return self.get()[projection].generation()


def change(
    states: ProjectionStates, projection: str, transition: Callable[[ProjectionState], ProjectionState]
) -> ProjectionState:
    """Read a state, change it and keep it; again when another writer was faster.

    Parameters
    ----------
    transition : Callable[[ProjectionState], ProjectionState]
        Of the newest state; when it returns the same one, nothing is written.

    Raises
    ------
    TransitionRejected
        By the transition.
    ProjectionStateChanged, StoreUnavailable
    """
    for _ in range(CHANGE_ATTEMPTS - 1):
        with suppress(ProjectionStateChanged):
            return _change(states, projection, transition)
    return _change(states, projection, transition)


def _change(
    states: ProjectionStates, projection: str, transition: Callable[[ProjectionState], ProjectionState]
) -> ProjectionState:
    state = states.get([projection])[projection]
    changed = transition(state)
    return state if changed == state else states.put(changed)
