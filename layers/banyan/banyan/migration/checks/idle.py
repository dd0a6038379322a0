"""Whether the unfinished work of a migration still moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from banyan.events import CamelModel

if TYPE_CHECKING:
    from banyan.migration.migration import Migration

IDLE: Final = "idle"


class SeenWork(CamelModel):
    """A digest of how far some work had come, and when it was first seen to have come as far."""

    digest: str
    since: datetime


class IdleWork(CamelModel):
    """Unfinished work by name: ``move``, ``backfill``, ``archive`` or ``restoration``."""

    work: Mapping[str, SeenWork] = {}


def known_work(migration: Migration) -> IdleWork:
    """Unfinished work as it was last seen. Raises ``StoreUnavailable``."""
    text = migration.documents.get(IDLE)
    return IdleWork.model_validate_json(text) if text else IdleWork()


def report_idle(migration: Migration) -> None:
    """Report for how long each unfinished work has not moved, 0 without any.

    Two processes at once may both write down what was seen, which only shortens what is reported.
    Raises ``StoreUnavailable``.
    """
    now, telemetry, known = migration.clock(), migration.telemetry, known_work(migration)
    found = IdleWork(work={name: _seen(known.work.get(name), digest, now) for name, digest in _unfinished(migration)})
    if found != known:
        migration.documents.put(IDLE, found.model_dump_json())
    if not found.work:
        telemetry.gauge("MigrationIdleSeconds", 0.0)
    for name, seen in found.work.items():
        telemetry.gauge("MigrationIdleSeconds", (now - seen.since).total_seconds(), of=name)


def _seen(known: SeenWork | None, digest: str, now: datetime) -> SeenWork:
    return known if known and known.digest == digest else SeenWork(digest=digest, since=now)


def _unfinished(migration: Migration) -> Iterator[tuple[str, str]]:
    state = migration.phases.refreshed()
    if state.moving_to:
        yield "move", f"{state.moving_to}, turn {state.cutover}"
    work = {
        "backfill": migration.backfill.progress(),
        "archive": migration.archives.progress(),
        "restoration": migration.archives.restoration(),
    }
    for name, progress in work.items():
        if progress and not progress.finished:
            yield name, _digest(progress)


def _digest(work: BaseModel) -> str:
    return sha256(work.model_dump_json().encode()).hexdigest()
