"""A batch of delivered commits, ordered within each stream again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from banyan.store import Commit
from banyan.streams import StreamId


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a batch brought of one stream.

    Parameters
    ----------
    stream : StreamId
    commits : tuple[Commit, ...]
        Oldest first, each once.
    damaged : bool
        A record of this stream could not be read: only the event table knows what it said.
    """

    stream: StreamId
    commits: tuple[Commit, ...]
    damaged: bool = False

    def behind(self, watermark: int) -> tuple[Commit, ...] | None:
        """Commits behind a watermark, without a gap and none by half, or ``None`` when some are missing."""
        pending = tuple(commit for commit in self.commits if commit.last > watermark)
        whole = not pending or pending[-1].part == pending[-1].parts
        return pending if whole and not self.damaged and _follow_on(watermark, pending) else None


def deliveries(commits: Iterable[Commit], damaged: Collection[StreamId] = ()) -> list[Delivery]:
    """Group a batch by stream, in whatever order and however often its commits came."""
    by_stream: dict[StreamId, dict[int, Commit]] = defaultdict(dict)
    for commit in commits:
        by_stream[commit.stream][commit.position] = commit
    for stream in damaged:
        by_stream.setdefault(stream, {})
    return [
        Delivery(stream, tuple(found[position] for position in sorted(found)), stream in damaged)
        for stream, found in by_stream.items()
    ]


def _follow_on(watermark: int, commits: Iterable[Commit]) -> bool:
    for commit in commits:
        if commit.position != watermark + 1:
            return False
        watermark = commit.last
    return True
