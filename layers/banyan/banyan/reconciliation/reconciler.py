"""Runs a reconciliation, in as many segments as it takes, and keeps its report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from banyan.documents import Documents, Key
from banyan.errors import BanyanError
from banyan.events import CamelModel
from banyan.jobs import Job
from banyan.notices import NoNotices, Notices
from banyan.reconciliation.feeds import Clock
from banyan.reconciliation.plan import CHUNK, Plan, RunStep, StepResult
from banyan.reconciliation.report import MAX_FINDINGS, Finding, Report, Reports, Section
from banyan.reconciliation.sides import NotRepairable
from banyan.telemetry import NoTelemetry, Telemetry

RUN: Final = Key("run", "-")


class RunState(CamelModel):
    """How far a run has come.

    Parameters
    ----------
    segments : int
        Invocations so far.
    step : int
        Index of the step it is at.
    cursor : str
        Where in that step.
    sections : tuple[Section, ...]
        What was found so far.
    pending : tuple[Finding, ...]
        Found in ``pending_section`` and to be repaired before the run continues.
    unsettled_since : datetime, optional
        When the oldest change was made that is still on its way.
    leased_until : datetime, optional
        No other process may continue the run before.
    """

    started_at: datetime
    full: bool = False
    repair: bool = False
    segments: int = 0
    step: int = 0
    cursor: str = ""
    sections: tuple[Section, ...] = ()
    pending: tuple[Finding, ...] = ()
    pending_section: str = ""
    unsettled_since: datetime | None = None
    leased_until: datetime | None = None

    def after(self, section: str, result: StepResult) -> RunState:
        """The state after one chunk."""
        done = result.cursor is None
        known = next((each.findings for each in self.sections if each.name == section), ())
        result.findings = _fresh(known, result.findings)
        return self.model_copy(
            update={
                "step": self.step + done,
                "cursor": result.cursor or "",
                "sections": self._with(section, result),
                "pending": tuple(result.findings) if self.repair else (),
                "pending_section": section,
                "unsettled_since": _oldest([self.unsettled_since, *result.moving.values()]),
            }
        )

    def after_repair(self, outcomes: Mapping[Finding, str], count: int) -> RunState:
        """The state after the repair of what was pending."""
        sections = tuple(_noted(s, outcomes, count) if s.name == self.pending_section else s for s in self.sections)
        return self.model_copy(update={"pending": (), "sections": sections})

    def _with(self, name: str, result: StepResult) -> tuple[Section, ...]:
        found = {section.name: section for section in self.sections}
        found[name] = _added(found.get(name) or Section(name=name), result)
        return tuple(found.values())


class RunLost(BanyanError):
    """Another process went on with the run."""


class Runs:
    """Keeps the run that is not finished."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._text: str | None = None

    def open(self) -> RunState | None:
        """The run that is not finished, if there is one."""
        self._text = self._documents.get(RUN)
        return RunState.model_validate_json(self._text) if self._text else None

    def save(self, state: RunState | None) -> None:
        """Keep the state, ``None`` when the run is finished. Raises ``RunLost`` when another process did meanwhile."""
        text = state.model_dump_json(by_alias=True) if state else None
        if not self._documents.replace(RUN, self._text, text):
            raise RunLost
        self._text = text


def _added(section: Section, result: StepResult) -> Section:
    moving = dict.fromkeys([*section.moving, *result.moving])
    places = {finding.where for finding in result.findings} - {finding.where for finding in section.findings}
    return section.model_copy(
        update={
            "in_flight": section.in_flight + len(result.moving),
            "moving": tuple(moving)[:MAX_FINDINGS],
            "differences": section.differences + len(places),
            "findings": (*section.findings, *result.findings)[:MAX_FINDINGS],
            "rows_read": section.rows_read + result.rows_read,
            "nodes_read": section.nodes_read + result.nodes_read,
        }
    )


def _fresh(known: Sequence[Finding], findings: Sequence[Finding]) -> list[Finding]:
    """Findings that were not made already, by an earlier chunk or by this one before it was interrupted."""
    seen = {(finding.where, finding.kind, finding.version) for finding in known}
    return [finding for finding in findings if (finding.where, finding.kind, finding.version) not in seen]


def _noted(section: Section, outcomes: Mapping[Finding, str], count: int) -> Section:
    findings = tuple(f.model_copy(update={"repair": outcomes[f]}) if f in outcomes else f for f in section.findings)
    return section.model_copy(update={"findings": findings, "repaired": section.repaired + count})


def _oldest(moments: Sequence[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


DRIFT: Final = "ReconciliationDrift"
MARGIN_SECONDS: Final = 60.0
"""No chunk begins with less time left."""
LEASE: Final = timedelta(minutes=5)
"""How long a run may stand still before another process continues it."""

Remaining = Callable[[], float]


class Reconciler:
    """Compares everything that is derived with what it is derived from.

    Parameters
    ----------
    runs : Runs
        Where a run that is not finished is kept.
    window : timedelta
        How long an event may be on its way.
    tolerance_percent : float
        Share of differing entities that is not drift, %.
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
        """Begin a run, or continue one like it.

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
            ``None`` when there is more to do, for ``go_on``, or when another process is at it.

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
        """Continue the run that is not finished, if there is one and no process is at it. As ``run`` otherwise."""
        state = self._runs.open()
        return None if state is None or self._leased(state) else self._segment(state, remaining)

    def _segment(self, state: RunState, remaining: Remaining) -> Report | None:
        sizes = _sizes(1 if state.leased_until else CHUNK)
        state = self._keep(state.model_copy(update={"segments": state.segments + 1}))
        steps = self._plan.steps(full=state.full)
        job = Job(
            step=lambda state: [self._repaired(state) if state.pending else _advanced(state, steps, next(sizes))],
            keep=self._keep,
            finished=lambda state: not state.pending and state.step >= len(steps),
        )
        state = job.run(state, lambda: remaining() >= MARGIN_SECONDS)
        if not job.finished(state):
            self._runs.save(state.model_copy(update={"leased_until": None}))
            return None
        return self._concluded(state)

    def _keep(self, state: RunState, /, *, instead_of: RunState | None = None) -> RunState:  # noqa: ARG002
        """Keep a state under a lease: only one process at a time may carry the folds of shared rows on."""
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
            self._announce(report)
        self._runs.save(None)
        return report

    def _announce(self, report: Report) -> None:
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


def _sizes(first: int) -> Iterator[int]:
    """How many entities the chunks of a process have: where the one before it was killed, each twice the last one."""
    while True:
        yield first
        first = min(2 * first, CHUNK)


def _advanced(state: RunState, steps: Sequence[RunStep], size: int) -> RunState:
    """The state after one chunk; steps that have nothing to do are passed over at once."""
    done = True
    while done and state.step < len(steps):
        step = steps[state.step]
        result = step.advance(state.cursor, state.started_at, size)
        state, done = state.after(step.section, result), result.cursor is None
    return state


def _percent(sections: Sequence[Section]) -> float:
    compared = sum(section.compared for section in sections)
    differing = sum(section.differences for section in sections)
    return round(100 * differing / compared, 6) if compared else 100.0 * bool(differing)
