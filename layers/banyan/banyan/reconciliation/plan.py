"""What a run does, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Final

from banyan.reconciliation.cells import Cells
from banyan.reconciliation.feeds import Anew, Clock
from banyan.reconciliation.report import Finding, Section
from banyan.reconciliation.sides import Comparison, NotRepairable, Side
from banyan.reconciliation.states import FoldSide
from banyan.reconciliation.steps import CHUNK, Drain, Indexing, Judging, Known, Once, Step, Stride, Walk
from banyan.reconciliation.streams import STREAMS, StreamVerification
from banyan.reconciliation.tree import DigestTree
from banyan.reconciliation.views import ViewComparison

OF_STREAMS: Final = frozenset({"stale_stream", "unfoldable_stream"})
"""Findings of a comparison that name a stream, not one of its entities."""


@dataclass(frozen=True)
class Plan:
    """The steps of a run: streams first, then each comparison, which updates both trees and walks down to what differs.

    Parameters
    ----------
    streams : StreamVerification
    comparisons : Sequence[Comparison]
    cells : Cells
    clock : Callable[[], datetime]
    pause : Callable[[], None]
        Between two looks at a difference.
    left_out : Mapping[str, str]
        Projections that are not compared, and why.
    """

    streams: StreamVerification
    comparisons: Sequence[Comparison]
    cells: Cells
    clock: Clock
    pause: Callable[[], None]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def steps(self, *, full: bool) -> list[Step]:
        """The steps in their order; a full run begins all feeds anew and asks for all that trees know besides."""
        for indexing in self._indexing.values():
            indexing.done.clear()
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
                self._indexing[side.name]([finding.where])
        return done

    def concluded(self, sections: Sequence[Section]) -> tuple[Section, ...]:
        """The sections of a finished run, with what the roots of the trees say."""
        found = {section.name: section for section in sections}
        trees = {c.name: (c.expected.name, c.actual.name) for c in self.comparisons}
        streams = _rooted(found.get(STREAMS, Section(name=STREAMS)), self.streams.tree, self.streams.tree)
        return (
            streams,
            *(
                _rooted(found.get(name, Section(name=name)), *(self._indexing[side].tree for side in sides))
                for name, sides in trees.items()
            ),
            *(Section(name=name, note=reason) for name, reason in self.left_out.items()),
        )

    @cached_property
    def _indexing(self) -> Mapping[str, Indexing]:
        sides = [side for comparison in self.comparisons for side in (comparison.expected, comparison.actual)]
        return {side.name: Indexing(side, DigestTree(self.cells, side.name)) for side in sides}

    def _rewinding(self, full: bool) -> Iterator[Step]:
        if full:
            yield Once(STREAMS, self._rewind)
            for view in self._views():
                yield Once(view.name, partial(view.expected.forget, CHUNK))

    def _rewind(self) -> bool:
        feeds = [self.streams.log, *(side.side.feed for side in self._indexing.values())]
        for feed in feeds:
            feed.rewind()
        return False

    def _verifying(self, full: bool) -> Iterator[Step]:
        yield Drain(STREAMS, self.streams.marks, partial(self._verified, self.streams.verify_touched))
        yield Drain(STREAMS, self.streams.log, partial(self._verified, self.streams.verify))
        if full:
            yield Known(STREAMS, self.streams.tree, partial(self._verified, self.streams.verify_present))

    def _verified(self, verify: Callable[[Sequence[str]], list[Finding]], ids: Sequence[str]) -> Stride:
        nodes = self.streams.tree.nodes_read
        findings = verify(ids)
        return Stride(None, findings, rows_read=len(ids), nodes_read=self.streams.tree.nodes_read - nodes)

    def _comparing(self, full: bool) -> Iterator[Step]:
        for comparison in self.comparisons:
            if isinstance(comparison, ViewComparison):
                yield Drain(comparison.name, comparison.expected.streams, partial(_taken, comparison))
                yield Drain(comparison.name, comparison.lagging, partial(self._lagging, comparison))
            for side in (comparison.expected, comparison.actual):
                yield from self._updating(comparison.name, side, full)
            expected, actual = (self._indexing[side.name] for side in (comparison.expected, comparison.actual))
            yield Walk(comparison.name, comparison, expected, actual, self.pause)

    def _updating(self, section: str, side: Side, full: bool) -> Iterator[Step]:
        """Bring a tree up to its side; of streams that are gone the verification has told the fold already."""
        indexing = self._indexing[side.name]
        yield Drain(section, side.feed, indexing)
        names_all = isinstance(side.feed, Anew)
        if full and not (names_all or isinstance(side, FoldSide)):
            yield Known(section, indexing.tree, indexing.others)

    def _lagging(self, view: ViewComparison, ids: Sequence[str]) -> Stride:
        """Look at streams that the read model lacked; those that it still lacks stay marked."""
        view.take(ids, fresh=True)
        stride = Judging(view.judge_streams, self.pause)(ids)
        still = {*stride.moving, *(finding.where for finding in stride.findings)}
        view.lagging.add(sorted(still), self.clock())
        return stride

    def _views(self) -> list[ViewComparison]:
        return [comparison for comparison in self.comparisons if isinstance(comparison, ViewComparison)]


def _taken(view: ViewComparison, ids: Sequence[str]) -> Stride:
    view.take(ids)
    return Stride(rows_read=len(ids))


def _rooted(section: Section, expected: DigestTree, actual: DigestTree) -> Section:
    one, other = expected.root(), actual.root()
    compared = max(one.count, other.count)
    return section.model_copy(update={"expected": one.digest, "actual": other.digest, "compared": compared})
