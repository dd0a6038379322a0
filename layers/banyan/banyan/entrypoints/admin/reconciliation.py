"""Routes over the reconciliation: start a run, follow it, and read reports."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import ConfigDict, computed_field

from banyan.bootstrap import Application
from banyan.entrypoints.admin.contents import MOST_BYTES, weight
from banyan.entrypoints.http.call import CurrentCall
from banyan.errors import Conflict, NotFound
from banyan.events import CamelModel
from banyan.reconciliation.reconciler import Runs, RunState
from banyan.reconciliation.report import Finding, Report, Section

ID: Final = "%Y%m%dT%H%M%S%fZ"
WITHOUT_FIELDS: Final = {"fields": (), "detail": "its fields do not fit into an answer: put others right first"}

router = Router()  # type: ignore[no-untyped-call]

Limit = Annotated[int, Query(ge=1, le=100)]


class RunRequest(CamelModel):
    """What to compare: what changed, or everything; ``repair`` compares everything and puts it right."""

    full: bool = False
    repair: bool = False


class RunAnswer(CamelModel):
    """A run that is not finished; it is ``working`` unless it waits for its next segment."""

    started_at: datetime
    full: bool
    repair: bool
    working: bool
    segments: int
    section: str | None
    rows_read: int
    differences: int
    repaired: int


class ReportSummary(CamelModel):
    """What a run came to; ``driftPercent`` above ``tolerancePercent`` is ``drifted``."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    started_at: datetime
    finished_at: datetime
    verified_through: datetime | None
    full: bool
    repair: bool
    segments: int
    compared: int
    rows_read: int
    differences: int
    repaired: int
    drift_percent: float
    tolerance_percent: float
    drifted: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def id(self) -> str:
        """Names the report in paths."""
        return self.started_at.astimezone(UTC).strftime(ID)


class ReportAnswer(ReportSummary):
    """A report down to its findings; those that no answer holds have no fields, and their ``detail`` says so."""

    sections: list[Section]


class ReportsAnswer(CamelModel):
    """The newest reports, newest first."""

    reports: list[ReportSummary]


class ReconciliationAnswer(CamelModel):
    """The run that is not finished, and the newest report."""

    run: RunAnswer | None
    latest: ReportSummary | None


@router.get("/admin/reconciliation", operation_id="showReconciliation", summary="How far the reconciliation has come")
def show(call: CurrentCall) -> ReconciliationAnswer:
    """Show the run that is not finished, and the newest report."""
    return standing_of(call.application)


@router.post("/admin/reconciliation/run", operation_id="reconcile", summary="Compare everything that is derived")
def run(body: RunRequest, call: CurrentCall) -> ReconciliationAnswer:
    """Start a run, or the next segment of one like it, whose report follows ``latest``; it continues by itself."""
    app, state = call.application, _open(call.application)
    if state and _working(app, state):
        raise Conflict("reconciliation_running", "a reconciliation is running: wait until it is done")
    before = _shown(app, state)
    app.functions.start("reconciler", body.model_dump())
    return before


@router.get("/admin/reconciliation/reports", operation_id="listReports", summary="What runs came to")
def list_reports(call: CurrentCall, limit: Limit = 30) -> ReportsAnswer:
    """List the newest reports."""
    found = call.application.reports.latest(limit)
    return ReportsAnswer(reports=[ReportSummary.model_validate(report) for report in found])


@router.get("/admin/reconciliation/reports/<id>", operation_id="showReport", summary="What differed, down to the field")
def show_report(id: str, call: CurrentCall) -> ReportAnswer:
    """Show a report."""
    with suppress(ValueError):
        found = call.application.reports.find(datetime.strptime(id, ID).replace(tzinfo=UTC))
        if found:
            return ReportAnswer.model_validate(_fitting(found))
    raise NotFound("report_not_found", f"there is no report {id!r}: list them first")


def _fitting(report: Report) -> Report:
    """A report as it fits into an answer: when everything differs in every field, its last findings lack theirs."""
    room, sections = MOST_BYTES, list[Section]()
    for section in report.sections:
        findings = list[Finding]()
        for finding in section.findings:
            room -= weight(finding)
            findings.append(finding if room >= 0 else finding.model_copy(update=WITHOUT_FIELDS))
        sections.append(section.model_copy(update={"findings": tuple(findings)}))
    return report.model_copy(update={"sections": tuple(sections)})


def standing_of(app: Application) -> ReconciliationAnswer:
    """The run that is not finished, and the newest report. Raises ``StoreUnavailable``."""
    return _shown(app, _open(app))


def _open(app: Application) -> RunState | None:
    return Runs(app.digests).open()


def _working(app: Application, state: RunState) -> bool:
    return state.leased_until is not None and state.leased_until > app.clock()


def _shown(app: Application, state: RunState | None) -> ReconciliationAnswer:
    latest = next(iter(app.reports.latest(1)), None)
    return ReconciliationAnswer(
        run=_running(state, _working(app, state)) if state else None,
        latest=ReportSummary.model_validate(latest) if latest else None,
    )


def _running(state: RunState, working: bool) -> RunAnswer:
    sections = state.sections
    return RunAnswer(
        started_at=state.started_at,
        full=state.full,
        repair=state.repair,
        working=working,
        segments=state.segments,
        section=sections[-1].name if sections else None,
        rows_read=sum(section.rows_read for section in sections),
        differences=sum(section.differences for section in sections),
        repaired=sum(section.repaired for section in sections),
    )
