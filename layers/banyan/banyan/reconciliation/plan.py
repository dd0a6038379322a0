"""What a run does, and in which order. Every step advances by one chunk, which may be done twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from typing import Final, Protocol

from banyan.confirm import confirm
from banyan.documents import Documents
from banyan.domain import Domain
from banyan.projections.base import Projection, ViewProjection
from banyan.projections.state import ProjectionState, ProjectionStates
from banyan.reconciliation.content import checksum
from banyan.reconciliation.feeds import Clock, DirtySet, ForwardingFeed, RestartingFeed
from banyan.reconciliation.report import Finding, Section
from banyan.reconciliation.rows import FoldSide, Histories, Sources, StateComparison, read_model_name
from banyan.reconciliation.sides import Comparison, Feed, NotRepairable, Side, Verdict
from banyan.reconciliation.streams import STREAMS, StreamVerification
from banyan.reconciliation.tree import DigestTree, differing, path_of
from banyan.reconciliation.views import ViewComparison

CHUNK: Final = 100
"""Entities in one chunk."""
OF_STREAMS: Final = frozenset({"stale_stream", "unfoldable_stream"})
"""Findings of a comparison that name a stream, not one of its entities."""
OUTDATED: Final = "another version of the projection made its rows, the domain declares version {}: rebuild it"

Judge = Callable[[Sequence[str]], Mapping[str, Verdict]]


@dataclass(slots=True)
class StepResult:
    """What one chunk came to.

    Parameters
    ----------
    cursor : str, optional
        Where the next chunk begins; ``None`` when there was nothing left to do.
    moving : dict[str, datetime | None]
        Entities on their way, and since when.
    rows_read, nodes_read : int
        Entities read from the sides, and nodes of the digest trees.
    """

    cursor: str | None = None
    findings: list[Finding] = field(default_factory=list)
    moving: dict[str, datetime | None] = field(default_factory=dict)
    rows_read: int = 0
    nodes_read: int = 0


class RunStep(Protocol):
    """A part of a run."""

    @property
    def section(self) -> str:
        """Section of the report that it writes to."""

    def advance(self, cursor: str, before: datetime, limit: int) -> StepResult:
        """Do one chunk of at most so many entities; ``before`` is when the run began."""


@dataclass(frozen=True, slots=True)
class ConsumeFeed:
    """Does something with all that a feed names."""

    section: str
    feed: Feed
    action: Callable[[Sequence[str]], StepResult]

    def advance(self, cursor: str, before: datetime, limit: int) -> StepResult:
        changes = self.feed.changed(before, limit)
        if not changes.ids:
            return StepResult()
        result = self.action(changes.ids)
        self.feed.seen(changes)
        result.cursor = cursor
        return result


@dataclass(frozen=True, slots=True)
class VisitKnown:
    """Does something with all entities a tree knows, also those that exist no more."""

    section: str
    tree: DigestTree
    action: Callable[[Sequence[str]], StepResult]

    def advance(self, cursor: str, before: datetime, limit: int) -> StepResult:  # noqa: ARG002
        ids = self.tree.ids(cursor, limit)
        if not ids:
            return StepResult()
        result = self.action(ids)
        result.cursor = path_of(ids[-1])
        return result


@dataclass(frozen=True, slots=True)
class Repeat:
    """Does something until there is no more to do."""

    section: str
    action: Callable[[], bool]

    def advance(self, cursor: str, before: datetime, limit: int) -> StepResult:  # noqa: ARG002
        return StepResult(cursor=cursor if self.action() else None)


@dataclass(frozen=True, slots=True)
class TreeUpdate:
    """Brings a side's tree up to its entities."""

    side: Side
    tree: DigestTree
    done: set[str] = field(default_factory=set)

    def others(self, ids: Sequence[str]) -> StepResult:
        """The same for those of some entities that were not read yet."""
        others = [id for id in ids if id not in self.done]
        return self(others) if others else StepResult()

    def __call__(self, ids: Sequence[str]) -> StepResult:
        """Read entities and keep their checksums."""
        self.done.update(ids)
        nodes = self.tree.nodes_read
        found = self.side.read(ids)
        self.tree.update({id: checksum(found[id]) if id in found else None for id in ids})
        return StepResult(rows_read=len(ids), nodes_read=self.tree.nodes_read - nodes)


