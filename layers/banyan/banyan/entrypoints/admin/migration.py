"""Routes over the migration: its steps, and its long work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.request import Request
from pydantic import Field

from banyan.entrypoints.http.call import Call
from banyan.errors import CommandRejected, Conflict, NotFound
from banyan.events import CamelModel, Event
from banyan.migration.archive.manifest import TableContent
from banyan.migration.archive.tables import Archive, Restoration
from banyan.migration.checks.health import Overview, Standing
from banyan.migration.phases.aggregate import ALL_READS, Phase, Step
from banyan.migration.sync.backfill import BackfillPreview, BackfillProgress
from banyan.reconciliation.content import FieldDifference
from banyan.streams import BEGINNING_OF_TIME, StreamId
from banyan.text import Line

if TYPE_CHECKING:
    from banyan.migration.migration import Migration


@dataclass(frozen=True, slots=True)
class Migrating:
    """A migration, and who asks."""

    call: Call
    migration: Migration

    def start_controller(self) -> None:
        """Let the controller do what was decided, which it does within a minute anyway. Raises ``StoreUnavailable``."""
        self.call.application.functions.start("migration_controller", {})


def _current(request: Request) -> Migrating:
    context: dict[str, Any] = request.context
    migration = context["call"].application.migration
    if migration is None:
        raise NotFound("migration_off", "there is no migration: set LegacyStore to what the legacy system stands on")
    return Migrating(context["call"], migration)


CurrentMigration = Annotated[Migrating, Depends(_current)]


BACK: Final = {Phase.DUAL_WRITE: Phase.LEGACY, Phase.CANARY: Phase.DUAL_WRITE}

router = Router()  # type: ignore[no-untyped-call]

Reason = Annotated[Line, Field(min_length=1, max_length=500)]
Limit = Annotated[int, Query(ge=1, le=200)]
Before = Annotated[int | None, Query(ge=1)]


class ReasonRequest(CamelModel):
    """Why."""

    reason: Reason


class StepRequest(ReasonRequest):
    """A step forward; ``from`` is where the caller believes it stands, ``noWayBack`` that there is none from there."""

    from_: Step | None = Field(None, alias="from")
    no_way_back: bool = False


class BackRequest(ReasonRequest):
    """A step back, one phase unless ``to`` names another step."""

    to: Step | None = None


class MoveRequest(StepRequest):
    """Any step that one move leads to."""

    to: Step


class DecisionAnswer(CamelModel):
    """Something that was decided about the migration; ``details`` are the event's."""

    version: int
    type: str
    at: datetime
    actor: str
    reason: str
    evidence: Mapping[str, Any]
    details: Mapping[str, Any]


class HistoryAnswer(CamelModel):
    """Decisions, the newest first; ``next`` is the ``before`` of the next page."""

    decisions: list[DecisionAnswer]
    next: int | None


class DifferenceAnswer(CamelModel):
    """A read that both sides answered, and differently: what the legacy system says is expected."""

    at: datetime
    stream: StreamId
    fields: list[FieldDifference]


class DifferencesAnswer(CamelModel):
    """Reads that differed, the newest first; ``next`` is the ``before`` of the next page."""

    differences: list[DifferenceAnswer]
    next: str | None


@router.get("/admin/migration", operation_id="showMigration", summary="Where the migration stands, and what it awaits")
def show(asked: CurrentMigration) -> Overview:
    """Show phase, health, half-done writes, and what the next step waits for."""
    return asked.migration.observer.overview()


@router.get("/admin/migration/history", operation_id="showMigrationHistory", summary="What was decided, and why")
def history(asked: CurrentMigration, before: Before = None, limit: Limit = 50) -> HistoryAnswer:
    """Show decisions with their evidence."""
    decided = reversed(asked.migration.phases.history())
    found = [event for event in decided if before is None or event.version < before]
    page = [_decision(event) for event in found[:limit]]
    return HistoryAnswer(decisions=page, next=page[-1].version if len(found) > limit else None)


