"""Runs a reconciliation, in as many segments as it takes, and keeps its report."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from banyan.notices import NoNotices, Notices
from banyan.reconciliation.feeds import Clock
from banyan.reconciliation.plan import Plan
from banyan.reconciliation.report import Finding, Report, Reports, Section
from banyan.reconciliation.run import Runs, RunState
from banyan.reconciliation.sides import NotRepairable
from banyan.reconciliation.steps import Step
from banyan.telemetry import NoTelemetry, Telemetry

DRIFT: Final = "ReconciliationDrift"
MARGIN_SECONDS: Final = 60.0
"""No chunk begins with less time left."""
LEASE: Final = timedelta(minutes=5)
"""How long a run may stand still before somebody else goes on with it."""

Remaining = Callable[[], float]


class Reconciler:
    """Compares everything that is derived with what it is derived from.

    Parameters
    ----------
    plan : Plan
    reports : Reports
    runs : Runs
        Where a run that is not finished is kept.
    clock : Callable[[], datetime]
    window : timedelta
        How long an event may be on its way.
    tolerance_percent : float
        Share of differing entities that is no drift, %.
    telemetry : Telemetry
    notices : Notices
    """

    def __init__(
        self,
        plan: Plan,
        reports: Reports,
        runs: Runs,
        clock: Clock,
        window: timedelta,
        *,
        tolerance_percent: float = 0.0,
        telemetry: Telemetry | None = None,
        notices: Notices | None = None,
    ) -> None:
        self._plan = plan
        self._reports = reports
        self._runs = runs
        self._clock = clock
        self._window = window
        self._tolerance = tolerance_percent
        self._telemetry = telemetry or NoTelemetry()
        self._notices = notices or NoNotices()

    def run(
        self, *, full: bool = False, repair: bool = False, remaining: Remaining = lambda: math.inf
    ) -> Report | None:
        """Begin a run, or go on with one like it.

        Parameters
        ----------
        full : bool
            Read everything again, not only what changed.
        repair : bool
            Put right what can be; reads everything first, so that nothing is judged by an old digest.
        remaining : Callable[[], float]
            Seconds that are left.

        Returns
        -------
        Report or None
            ``None`` when there is more to do, for ``go_on``, or when somebody else is at it.

        Raises
        ------
        RunLost, StoreUnavailable
        """
        state = self._runs.open()
        if state and self._leased(state):
            return None
        wanted = (full or repair, repair)
        if state is None or (state.full, state.repair) != wanted:
            state = RunState(started_at=self._clock(), full=wanted[0], repair=repair)
        return self._segment(state, remaining)

    def go_on(self, *, remaining: Remaining = lambda: math.inf) -> Report | None:
        """Go on with the run that is not finished, if there is one and nobody is at it. As ``run`` otherwise."""
        state = self._runs.open()
        return None if state is None or self._leased(state) else self._segment(state, remaining)

    def _segment(self, state: RunState, remaining: Remaining) -> Report | None:
        state = self._save(state.model_copy(update={"segments": state.segments + 1}))
        steps = self._plan.steps(full=state.full)
        while state.pending or state.step < len(steps):
            if remaining() < MARGIN_SECONDS:
                self._runs.save(state.model_copy(update={"leased_until": None}))
                return None
            state = self._save(self._repaired(state) if state.pending else _advanced(state, steps))
        return self._concluded(state)

    def _save(self, state: RunState) -> RunState:
        leased = state.model_copy(update={"leased_until": self._clock() + LEASE})
        self._runs.save(leased)
        return leased

    def _leased(self, state: RunState) -> bool:
        return state.leased_until is not None and state.leased_until > self._clock()

    def _repaired(self, state: RunState) -> RunState:
        outcomes: dict[Finding, str] = {}
        count = 0
        for finding in state.pending:
            try:
                outcomes[finding] = self._plan.repair(state.pending_section, finding)
                count += 1
            except NotRepairable as error:
                outcomes[finding] = f"not repaired: {error}"
        return state.after_repair(outcomes, count)

    def _concluded(self, state: RunState) -> Report:
        sections = self._plan.concluded(state.sections)
        moments = (state.started_at - self._window, state.unsettled_since)
        report = Report(
            started_at=state.started_at,
            finished_at=self._clock(),
            verified_through=min(moment for moment in moments if moment),
            full=state.full,
            repair=state.repair,
            segments=state.segments,
            sections=sections,
            drift_percent=_percent(sections),
            tolerance_percent=self._tolerance,
        )
        self._reports.put(report)
        if report.drifted:
            self._tell(report)
        self._runs.save(None)
        return report

    def _tell(self, report: Report) -> None:
        self._telemetry.count("ReconciliationDrift", report.differences)
        self._notices.send(
            DRIFT,
            {
                "startedAt": report.started_at.isoformat(),
                "differences": report.differences,
                "repaired": report.repaired,
                "driftPercent": report.drift_percent,
                "sections": [section.name for section in report.sections if section.differences],
            },
        )


def _advanced(state: RunState, steps: Sequence[Step]) -> RunState:
    step = steps[state.step]
    return state.after(step.section, step.advance(state.cursor, state.started_at))


def _percent(sections: Sequence[Section]) -> float:
    compared = sum(section.compared for section in sections)
    differing = sum(section.differences for section in sections)
    return round(100 * differing / compared, 6) if compared else 100.0 * bool(differing)