@dataclass(frozen=True, slots=True)
class WalkTrees:
    """Walks down both trees of a comparison to what differs, looks at it, and keeps what it is now."""

    section: str
    comparison: Comparison
    expected: TreeUpdate
    actual: TreeUpdate
    pause: Callable[[], None]

    def advance(self, cursor: str, before: datetime, limit: int) -> StepResult:  # noqa: ARG002
        one, other = self.expected.tree, self.actual.tree
        nodes = one.nodes_read + other.nodes_read
        ids = list(islice(differing(one, other, cursor), limit))
        walked = one.nodes_read + other.nodes_read - nodes
        if not ids:
            return StepResult(nodes_read=walked)
        result = judged(self.comparison.judge, ids, self.pause)
        for again in (self.expected(ids), self.actual(ids)):
            result.rows_read += again.rows_read
            walked += again.nodes_read
        result.nodes_read, result.cursor = walked, path_of(ids[-1])
        return result


def judged(judge: Judge, ids: Sequence[str], pause: Callable[[], None]) -> StepResult:
    """Judge entities until they are settled, or stay as they are."""

    def unequal(ids: Sequence[str]) -> Mapping[str, Verdict]:
        return {id: verdict for id, verdict in judge(ids).items() if verdict.finding or verdict.moving}

    seen = confirm(unequal, ids, pause, lambda verdict: verdict.evidence if verdict.finding else None)
    findings = [verdict.finding for verdict in seen.standing.values() if verdict.finding]
    moving = {id: verdict.since for id, verdict in seen.moving.items()}
    return StepResult(None, findings, moving, rows_read=2 * len(ids))


@dataclass(frozen=True)
class Plan:
    """The steps of a run: streams first, then each comparison, which updates both trees and walks down to what differs.

    Parameters
    ----------
    pause : Callable[[], None]
        Between two looks at a difference.
    left_out : Mapping[str, str]
        Projections that are not compared, and why.
    """

    streams: StreamVerification
    comparisons: Sequence[Comparison]
    documents: Documents
    clock: Clock
    pause: Callable[[], None]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def steps(self, *, full: bool) -> list[RunStep]:
        """The steps in their order; a full run restarts all feeds and asks for all that trees know besides."""
        for update in self._updates.values():
            update.done.clear()
            update.tree.forget_root()
        self.streams.tree.forget_root()
        return [*self._rewinding(full), *self._verifying(full), *self._comparing(full)]

    def repair(self, section: str, finding: Finding) -> str:
        """Put a difference right, and keep what is there now. Raises ``NotRepairable``."""
        if section == STREAMS:
            return self.streams.repair(finding)
        if self.streams.marks.has(finding.where):
            raise NotRepairable("the history of its stream is damaged: put that right first")
        comparison = next((comparison for comparison in self.comparisons if comparison.name == section), None)
        if comparison is None:
            raise NotRepairable("this is not compared any more")
        done = comparison.repair(finding)
        if finding.kind not in OF_STREAMS:
            for side in (comparison.expected, comparison.actual):
                self._updates[side.name]([finding.where])
        return done

    def concluded(self, sections: Sequence[Section]) -> tuple[Section, ...]:
        """The sections of a finished run, with what the roots of the trees say."""
        found = {section.name: section for section in sections}
        trees = {
            c.name: (self._updates[c.expected.name].tree, self._updates[c.actual.name].tree) for c in self.comparisons
        }
        trees = {STREAMS: (self.streams.tree, self.streams.tree), **trees}
        return (
            *(_rooted(found.get(name, Section(name=name)), *sides) for name, sides in trees.items()),
            *(Section(name=name, note=reason) for name, reason in self.left_out.items()),
        )

    @cached_property
    def _updates(self) -> Mapping[str, TreeUpdate]:
        sides = [side for comparison in self.comparisons for side in (comparison.expected, comparison.actual)]
        return {side.name: TreeUpdate(side, DigestTree(self.documents, side.name)) for side in sides}

    def _rewinding(self, full: bool) -> Iterator[RunStep]:
        if full:
            yield Repeat(STREAMS, self._rewind)
            for comparison in self.comparisons:
                if isinstance(comparison, ViewComparison):
                    yield Repeat(comparison.name, partial(comparison.expected.forget, CHUNK))

    def _rewind(self) -> bool:
        for feed in (self.streams.log, *(update.side.feed for update in self._updates.values())):
            feed.rewind()
        return False

    def _verifying(self, full: bool) -> Iterator[RunStep]:
        yield ConsumeFeed(STREAMS, self.streams.marks, partial(self._verified, self.streams.verify_touched))
        yield ConsumeFeed(STREAMS, self.streams.log, partial(self._verified, self.streams.verify))
        if full:
            yield VisitKnown(STREAMS, self.streams.tree, partial(self._verified, self.streams.verify_present))

    def _verified(self, verify: Callable[[Sequence[str]], list[Finding]], ids: Sequence[str]) -> StepResult:
        nodes = self.streams.tree.nodes_read
        findings = verify(ids)
        return StepResult(None, findings, rows_read=len(ids), nodes_read=self.streams.tree.nodes_read - nodes)

    def _comparing(self, full: bool) -> Iterator[RunStep]:
        for comparison in self.comparisons:
            if isinstance(comparison, ViewComparison):
                yield ConsumeFeed(comparison.name, comparison.expected.streams, partial(_applied, comparison))
                yield ConsumeFeed(comparison.name, comparison.lagging, partial(self._lagging, comparison))
            for side in (comparison.expected, comparison.actual):
                yield from self._updating(comparison.name, side, full)
            expected, actual = (self._updates[side.name] for side in (comparison.expected, comparison.actual))
            yield WalkTrees(comparison.name, comparison, expected, actual, self.pause)

    def _updating(self, section: str, side: Side, full: bool) -> Iterator[RunStep]:
        """Bring a tree up to its side; streams that are gone were marked for the fold by the verification."""
        update = self._updates[side.name]
        yield ConsumeFeed(section, side.feed, update)
        names_all = isinstance(side.feed, RestartingFeed)
        if full and not (names_all or isinstance(side, FoldSide)):
            yield VisitKnown(section, update.tree, update.others)

    def _lagging(self, view: ViewComparison, ids: Sequence[str]) -> StepResult:
        """Look at streams that the read model lacked; those that it still lacks stay marked."""
        view.apply(ids, fresh=True)
        result = judged(view.judge_streams, ids, self.pause)
        still = {*result.moving, *(finding.where for finding in result.findings)}
        view.lagging.add(sorted(still), self.clock())
        return result