@router.get("/admin/migration/differences", operation_id="listReadDifferences", summary="Compared reads that differed")
def differences(
    asked: CurrentMigration, limit: Limit = 50, before: Annotated[str | None, Query(max_length=200)] = None
) -> DifferencesAnswer:
    """Show which fields of compared reads differed since the migration got where it stands."""
    since = asked.migration.phases.refreshed().moved_at or BEGINNING_OF_TIME
    page = asked.migration.samples.mismatches(since, limit, before)
    found = [DifferenceAnswer(at=each.at, stream=each.stream, fields=list(each.fields)) for each in page.mismatches]
    return DifferencesAnswer(differences=found, next=page.next)


@router.post("/admin/migration/start", operation_id="startMigration", summary="Write both sides")
def start(body: ReasonRequest, asked: CurrentMigration) -> Standing:
    """Go from ``legacy`` to ``dual_write``."""
    standing = asked.migration.phases.refreshed().step
    if standing.phase is not Phase.LEGACY:
        raise Conflict("already_started", f"the migration stands at {standing}: advance it, or roll it back")
    return _move(asked, Step(phase=Phase.DUAL_WRITE), body.reason)


@router.post("/admin/migration/advance", operation_id="advanceMigration", summary="Go a step forward")
def advance(body: StepRequest, asked: CurrentMigration) -> Standing:
    """Go to the next step, without waiting for its window."""
    _expect_at(asked, body.from_)
    to = asked.migration.observer.next()
    if to is None:
        raise Conflict("migration_complete", "the migration is complete: there is no step behind it")
    return _move(asked, to, body.reason, no_way_back=body.no_way_back)


@router.post("/admin/migration/rollback", operation_id="rollBackMigration", summary="Go back")
def roll_back(body: BackRequest, asked: CurrentMigration) -> Standing:
    """Go back a phase, or to a step; from ``event_store`` on there is no way back."""
    standing = asked.migration.phases.refreshed().step
    to = body.to or Step(phase=BACK.get(standing.phase, standing.phase))
    if to.place >= standing.place:
        raise CommandRejected("step_out_of_reach", f"no way leads back from {standing} to {to}", "to")
    return _move(asked, to, body.reason)


@router.post("/admin/migration/complete", operation_id="completeMigration", summary="End it")
def complete(body: ReasonRequest, asked: CurrentMigration) -> Standing:
    """Go from ``event_store`` to ``complete``, when the legacy system is not used any more and its archive is whole."""
    return _move(asked, Step(phase=Phase.COMPLETE, percentage=ALL_READS), body.reason, no_way_back=True)


@router.post("/admin/migration/move", operation_id="moveMigration", summary="Go to a step")
def move(body: MoveRequest, asked: CurrentMigration) -> Standing:
    """Go to any phase and share of reads that one move leads to."""
    _expect_at(asked, body.from_)
    return _move(asked, body.to, body.reason, no_way_back=body.no_way_back)


def _expect_at(asked: Migrating, step: Step | None) -> None:
    """Refuse a move from where the migration no longer stands, if its caller says from where."""
    if step is None:
        return
    standing = asked.migration.phases.refreshed().step
    if step != standing:
        raise Conflict("step_moved", f"the migration stands at {standing}, not at {step}: look again")


def _move(asked: Migrating, to: Step, reason: str, *, no_way_back: bool = False) -> Standing:
    """Decide on a step; where the primary changes, the controller finishes it."""
    if to.phase is Phase.EVENT_STORE and not no_way_back:
        raise Conflict(
            "no_way_back",
            "from event_store on there is no way back: say so with noWayBack (--no-way-back)",
            "noWayBack",
        )
    decided = asked.migration.transitions.begin(to, reason=reason, actor=asked.call.caller.actor)
    if decided.moving_to:
        asked.start_controller()
    return asked.migration.observer.standing(decided)


def _decision(event: Event) -> DecisionAnswer:
    details = event.payload.model_dump(mode="json", by_alias=True)
    return DecisionAnswer(
        version=event.version,
        type=event.event_type,
        at=event.timestamp,
        actor=event.metadata.actor,
        reason=details.pop("reason"),
        evidence=details.pop("evidence", {}),
        details=details,
    )


Name = Annotated[str, Field(pattern="^[A-Za-z0-9]{1,64}$")]


class BackfillAnswer(CamelModel):
    """How far the newest backfill has come, if one was begun; and, unless one is running, what a whole one costs."""

    progress: BackfillProgress | None
    preview: BackfillPreview | None


