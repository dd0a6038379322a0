"""Controls in memory, and reading controls without asking for them each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Final

from banyan.errors import ControlChanged
from banyan.projections.state import ProjectionState, ProjectionStates
from banyan.projections.views import Generation

CHANGE_ATTEMPTS: Final = 5


class CachedStates:
    """Controls of some projections, at most so old; safe to share between threads.

    Parameters
    ----------
    controls : ProjectionStates
    projections : Sequence[str]
        All of them are read at once.
    cache_ms : int
        Age at which they are read again, ms.
    monotonic : Callable[[], float]
        Seconds.
    """

    def __init__(
        self,
        controls: ProjectionStates,
        projections: Sequence[str],
        cache_ms: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._controls = controls
        self._projections = tuple(projections)
        self._seconds = cache_ms / 1000
        self._monotonic = monotonic
        self._lock = Lock()
        self._read: Mapping[str, ProjectionState] = {}
        self._good_until = float("-inf")

    def get(self) -> Mapping[str, ProjectionState]:
        """Every control, by projection. Raises ``StoreUnavailable``."""
        with self._lock:
            asked = self._monotonic()
            if asked >= self._good_until:
                self._read = self._controls.get(self._projections)
                self._good_until = asked + self._seconds
            return self._read

    def change(self, projection: str, transition: Callable[[ProjectionState], ProjectionState]) -> ProjectionState:
        """As the function ``change``; this process knows of it at once."""
        kept = change(self._controls, projection, transition)
        self.forget()
        return kept

    def forget(self) -> None:
        """Read the controls again at the next use."""
        with self._lock:
            self._good_until = float("-inf")

    def live(self, projection: str) -> Generation:
        """The generation that queries read. Raises ``StoreUnavailable``."""
        return self.get()[projection].generation()


def change(
    controls: ProjectionStates, projection: str, transition: Callable[[ProjectionState], ProjectionState]
) -> ProjectionState:
    """Read a control, change it and keep it; again when somebody else was faster.

    Parameters
    ----------
    controls : ProjectionStates
    projection : str
    transition : Callable[[ProjectionState], ProjectionState]
        Of the newest control; when it returns the same one, nothing is written.

    Raises
    ------
    TransitionRejected
        By the transition.
    ControlChanged, StoreUnavailable
    """
    for _ in range(CHANGE_ATTEMPTS - 1):
        with suppress(ControlChanged):
            return _change(controls, projection, transition)
    return _change(controls, projection, transition)


def _change(
    controls: ProjectionStates, projection: str, transition: Callable[[ProjectionState], ProjectionState]
) -> ProjectionState:
    control = controls.get([projection])[projection]
    changed = transition(control)
    return control if changed == control else controls.put(changed)
