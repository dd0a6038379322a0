"""What needs a person: the gauges that alarms look at, as sentences with the names that an action needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from banyan.adapters.settings import Settings
from banyan.entrypoints.admin.parts import (
    Compared,
    FoundDeadlines,
    GenerationWork,
    IngestOverview,
    Projections,
    parked_by_stream,
)
from banyan.events import CamelModel
from banyan.projections.operations import ProjectionStatus
from banyan.projections.rebuild.rebuild import Progress
from banyan.projections.state import Stage, Status
from banyan.text import counted

if TYPE_CHECKING:
    from banyan.migration.checks.health import Overview

OVERDUE: Final = timedelta(minutes=10)
"""As the alarm ``DeadlinesOverdue``."""
IDLE: Final = timedelta(hours=1)
"""As the alarms ``RebuildIdle`` and ``MigrationIdle``."""
HALF_DONE_MS: Final = 600_000
"""As the alarm ``LegacyLagging``."""
EACH: Final = 10
"""Streams, deadlines or rows of one kind that are named; one entry stands for the others."""
BREAKER: Final = "breaker"

Code = Literal[
    "projection_stopped",
    "stream_parked",
    "deadlines_overdue",
    "deadline_parked",
    "migration_half_done",
    "migration_row_parked",
    "reconciliation_differs",
    "migration_differs",
    "projection_lagging",
    "rebuild_idle",
    "deletion_idle",
    "migration_idle",
    "rebuild_differs",
    "records_parked",
    "projection_paused",
    "reconciliation_old",
    "projection_outdated",
    "rebuild_ready",
    "migration_waits",
]
"""The most urgent first."""
URGENCY: Final = {code: place for place, code in enumerate(Code.__args__)}  # type: ignore[attr-defined]

Action = Literal["resume", "retry", "repair", "reconcile", "rebuild", "switch", "drop", "advance", "look"]


class Attention(CamelModel):
    """Something that needs a person.

    ``action`` says what helps, by the name of its command; ``names`` has what that command needs, ``since`` when it
    began. ``look`` when there is something to mend first.
    """

    code: Code
    subject: str
    text: str
    action: Action
    names: Mapping[str, str | int]
    since: datetime | None = None


def by_urgency(found: Sequence[Attention]) -> list[Attention]:
    """The most urgent first, of one kind the oldest."""
    return sorted(found, key=lambda each: (URGENCY[each.code], each.since is None, each.since, each.subject))


def of_projections(found: Projections, settings: Settings, now: datetime) -> Iterator[Attention]:
    """What stands or lags, and generations that wait for a decision."""
    for status in found.statuses:
        yield from _pause(status)
        yield from _parked(status)
        yield from _lag(status, settings.iterator_age_limit_ms)
        if status.status is Status.OUTDATED:
            text = f"An older version of {status.projection} made its rows."
            yield _of(status.projection, "projection_outdated", text, "rebuild")
    for work in found.works:
        yield from _work(work, now)


def _thing(
    code: Code, subject: object, text: str, action: Action, since: datetime | None = None, **names: object
) -> Attention:
    named = {name: value if isinstance(value, int) else str(value) for name, value in names.items()}
    return Attention(code=code, subject=str(subject), text=text, action=action, names=named, since=since)


def _of(
    projection: str, code: Code, text: str, action: Action, since: datetime | None = None, **names: object
) -> Attention:
    return _thing(code, projection, text, action, since, projection=projection, **names)


def _pause(status: ProjectionStatus) -> Iterator[Attention]:
    pause, name = status.pause, status.projection
    if pause and pause.by == BREAKER:
        text = f"{name} stopped by itself, because many streams failed: {pause.reason}"
        yield _of(name, "projection_stopped", text, "resume", pause.since)
    elif pause:
        yield _of(name, "projection_paused", f"{pause.by} paused {name}: {pause.reason}", "resume", pause.since)


def _parked(status: ProjectionStatus) -> Iterator[Attention]:
    name, parked = status.projection, parked_by_stream(status)
    for each in parked[:EACH]:
        failure = each.failure
        names = {"projection": name, "stream": failure.stream, "version": failure.version}
        text = f"{name} stands still at event {failure.version} of {failure.stream}: {failure.error}"
        yield _thing(
            "stream_parked", failure.stream, text, "retry", failure.parked_at, **names, generation=each.generation
        )
    if more := len(parked[EACH:]):
        least = "" if status.parked_complete else " or more"
        yield _of(name, "stream_parked", f"{name} has more parked streams: {more}{least}.", "look")


def _lag(status: ProjectionStatus, limit_ms: int) -> Iterator[Attention]:
    lag, name = status.lag, status.projection
    if status.pause is None and lag.milliseconds > limit_ms:
        least = "" if lag.complete else "at least "
        text = f"{name} lags by {least}{counted(lag.events, 'event')}, the oldest {lag.milliseconds / 1000:.0f} s old."
        yield _of(name, "projection_lagging", text, "look")


def _work(work: GenerationWork, now: datetime) -> Iterator[Attention]:
    name, number, since = work.progress.projection, work.info.number, work.standing_since
    if work.info.stage is Stage.READY:
        yield _complete(work.progress)
    elif since is None or now - since <= IDLE:
        return
    elif work.info.stage is Stage.BUILDING:
        text = f"The rebuild of {name} has made no progress for an hour."
        yield _of(name, "rebuild_idle", text, "rebuild", since, generation=number)
    else:
        text = f"The deletion of generation {number} of {name} has made no progress for an hour."
        yield _of(name, "deletion_idle", text, "drop", since, generation=number)


def _complete(progress: Progress) -> Attention:
    name, number = progress.projection, progress.generation
    if progress.equal:
        text = f"Generation {number} of {name} is complete and equal: switch to it."
        return _of(name, "rebuild_ready", text, "switch", progress.updated_at, generation=number)
    rows, streams = counted(progress.different, "different row"), counted(progress.failed, "failed stream")
    text = f"Generation {number} of {name} is complete and not equal: {rows}, {streams}."
    return _of(name, "rebuild_differs", text, "look", progress.updated_at, generation=number)


def of_deadlines(found: FoundDeadlines) -> Iterator[Attention]:
    """Deadlines that are late or parked."""
    late = next((each for each in found.due if found.now - each.due > OVERDUE), None)
    if late:
        text = f"The deadline {late.name} of {late.stream} is due and not handled."
        yield _thing("deadlines_overdue", late.stream, text, "look", late.due, stream=late.stream, name=late.name)
    for each in found.parked[:EACH]:
        text = f"The deadline {each.name} of {each.stream} keeps failing: {each.error}"
        yield _thing("deadline_parked", each.stream, text, "retry", each.due, stream=each.stream, name=each.name)
    if more := len(found.parked[EACH:]):
        yield _thing("deadline_parked", "deadlines", f"There are more parked deadlines: {more} or more.", "look")


def of_reconciliation(found: Compared, settings: Settings, now: datetime) -> Iterator[Attention]:
    """Differences that stand, and a reconciliation that has not run for long, or never."""
    latest, run, hours = found.standing.latest, found.standing.run, settings.reconciliation_silence_hours
    if latest and latest.drifted and latest.repaired < latest.differences:
        left = counted(latest.differences - latest.repaired, "difference")
        text = f"{left} between the events and rows, snapshots or the legacy system."
        yield _thing("reconciliation_differs", latest.id, text, "repair", latest.finished_at, report=latest.id)
    since = latest.finished_at if latest else found.begun
    if since and now - since > timedelta(hours=hours) and not (run and run.working):
        text = f"Nothing was {'' if latest else 'ever '}compared, for more than {counted(hours, 'hour')}."
        names = {"report": latest.id} if latest else {}
        yield _thing("reconciliation_old", names.get("report", "reconciliation"), text, "reconcile", since, **names)


def of_migration(found: Overview, now: datetime) -> Iterator[Attention]:
    """Rows that stand, work that does not move, and a step that only a person makes."""
    for row in found.parked[:EACH]:
        text = f"The row of {row.stream} is parked: {row.reason}"
        yield _thing("migration_row_parked", row.stream, text, "look", row.since, stream=row.stream)
    if more := len(found.parked[EACH:]):
        yield _thing("migration_row_parked", found.entity, f"There are more parked rows: {more} or more.", "look")
    yield from _half_done(found)
    for work in found.unfinished:
        if now - work.since > IDLE:
            text = f"The {work.name} of the migration of {found.entity} has made no progress for an hour."
            yield _thing("migration_idle", found.entity, text, "look", work.since)
    if found.health and found.health.differences:
        text = f"{counted(len(found.health.differences), 'row')} of the legacy system: not what the streams say."
        yield _thing("migration_differs", found.entity, text, "look", found.since)
    coming = found.next
    if coming and found.since and coming.by == "operator" and not coming.waits_for and not found.moving_to:
        text = f"The next step, {coming.step}, is an operator's."
        yield _thing("migration_waits", found.entity, text, "advance", found.since)


def _half_done(found: Overview) -> Iterator[Attention]:
    aside = {row.stream for row in found.parked}
    late = [each for each in found.half_done if each.age_ms > HALF_DONE_MS and each.stream not in aside]
    if late:
        others = f" and {len(late) - 1} more" if late[1:] else ""
        text = f"What was written to {late[0].stream}{others} has not reached the other side for ten minutes."
        yield _thing("migration_half_done", found.entity, text, "look", late[0].since)


def of_ingest(found: IngestOverview) -> Iterator[Attention]:
    """Records that were refused."""
    if found.parked:
        text = f"Records were refused: about {found.parked}."
        yield _thing("records_parked", "ingest", text, "look")
