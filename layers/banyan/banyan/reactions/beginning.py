"""Since when a reactor reacts: an old history must not fire side effects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from banyan.projections.views import Generation, Move, Views, WatermarkMoved
from banyan.streams import BEGINNING_OF_TIME, StreamId

DEPLOYMENT: Final = timedelta(minutes=15)
"""How long the first event may have waited for a reactor that is being deployed."""

MARK: Final = StreamId("_system", "reactor", "beginning")
"""Its cursor holds the moment, in microseconds since 1970."""

_MICROSECOND: Final = timedelta(microseconds=1)


class Beginning:
    """The moment from which on commits have effects, decided once by whoever asks first.

    Parameters
    ----------
    generation : Generation
        Of the reactor's cursors, among which the moment is kept.
    views : Views
    clock : Callable[[], datetime]
    """

    def __init__(self, generation: Generation, views: Views, clock: Callable[[], datetime]) -> None:
        self._generation = generation
        self._views = views
        self._clock = clock

    @cached_property
    def moment(self) -> datetime:
        """A quarter of an hour before the reactor first met a commit."""
        return BEGINNING_OF_TIME + (self._kept() or self._decide()) * _MICROSECOND

    def _decide(self) -> int:
        now = self._clock()
        mark = (now - DEPLOYMENT - BEGINNING_OF_TIME) // _MICROSECOND
        try:
            self._views.move(self._generation, [Move(MARK, 0, mark, now, ())], now)
        except WatermarkMoved:
            return self._kept()
        return mark

    def _kept(self) -> int:
        return self._views.watermarks(self._generation, [MARK]).get(MARK, 0)
