"""Which commits a stream is known to hold, so that a repeated command is found without searching for it each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from banyan.store import Commit, Loaded
from banyan.streams import StreamHead

REMEMBERED_COMMITS: Final = 128
SEARCHED_COMMITS: Final = 10_000
"""Kept of a stream that was searched: a megabyte or two, for as long as its aggregate is kept."""

EVER: Final = datetime.min.replace(tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)

_Place = tuple[int, datetime]


@dataclass(frozen=True, slots=True)
class KnownCommits:
    """Commits of one stream by id, each with its last version and the moment of its recording, oldest first.

    Parameters
    ----------
    places : Mapping[str, tuple[int, datetime]]
    since : datetime
        All that were recorded at this moment or later, up to some head, are among them.
    limit : int
        So many are kept at most.
    """

    places: Mapping[str, _Place] = field(default_factory=dict)
    since: datetime = EVER
    limit: int = REMEMBERED_COMMITS

    @classmethod
    def of(cls, loaded: Loaded) -> KnownCommits:
        """What loading a stream tells: all of it, or what came behind its snapshot."""
        if loaded.snapshot is None:
            return cls().followed_by(loaded.commits)
        oldest = loaded.commits[0].recorded_at if loaded.commits else loaded.head.recorded_at
        return cls(since=oldest + _TICK).followed_by(loaded.commits)

    @property
    def oldest(self) -> int | None:
        """Last version of the oldest one."""
        return next((version for version, _ in self.places.values()), None)

    def version(self, commit_id: str) -> int | None:
        """Last version of a commit, if it is among them."""
        place = self.places.get(commit_id)
        return place and place[0]

    def followed_by(self, commits: Iterable[Commit]) -> KnownCommits:
        """Take in what came behind them, oldest first."""
        return self._bounded({**self.places, **_places(commits)}, self.since, self.limit)

    def and_own(self, commit_id: str, head: StreamHead) -> KnownCommits:
        """Take in a commit that was just appended behind them."""
        return self._bounded({**self.places, commit_id: (head.version, head.recorded_at)}, self.since, self.limit)

    def preceded_by(self, commits: Iterable[Commit], since: datetime) -> KnownCommits:
        """Take in what came before them, oldest first: all since a moment."""
        return self._bounded({**_places(commits), **self.places}, since, SEARCHED_COMMITS)

    @staticmethod
    def _bounded(places: Mapping[str, _Place], since: datetime, limit: int) -> KnownCommits:
        surplus = len(places) - limit
        if surplus <= 0:
            return KnownCommits(places, since, limit)
        dropped = list(islice(places.values(), surplus))
        return KnownCommits(dict(islice(places.items(), surplus, None)), dropped[-1][1] + _TICK, limit)


def _places(commits: Iterable[Commit]) -> dict[str, _Place]:
    return {commit.commit_id: (commit.last, commit.recorded_at) for commit in commits}
