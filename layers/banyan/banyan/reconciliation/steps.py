"""The steps of a run. Each advances by one chunk, which may be done twice, so that a run can stop anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Protocol

from banyan.reconciliation.checksum import checksum
from banyan.reconciliation.looks import Judge, look
from banyan.reconciliation.report import Finding
from banyan.reconciliation.sides import Comparison, Feed, Side
from banyan.reconciliation.tree import DigestTree, differing, path_of

CHUNK: Final = 100
"""Entities in one chunk."""


@dataclass(slots=True)
class Stride:
    """What one chunk came to.

    Parameters
    ----------
    cursor : str, optional
        Where the next chunk begins; ``None`` when the step is done.
    findings : list[Finding]
    moving : dict[str, datetime | None]
        Entities on their way, and since when.
    rows_read, nodes_read : int
    """

    cursor: str | None = None
    findings: list[Finding] = field(default_factory=list)
    moving: dict[str, datetime | None] = field(default_factory=dict)
    rows_read: int = 0
    nodes_read: int = 0


class Step(Protocol):
    """A part of a run."""

    @property
    def section(self) -> str:
        """Section of the report that it writes to."""

    def advance(self, cursor: str, before: datetime) -> Stride:
        """Do one chunk; ``before`` is when the run began."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Does something with all that a feed names."""

    section: str
    feed: Feed
    action: Callable[[Sequence[str]], Stride]

    def advance(self, cursor: str, before: datetime) -> Stride:
        """As in ``Step``."""
        changes = self.feed.changed(before, CHUNK)
        if not changes.ids:
            return Stride()
        stride = self.action(changes.ids)
        self.feed.seen(changes)
        stride.cursor = cursor
        return stride


@dataclass(frozen=True, slots=True)
class Known:
    """Does something with all entities a tree knows, also those that exist no more."""

    section: str
    tree: DigestTree
    action: Callable[[Sequence[str]], Stride]

    def advance(self, cursor: str, before: datetime) -> Stride:  # noqa: ARG002
        """As in ``Step``."""
        ids = self.tree.ids(cursor, CHUNK)
        if not ids:
            return Stride()
        stride = self.action(ids)
        stride.cursor = path_of(ids[-1])
        return stride


@dataclass(frozen=True, slots=True)
class Once:
    """Does something until there is no more to do."""

    section: str
    action: Callable[[], bool]

    def advance(self, cursor: str, before: datetime) -> Stride:  # noqa: ARG002
        """As in ``Step``."""
        return Stride(cursor=cursor if self.action() else None)


@dataclass(frozen=True, slots=True)
class Indexing:
    """Brings a side's tree up to its entities."""

    side: Side
    tree: DigestTree
    done: set[str] = field(default_factory=set)

    def others(self, ids: Sequence[str]) -> Stride:
        """The same for those of some entities that were not read yet."""
        others = [id for id in ids if id not in self.done]
        return self(others) if others else Stride()

    def __call__(self, ids: Sequence[str]) -> Stride:
        """Read entities and keep their checksums."""
        self.done.update(ids)
        nodes = self.tree.nodes_read
        found = self.side.read(ids)
        self.tree.update({id: checksum(found[id]) if id in found else None for id in ids})
        return Stride(rows_read=len(ids), nodes_read=self.tree.nodes_read - nodes)


@dataclass(frozen=True, slots=True)
class Judging:
    """Looks closely at entities."""

    judge: Judge
    pause: Callable[[], None]

    def __call__(self, ids: Sequence[str]) -> Stride:
        """Judge entities until they are settled, or stay as they are."""
        judgement = look(self.judge, ids, self.pause)
        return Stride(None, list(judgement.standing), dict(judgement.moving), rows_read=2 * len(ids))


@dataclass(frozen=True, slots=True)
class Walk:
    """Walks down both trees of a comparison to what differs, looks at it, and keeps what it is now."""

    section: str
    comparison: Comparison
    expected: Indexing
    actual: Indexing
    pause: Callable[[], None]

    def advance(self, cursor: str, before: datetime) -> Stride:  # noqa: ARG002
        """As in ``Step``."""
        one, other = self.expected.tree, self.actual.tree
        nodes = one.nodes_read + other.nodes_read
        ids = list(islice(differing(one, other, cursor), CHUNK))
        walked = one.nodes_read + other.nodes_read - nodes
        if not ids:
            return Stride(nodes_read=walked)
        stride = Judging(self.comparison.judge, self.pause)(ids)
        for again in (self.expected(ids), self.actual(ids)):
            stride.rows_read += again.rows_read
            walked += again.nodes_read
        stride.nodes_read, stride.cursor = walked, path_of(ids[-1])
        return stride
