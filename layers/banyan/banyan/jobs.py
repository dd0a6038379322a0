"""Long work: a step at a time, from a place that is kept after each, so that it may be stopped anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

P = TypeVar("P")


class Keep(Protocol[P]):
    """Keeps places, each by a conditional write."""

    def __call__(self, place: P, /, *, instead_of: P) -> P:
        """Keep a place and return it as it is kept.

        It raises when ``instead_of`` is not what is kept: another process has gone on from there.
        """


@dataclass(frozen=True, slots=True)
class Job(Generic[P]):
    """Work that may be killed anywhere, and continues from the last place that was kept.

    ::

        job = Job(step=self._import_page, keep=document.save, finished=lambda progress: progress.finished)
        progress = job.run(progress, lambda: remaining() >= ENOUGH_SECONDS)

    Parameters
    ----------
    step : Callable[[P], Iterable[P]]
        Works on from a place and yields each place that it comes to; what it does between two of them may be done
        twice. A step that yields nothing waits for another process, and the job ends for now.
    """

    step: Callable[[P], Iterable[P]]
    keep: Keep[P]
    finished: Callable[[P], bool]

    def places(self, place: P, more: Callable[[], bool] = lambda: True) -> Iterator[P]:
        """Work on from a place, yielding each new one once it is kept; a caller who stops asking stops the work.

        Parameters
        ----------
        more : Callable[[], bool]
            Whether there is time for one more step, which is asked before each.
        """
        going = not self.finished(place) and more()
        while going:
            going = False
            for reached in self.step(place):
                place = self.keep(reached, instead_of=place)
                yield place
                going = not self.finished(place) and more()
                if not going:
                    return

    def run(self, place: P, more: Callable[[], bool] = lambda: True) -> P:
        """Work on from a place as far as ``places`` goes, and return the last one."""
        for reached in self.places(place, more):
            place = reached
        return place
