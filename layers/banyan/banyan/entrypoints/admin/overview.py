"""The route that shows in one answer how the platform does, and what needs a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router

from banyan.adapters.observability import log_failure
from banyan.adapters.settings import Settings
from banyan.bootstrap import Application
from banyan.entrypoints.admin import attention, parts
from banyan.entrypoints.admin.attention import Attention
from banyan.entrypoints.admin.reconciliation import ReconciliationAnswer
from banyan.entrypoints.http.call import CurrentCall
from banyan.errors import BanyanError
from banyan.events import CamelModel

if TYPE_CHECKING:
    from banyan.migration.checks.health import Overview

T = TypeVar("T")

router = Router()  # type: ignore[no-untyped-call]


class OverviewAnswer(CamelModel):
    """How everything does, and what needs a person, the most urgent first.

    A part is null when there is no such thing here, or when it could not be read: then ``unavailable`` says why, by its
    name, and ``attention`` knows nothing of it.
    """

    as_of: datetime
    attention: list[Attention]
    rate: parts.RateAnswer | None
    projections: list[parts.ProjectionOverview] | None
    deadlines: parts.DeadlinesOverview | None
    reconciliation: ReconciliationAnswer | None
    migration: parts.MigrationOverview | None
    ingest: parts.IngestOverview | None
    unavailable: dict[str, str]


@router.get("/admin/overview", operation_id="showOverview", summary="How everything does, and what needs a person")
def show(call: CurrentCall) -> OverviewAnswer:
    """Show how everything does, at a cost that does not grow with what is stored; to be asked every few seconds."""
    read = _Reading(call.application)
    projections = read.part("projections", parts.read_projections)
    deadlines = read.part("deadlines", parts.read_deadlines)
    reconciliation = read.part("reconciliation", parts.read_reconciliation)
    migration = read.part("migration", parts.read_migration)
    ingest = read.part("ingest", parts.read_ingest)
    settings, now = call.application.settings, call.now()
    return OverviewAnswer(
        as_of=now,
        attention=_judged(settings, now, projections, deadlines, reconciliation, migration, ingest),
        rate=projections and parts.rate_answer(projections),
        projections=projections and parts.projections_answer(projections),
        deadlines=deadlines and parts.deadlines_answer(deadlines),
        reconciliation=reconciliation and reconciliation.standing,
        migration=migration and parts.migration_answer(migration),
        ingest=ingest,
        unavailable=read.unavailable,
    )


def _judged(
    settings: Settings,
    now: datetime,
    projections: parts.Projections | None,
    deadlines: parts.FoundDeadlines | None,
    reconciliation: parts.Compared | None,
    migration: Overview | None,
    ingest: parts.IngestOverview | None,
) -> list[Attention]:
    """What needs a person, by the parts that there are."""
    return attention.by_urgency(
        [
            *(attention.of_projections(projections, settings, now) if projections else ()),
            *(attention.of_deadlines(deadlines) if deadlines else ()),
            *(attention.of_reconciliation(reconciliation, settings, now) if reconciliation else ()),
            *(attention.of_migration(migration, now) if migration else ()),
            *(attention.of_ingest(ingest) if ingest else ()),
        ]
    )


class _Reading:
    """Reads one part after the other; one that fails stops no other."""

    def __init__(self, app: Application) -> None:
        self.unavailable: dict[str, str] = {}
        self._app = app

    def part(self, name: str, read: Callable[[Application], T | None]) -> T | None:
        try:
            return read(self._app)
        except Exception as error:
            log_failure(f"the overview lacks its part {name}", error)
            self.unavailable[name] = str(error) if isinstance(error, BanyanError) else type(error).__name__
            return None
