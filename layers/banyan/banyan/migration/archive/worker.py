"""Archives and restorations: asked for by anyone, done in steps by who may reach the bucket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, TypeVar

import orjson

from banyan.documents import Document
from banyan.errors import Conflict
from banyan.jobs import Job
from banyan.migration.archive.manifest import (
    FORMATS,
    ArchiveObjects,
    ArchivePart,
    Manifest,
    TableContent,
    folder,
    manifest_key,
    packed,
)
from banyan.migration.archive.tables import Archive, ArchiveStage, LegacyTables, Restoration, begin, read_on
from banyan.migration.documents import MigrationDocuments
from banyan.migration.phases.aggregate import Phase
from banyan.migration.phases.phases import Phases
from banyan.store.base import timestamp
from banyan.store.eventstore import Clock

W = TypeVar("W", Archive, Restoration)
Remaining = Callable[[], float]
ENOUGH_SECONDS: Final = 10.0
"""A step takes less."""
INSERTED: Final = 500


class Archives:
    """The archive of one entity's legacy system, and its restoration."""

    def __init__(self, tables: LegacyTables, phases: Phases, documents: MigrationDocuments, clock: Clock) -> None:
        self.tables = tables
        self.documents = documents
        self.entity = phases.entity
        self._phases = phases
        self._clock = clock
        self.archives = documents.of("archive", Archive)
        self.restorations = documents.of("restoration", Restoration)

    def progress(self) -> Archive | None:
        """How far the newest archive has come. Raises ``StoreUnavailable``."""
        return self.archives.read()

    def begin(self, *, again: bool = False, instead_of: str | None = None) -> Archive:
        """Ask for an archive; one that is unfinished or verified is kept unless ``again``.

        Parameters
        ----------
        instead_of : str, optional
            The archive that is to be made again; another one, which was begun meanwhile, is kept.

        Raises
        ------
        Conflict
            ``archive_out_of_phase``: before ``event_store`` the tables still change;
            ``overtaken``: another process asked meanwhile.
        StoreUnavailable
        """
        known = self.archives.read()
        phase = self._phases.refreshed().step.phase
        if phase is not Phase.EVENT_STORE:
            raise Conflict("archive_out_of_phase", f"the legacy system is archived in event_store, not in {phase}")
        replaced = instead_of is None or (known is not None and known.id == instead_of)
        if known and not (replaced and (again or known.damage)):
            return known
        now = self._clock()
        version = self._phases.version()
        id, reading = archive_id(timestamp(now)), begin(self.tables)
        archive = Archive(id=id, begun_at=now, phase_version=version, reading=reading)
        return self.archives.save(archive, instead_of=known)

    def restoration(self) -> Restoration | None:
        """How far the newest restoration has come. Raises ``StoreUnavailable``."""
        return self.restorations.read()

    def restore(self, archive: str | None = None) -> Restoration:
        """Ask for the restoration of an archive, the newest unless another is named, into empty tables.

        Raises
        ------
        Conflict
            ``nothing_archived``; ``archive_unfinished``; ``legacy_not_empty``, unless by this very restoration, which
            then continues; ``overtaken``.
        StoreUnavailable
        """
        known = self.restorations.read()
        newest = self.archives.read()
        wanted = archive or _expect_any(newest).id
        if known and known.archive == wanted and not known.finished:
            return known
        digest = _manifest_digest(newest, wanted)
        filled = self.tables.filled()
        if filled:
            raise Conflict(
                "legacy_not_empty", f"{filled} of the legacy system holds rows: an archive goes back into empty tables"
            )
        restoration = Restoration(archive=wanted, begun_at=self._clock(), manifest_sha256=digest)
        return self.restorations.save(restoration, instead_of=known)


def archive_id(moment: str) -> str:
    """A moment as part of a key."""
    return "".join(character for character in moment if character.isalnum())