def build_plan(
    sources: Sources,
    domain: Domain,
    projection_states: ProjectionStates,
    window: timedelta,
    sleep: Callable[[float], None],
    others: Sequence[Comparison] = (),
) -> Plan:
    """The plan of one run, for the generations that are live now.

    Parameters
    ----------
    window : timedelta
        How long an event may be on its way.
    sleep : Callable[[float], None]
        Seconds.
    others : Sequence[Comparison]
        Comparisons besides those of the projections, such as of a legacy system.
    """
    known = projection_states.get([projection.name for projection in domain.projections])
    compared = [p for p in domain.projections if not known[p.name].outdated(p.version)]
    left_out = {p.name: OUTDATED.format(p.version) for p in domain.projections if p not in compared}
    folds: dict[str, list[DirtySet]] = defaultdict(list)
    comparisons: list[Comparison] = []
    histories = Histories(sources.store)
    for projection in compared:
        comparison = _comparison(projection, known[projection.name], sources, histories, window)
        for entity in projection.entities:
            folds[entity].append(comparison.touched)
        comparisons.append(comparison)
    _forward(comparisons, others, sources.documents)
    streams = StreamVerification(sources.store, domain.deciders, sources.documents, sources.clock, folds, histories)
    pause = partial(sleep, window.total_seconds())
    return Plan(streams, [*comparisons, *others], sources.documents, sources.clock, pause, left_out)


def fence_of(state: ProjectionState, clock: Clock, window: timedelta) -> Clock:
    """What a projection owes was recorded before then; a paused one owes nothing since its pause."""

    def fence() -> datetime:
        now = clock()
        return (min(now, state.pause.since) if state.pause else now) - window

    return fence


def _comparison(
    projection: Projection, state: ProjectionState, sources: Sources, histories: Histories, window: timedelta
) -> StateComparison | ViewComparison:
    fence = fence_of(state, sources.clock, window)
    if isinstance(projection, ViewProjection):
        return ViewComparison(projection, state.generation(), sources, histories, fence)
    return StateComparison(projection, state.generation(), sources, histories, fence)


def _forward(comparisons: Sequence[Comparison], others: Sequence[Comparison], documents: Documents) -> None:
    """Let the comparisons with other systems know of the rows that changed."""
    wanted = {side.name for other in others for side in (other.expected, other.actual)}
    for comparison in comparisons:
        if isinstance(comparison, StateComparison):
            rows = comparison.actual
            name = read_model_name(rows.generation)
            if name in wanted:
                rows.feed = ForwardingFeed(rows.feed, DirtySet(documents, name))


def _applied(view: ViewComparison, ids: Sequence[str]) -> StepResult:
    view.apply(ids)
    return StepResult(rows_read=len(ids))


def _rooted(section: Section, expected: DigestTree, actual: DigestTree) -> Section:
    one, other = expected.root(), actual.root()
    compared = max(one.count, other.count)
    return section.model_copy(update={"expected": one.digest, "actual": other.digest, "compared": compared})
