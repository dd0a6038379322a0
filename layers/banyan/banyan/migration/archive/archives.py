"""Asking for archives and restorations; whoever may reach the bucket does the work."""

from __future__ import annotations

from banyan.errors import Conflict
from banyan.migration.archive.reading import begin
from banyan.migration.archive.state import Archive, Restoration
from banyan.migration.archive.tables import LegacyTables
from banyan.migration.documents import MigrationDocuments
from banyan.migration.phases.phases import Phases
from banyan.migration.phases.steps import Phase
from banyan.store.chain import timestamp
from banyan.store.eventstore import Clock


class Archives:
    """The archive of one entity's legacy system, and its restoration.

    Parameters
    ----------
    tables : LegacyTables
    phases : Phases
    documents : MigrationDocuments
    clock : Callable[[], datetime]
    """

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

    def begin(self, *, again: bool = False) -> Archive:
        """Ask for an archive; one that is unfinished or verified is kept unless ``again``.

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
        if known and not again and not known.damage:
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
            then goes on; ``overtaken``.
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


def archive_id(moment: str) -> str:
    """A moment as part of a key."""
    return "".join(character for character in moment if character.isalnum())