class ArchiveWorker:
    """Works on the newest archive and the newest restoration."""

    def __init__(self, archives: Archives, objects: ArchiveObjects, clock: Clock) -> None:
        self._archives = archives
        self._tables = archives.tables
        self._documents = archives.documents
        self._entity = archives.entity
        self._objects = objects
        self._clock = clock
        self._manifests: dict[tuple[str, str], Manifest] = {}

    def go_on(self, remaining: Remaining = lambda: ENOUGH_SECONDS) -> Archive | None:
        """Continue the archive for while there is time.

        Parameters
        ----------
        remaining : Callable[[], float]
            Seconds left; without it, to the end.

        Returns
        -------
        Archive | None
            How far it has come.

        Raises
        ------
        Conflict
            ``overtaken``: another process continues it.
        StoreUnavailable
            Try again later; nothing that was done is lost.
        """
        return self._go_on(self._archives.archives, self._next, remaining)

    def restore_on(self, remaining: Remaining = lambda: ENOUGH_SECONDS) -> Restoration | None:
        """Continue the restoration, as ``go_on``."""
        return self._go_on(self._archives.restorations, self._restored, remaining)

    def _go_on(self, document: Document[W], step: Callable[[W], W], remaining: Remaining) -> W | None:
        job = Job(lambda work: [step(work)], document.save, lambda work: work.finished)
        work = document.read()
        return work and job.run(work, lambda: remaining() >= ENOUGH_SECONDS)

    def _next(self, archive: Archive) -> Archive:
        if archive.stage is ArchiveStage.CHECKING:
            return self._checked(archive)
        if not archive.reading.finished:
            return self._written(archive)
        return self._closed(archive) if archive.ended_at else archive.model_copy(update={"ended_at": self._clock()})

    def _written(self, archive: Archive) -> Archive:
        self._list_newest_part(archive)
        table = archive.reading.tables[archive.reading.table].name
        lines, reading = read_on(self._tables, archive.reading)
        if not lines:
            return archive.model_copy(update={"reading": reading})
        number = archive.parts + 1
        part, content = packed(table, f"{folder(self._entity, archive.id)}/{table}/{number:06}", lines)
        self._objects.put(part.key, content)
        return archive.model_copy(update={"reading": reading, "parts": number, "newest_part": part})

    def _list_newest_part(self, archive: Archive) -> None:
        """Note what the saved state already says, so that a worker who was overtaken repeats it at most."""
        if archive.newest_part:
            self._documents.put(f"{_note(archive.id)}{archive.parts:06}", archive.newest_part.model_dump_json())

    def _closed(self, archive: Archive) -> Archive:
        self._list_newest_part(archive)
        parts = [ArchivePart.model_validate_json(text) for text in self._documents.under(_note(archive.id))]
        manifest = Manifest(
            format=FORMATS[archive.reading.line_format - 1],
            kind=self._tables.kind,
            entity=self._entity,
            id=archive.id,
            phase_version=archive.phase_version,
            begun_at=archive.begun_at,
            ended_at=archive.ended_at,
            tables=archive.reading.tables,
            parts=tuple(parts[: archive.parts]),
        ).sealed()
        content = manifest.model_dump_json(by_alias=True).encode()
        self._objects.put(manifest_key(self._entity, archive.id), content)
        found = begin(self._tables).tables
        digest = sha256(content).hexdigest()
        changes = {"stage": ArchiveStage.CHECKING, "manifest_sha256": digest, "found": found}
        return archive.model_copy(update=changes)

    def _checked(self, archive: Archive) -> Archive:
        try:
            manifest = self._manifest_of(archive.id, archive.manifest_sha256)
            if archive.checked < len(manifest.parts):
                part = manifest.parts[archive.checked]
                found = _with(archive.found, part, self._rehearsed(part, manifest.line_format))
                return archive.model_copy(update={"checked": archive.checked + 1, "found": found})
            if archive.found != manifest.tables:
                raise Conflict("archive_damaged", "the objects do not hold what was read from the tables")
        except Conflict as conflict:
            return archive.model_copy(update={"stage": ArchiveStage.DAMAGED, "damage": conflict.detail})
        return archive.model_copy(update={"stage": ArchiveStage.VERIFIED, "verified_at": self._clock()})

    def _restored(self, restoration: Restoration) -> Restoration:
        try:
            return self._put_back(restoration, self._manifest_of(restoration.archive, restoration.manifest_sha256))
        except Conflict as conflict:
            return restoration.model_copy(update={"damage": conflict.detail})

    def _put_back(self, restoration: Restoration, manifest: Manifest) -> Restoration:
        if restoration.checked < len(manifest.parts):
            self._lines(manifest.parts[restoration.checked])
            return restoration.model_copy(update={"checked": restoration.checked + 1})
        if restoration.written < len(manifest.parts):
            self._insert(manifest.parts[restoration.written], manifest.line_format)
            return restoration.model_copy(update={"written": restoration.written + 1})
        if restoration.reading is None:
            self._tables.end_restoration()
        reading = restoration.reading or begin(self._tables.in_format(manifest.line_format))
        if not reading.finished:
            return restoration.model_copy(update={"reading": read_on(self._tables, reading)[1]})
        if reading.tables != manifest.tables:
            raise Conflict("restored_otherwise", "the tables hold something else than the archive")
        return restoration.model_copy(update={"ended_at": self._clock()})

    def _rehearsed(self, part: ArchivePart, line_format: int) -> list[bytes]:
        """The lines of a part, which are known to come back as they are when they are restored."""
        lines = self._lines(part)
        restored = self._tables.in_format(line_format).rehearse(part.table, lines)
        if sorted(restored) != sorted(lines):
            named = ", ".join(_differing(lines, restored)) or "rows"
            raise Conflict("not_restorable", f"{named} of {part.table} would not be restored as archived in {part.key}")
        return lines

    def _insert(self, part: ArchivePart, line_format: int) -> None:
        lines, tables = self._lines(part), self._tables.in_format(line_format)
        for first in range(0, len(lines), INSERTED):
            tables.insert(part.table, lines[first : first + INSERTED])

    def _lines(self, part: ArchivePart) -> list[bytes]:
        return list(part.lines(self._objects.get(part.key)))

    def _manifest_of(self, id: str, digest: str) -> Manifest:
        """The manifest of an archive, read once for each digest that is expected of it."""
        if (id, digest) not in self._manifests:
            self._manifests = {(id, digest): self._read_manifest(id, digest)}
        return self._manifests[id, digest]

    def _read_manifest(self, id: str, digest: str) -> Manifest:
        content = self._objects.get(manifest_key(self._entity, id))
        if content is None:
            raise Conflict("archive_damaged", f"archive {id} has no manifest: it was never finished")
        if digest and sha256(content).hexdigest() != digest:
            raise Conflict("archive_damaged", f"the manifest of archive {id} is not the one that was written")
        manifest = Manifest.model_validate_json(content)
        manifest.expect_whole()
        return manifest


def _note(archive: str) -> str:
    return f"archive/{archive}/"


def _differing(lines: Sequence[bytes], restored: Sequence[bytes]) -> Sequence[str]:
    """Names of the columns that differ in the first row that would not be restored as it was."""
    pairs = zip(lines, restored, strict=len(lines) == len(restored))
    before, after = next(((orjson.loads(a), orjson.loads(b)) for a, b in pairs if a != b), ({}, {}))
    return sorted(name for name in before if before[name] != after.get(name))


def _with(found: tuple[TableContent, ...], part: ArchivePart, lines: list[bytes]) -> tuple[TableContent, ...]:
    return tuple(rows.with_lines(lines) if rows.name == part.table else rows for rows in found)


def _expect_any(archive: Archive | None) -> Archive:
    if archive is None:
        raise Conflict("nothing_archived", "there is no archive to restore")
    return archive


def _manifest_digest(newest: Archive | None, wanted: str) -> str:
    """Digest of the manifest of an archive, which is known of the newest one only."""
    if newest is None or newest.id != wanted:
        return ""
    if not newest.finished:
        raise Conflict("archive_unfinished", f"archive {wanted} is not finished: restore it when it is verified")
    return newest.manifest_sha256