class ArchiveRequest(CamelModel):
    """An archive; with ``anew`` even if there is one, with ``insteadOf`` only while that is the newest."""

    anew: bool = False
    instead_of: Name | None = None


class RestoreRequest(CamelModel):
    """Which archive to restore: by default the newest."""

    archive: Name | None = None


class ArchiveProgress(CamelModel):
    """How far an archive has come: ``rows`` read into ``parts``, of which ``checked`` were read back."""

    id: str
    begun_at: datetime
    stage: Literal["writing", "checking", "verified", "damaged"]
    rows: int
    parts: int
    checked: int
    tables: Sequence[TableContent]
    manifest_sha256: str
    verified_at: datetime | None
    damage: str


class RestorationProgress(CamelModel):
    """How far a restoration has come: parts ``checked``, parts ``written``, and rows read back to be compared."""

    archive: str
    begun_at: datetime
    checked: int
    written: int
    compared: int
    ended_at: datetime | None
    damage: str


class ArchiveAnswer(CamelModel):
    """How far the newest archive has come, and the newest restoration, where there is one."""

    archive: ArchiveProgress | None
    restoration: RestorationProgress | None


@router.get("/admin/migration/backfill", operation_id="showBackfill", summary="How far the backfill has come")
def show_backfill(asked: CurrentMigration, preview: bool = True) -> BackfillAnswer:
    """Show the backfill; or, unless one is running, what a whole one costs, for which the legacy rows are counted."""
    return _backfill(asked, preview=preview)


@router.post("/admin/migration/backfill", operation_id="backfill", summary="Tell the event store of every row")
def start_backfill(asked: CurrentMigration) -> BackfillAnswer:
    """Start a backfill, or continue one that was begun; it runs by itself."""
    asked.migration.backfill.begin()
    asked.start_controller()
    return _backfill(asked)


@router.get("/admin/migration/archive", operation_id="showArchive", summary="How far archive and restoration have come")
def show_archive(asked: CurrentMigration) -> ArchiveAnswer:
    """Show the newest archive and the newest restoration."""
    return _archive(asked)


@router.post("/admin/migration/archive", operation_id="archive", summary="Archive the legacy system")
def archive(body: ArchiveRequest, asked: CurrentMigration) -> ArchiveAnswer:
    """Start an archive, or continue one that was begun; it runs by itself."""
    asked.migration.archives.begin(again=body.anew, instead_of=body.instead_of)
    asked.start_controller()
    return _archive(asked)


@router.post("/admin/migration/restore", operation_id="restore", summary="Restore the legacy system from an archive")
def restore(body: RestoreRequest, asked: CurrentMigration) -> ArchiveAnswer:
    """Put an archive back into empty tables, or continue one that was begun; it runs by itself."""
    asked.migration.archives.restore(body.archive)
    asked.start_controller()
    return _archive(asked)


def _backfill(asked: CurrentMigration, *, preview: bool = True) -> BackfillAnswer:
    backfill, settings = asked.migration.backfill, asked.call.application.settings
    progress = backfill.progress()
    counted = preview and (progress is None or progress.finished)
    return BackfillAnswer(progress=progress, preview=backfill.preview(settings.write_unit_price) if counted else None)


def _archive(asked: CurrentMigration) -> ArchiveAnswer:
    archive, restoration = asked.migration.archives.progress(), asked.migration.archives.restoration()
    return ArchiveAnswer(
        archive=_archived(archive) if archive else None, restoration=_restored(restoration) if restoration else None
    )


def _archived(archive: Archive) -> ArchiveProgress:
    return ArchiveProgress(
        id=archive.id,
        begun_at=archive.begun_at,
        stage=archive.stage.value,
        rows=archive.reading.rows,
        parts=archive.parts,
        checked=archive.checked,
        tables=archive.reading.tables,
        manifest_sha256=archive.manifest_sha256,
        verified_at=archive.verified_at,
        damage=archive.damage,
    )


def _restored(restoration: Restoration) -> RestorationProgress:
    return RestorationProgress(
        archive=restoration.archive,
        begun_at=restoration.begun_at,
        checked=restoration.checked,
        written=restoration.written,
        compared=restoration.reading.rows if restoration.reading else 0,
        ended_at=restoration.ended_at,
        damage=restoration.damage,
    )
