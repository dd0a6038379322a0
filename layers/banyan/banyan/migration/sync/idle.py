"""Which unfinished work of a migration makes no progress: told in every run for as long as it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

from pydantic import BaseModel

from banyan.events import CamelModel
from banyan.migration.parts import Parts
from banyan.migration.stores.kept import Kept
from banyan.migration.sync.backfill import NOTE, BackfillProgress
from banyan.telemetry import Telemetry

IDLE: Final = "idle"


class Seen(CamelModel):
    """A digest of how far some work had come, and when it was first seen to have come as far."""

    digest: str
    since: datetime


class Idle(CamelModel):
    """Unfinished work by name: ``move``, ``backfill``, ``archive`` or ``restoration``."""

    work: Mapping[str, Seen] = {}


def report_idle(parts: Parts, clock: Callable[[], datetime], telemetry: Telemetry) -> None:
    """Report for how long each unfinished work has not moved, 0 without any.

    One note keeps what was seen; two processes at once may both write it, which only shortens what is reported.
    Raises ``StoreUnavailable``.
    """
    now = clock()
    text = parts.notes.get(IDLE)
    known = Idle.model_validate_json(text) if text else Idle()
    found = Idle(work={name: _seen(known.work.get(name), digest, now) for name, digest in _unfinished(parts)})
    if found != known:
        parts.notes.put(IDLE, found.model_dump_json())
    if not found.work:
        telemetry.gauge("MigrationIdleSeconds", 0.0)
    for name, seen in found.work.items():
        telemetry.gauge("MigrationIdleSeconds", (now - seen.since).total_seconds(), of=name)


def _seen(known: Seen | None, digest: str, now: datetime) -> Seen:
    return known if known and known.digest == digest else Seen(digest=digest, since=now)


def _unfinished(parts: Parts) -> Iterator[tuple[str, str]]:
    migration = parts.phases.refreshed()
    if migration.moving_to:
        yield "move", f"{migration.moving_to}, turn {migration.cutover}"
    backfill = Kept(parts.notes, NOTE, BackfillProgress).read()
    if backfill and not backfill.finished:
        yield "backfill", _digest(backfill)
    archive, restoration = parts.end.archives.progress(), parts.end.archives.restoration()
    if archive and not archive.finished:
        yield "archive", _digest(archive)
    if restoration and not restoration.finished:
        yield "restoration", _digest(restoration)


def _digest(work: BaseModel) -> str:
    return sha256(work.model_dump_json().encode()).hexdigest()
