"""One reconciliation: streams and snapshots verified, read models compared with folds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from banyan.domain import Domain
from banyan.projections.base import Projection
from banyan.projections.views import Views
from banyan.reconciliation.checksum import checksum
from banyan.reconciliation.report import Finding, Report, Section
from banyan.reconciliation.rows import Comparison, compare
from banyan.store import EventStore
from banyan.store.eventstore import Clock, utc_now
from banyan.store.verify import Problem, verify_stream
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry, Telemetry

MAX_FINDINGS: Final = 100
LOOKS: Final = 3


class Reconciler:
    """Compares everything that is derived with what it is derived from.

    A difference counts only when it still stands, on a row that has not changed, after two pauses: what is
    merely on its way has arrived or moved by then.

    Parameters
    ----------
    store : EventStore
    views : Views
    domain : Domain
    tolerance_percent : float
        Share of differing entities that is no drift, %.
    settle_ms : int
        Pause before a difference is looked at again, ms.
    clock, sleep, telemetry
        Replace the defaults, in tests.
    """

    def __init__(
        self,
        store: EventStore,
        views: Views,
        domain: Domain,
        *,
        tolerance_percent: float = 0.0,
        settle_ms: int = 5000,
        clock: Clock = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._store = store
        self._views = views
        self._domain = domain
        self._tolerance = tolerance_percent
        self._pause = settle_ms / 1000
        self._clock = clock
        self._sleep = sleep
        self._telemetry = telemetry or NoTelemetry()

    def run(self) -> Report:
        """Verify every stream and compare every projection.

        Raises
        ------
        StoreUnavailable
        """
        started_at = self._clock()
        sections = [self._verify(self._streams()), *map(self._compare, self._domain.projections)]
        report = Report(
            started_at=started_at,
            finished_at=self._clock(),
            sections=tuple(sections),
            drift_percent=_percent(sections),
            tolerance_percent=self._tolerance,
        )
        if report.drifted:
            self._telemetry.count("ReconciliationDrift", report.differences)
        return report

    def _streams(self) -> Sequence[StreamId]:
        """Streams with any commit at all, also those that lost their first."""
        buckets = range(self._store.table.buckets)
        return sorted({entry.stream for bucket in buckets for entry in self._store.log(bucket)})

    def _verify(self, streams: Sequence[StreamId]) -> Section:
        deciders = {decider.entity: decider for decider in self._domain.deciders}
        checked = [verify_stream(self._store, stream, deciders.get(stream.entity)) for stream in streams]
        damaged = [verification for verification in checked if verification.problems]
        findings = [_finding(v.stream, problem) for v in damaged for problem in v.problems]
        return Section(
            name="streams",
            compared=len(checked),
            differences=len(damaged),
            findings=tuple(findings[:MAX_FINDINGS]),
        )

    def _compare(self, projection: Projection) -> Section:
        look = compare(projection, self._store, self._views)
        standing = set(look.findings)
        for _ in range(LOOKS - 1):
            if not standing:
                break
            self._sleep(self._pause)
            earlier, look = look, compare(projection, self._store, self._views)
            standing &= {f for f in look.findings if look.actual.get(f.where) == earlier.actual.get(f.where)}
        settled = _without_moving(look, standing)
        return Section(
            name=projection.name,
            compared=len(settled.expected.keys() | settled.actual.keys()),
            in_flight=len(settled.in_flight),
            expected=checksum(settled.expected),
            actual=checksum(settled.actual),
            differences=len(standing),
            findings=tuple(sorted(standing, key=lambda finding: finding.where)[:MAX_FINDINGS]),
        )


def _without_moving(look: Comparison, standing: set[Finding]) -> Comparison:
    """Rows that differ in the last look only are in flight."""
    moving = look.in_flight | {finding.where for finding in look.findings} - {finding.where for finding in standing}
    return Comparison(
        {name: content for name, content in look.expected.items() if name not in moving},
        {name: content for name, content in look.actual.items() if name not in moving},
        tuple(standing),
        moving,
    )


def _finding(stream: StreamId, problem: Problem) -> Finding:
    return Finding(where=str(stream), kind=problem.kind, version=problem.version, detail=problem.detail)


def _percent(sections: Sequence[Section]) -> float:
    compared = sum(section.compared for section in sections)
    differing = sum(section.differences for section in sections)
    return round(100 * differing / compared, 6) if compared else 0.0
