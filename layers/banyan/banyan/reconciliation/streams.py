"""Chains and snapshots: every stream verified from end to end when it moved or was touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from banyan.decider import AnyDecider
from banyan.documents import Documents
from banyan.events import DomainEvent
from banyan.reconciliation.feeds import Clock, DirtySet, LogFeed
from banyan.reconciliation.report import Finding
from banyan.reconciliation.rows import Histories
from banyan.reconciliation.sides import NotRepairable
from banyan.reconciliation.tree import DigestTree
from banyan.store import Commit, EventStore, Snapshot
from banyan.store.eventstore import snapshot_of
from banyan.store.verify import DamageKind, VerifiedStream, verify_stream
from banyan.streams import BEGINNING_OF_TIME, StreamId

STREAMS: Final = "streams"
REMOVED: Final = "removed"
REPAIRABLE: Final = frozenset({DamageKind.SNAPSHOT_STATE, DamageKind.SNAPSHOT_DIGEST})


class StreamVerification:
    """Verifies streams, and keeps the digests of their heads in a tree whose root stands for the whole history.

    A stream with problems stays marked, so that every run reports it until it is put right.

    Parameters
    ----------
    folds : Mapping[str, Sequence[DirtySet]]
        By entity: where to mark a stream that was touched.
    histories : Histories
        Where to leave what was read for those who fold it.
    """

    def __init__(
        self,
        store: EventStore,
        deciders: Sequence[AnyDecider],
        documents: Documents,
        clock: Clock,
        folds: Mapping[str, Sequence[DirtySet]],
        histories: Histories,
    ) -> None:
        self.tree = DigestTree(documents, STREAMS)
        self.log = LogFeed(histories.log, documents, STREAMS)
        self.marks = DirtySet(documents, STREAMS)
        self._store = store
        self._deciders = {decider.entity: decider for decider in deciders}
        self._clock = clock
        self._folds = folds
        self._histories = histories

    def verify(self, ids: Sequence[str]) -> list[Finding]:
        """Verify streams from end to end."""
        checked = [self._verified(StreamId.parse(id)) for id in ids]
        self.tree.update({str(v.stream): v.digest for v in checked})
        findings = [finding for verification in checked for finding in _findings(verification)]
        self.marks.add(sorted({finding.where for finding in findings}), self._clock())
        return findings

    def verify_touched(self, ids: Sequence[str]) -> list[Finding]:
        """Verify streams that were changed behind the store's back, and have them folded again."""
        for entity, folds in self._folds.items():
            touched = [id for id in ids if StreamId.parse(id).entity == entity]
            for marks in folds:
                marks.add(touched, BEGINNING_OF_TIME)
        return self.verify(ids)

    def verify_present(self, ids: Sequence[str]) -> list[Finding]:
        """Look for streams that are gone from the log as well: one batch read for 100."""
        present = self._store.existing(list(map(StreamId.parse, ids)))
        return self.verify_touched([id for id in ids if StreamId.parse(id) not in present])

    def repair(self, finding: Finding) -> str:
        """Replace a wrong snapshot by the fold of its events; events are never touched.

        Raises
        ------
        NotRepairable
        """
        if finding.kind not in REPAIRABLE or finding.version is None:
            raise NotRepairable("history is never rewritten: restore the table from a backup and find who did it")
        stream = StreamId.parse(finding.where)
        self._store.save_snapshot(self._snapshot(stream, finding.version))
        if not self._verified(stream).problems:
            self.marks.remove(finding.where)
        return f"the snapshot of version {finding.version} was replaced"

    def _verified(self, stream: StreamId) -> VerifiedStream:
        verification = verify_stream(self._store, stream, self._deciders.get(stream.entity))
        if not verification.problems:
            self._histories.keep(stream, verification.commits)
        return verification

    def _snapshot(self, stream: StreamId, version: int) -> Snapshot:
        try:
            decider = self._deciders[stream.entity]
            commits = [commit for commit in self._store.commits(stream) if commit.last <= version]
            state = decider.fold(self._payloads(commits))
        except Exception as error:
            raise NotRepairable(f"the events of {stream} cannot be folded: {type(error).__name__}") from error
        return snapshot_of(decider, commits[-1].head, state)

    def _payloads(self, commits: Sequence[Commit]) -> list[DomainEvent]:
        return [payload for commit in commits for payload in self._store.payloads(commit)]


def _findings(verification: VerifiedStream) -> list[Finding]:
    where = str(verification.stream)
    if not verification.problems and verification.version == 0:
        return [Finding(where=where, kind=REMOVED, version=1, detail="all commits of the stream are gone")]
    return [Finding(where=where, kind=p.kind, version=p.version, detail=p.detail) for p in verification.problems]
