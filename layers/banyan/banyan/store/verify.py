"""Verification of a stream from end to end: it reports damage instead of stopping at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson
from pydantic import BaseModel

from banyan.decider import AnyDecider
from banyan.errors import BanyanError, StreamCorrupted
from banyan.store.base import Commit, Snapshot, digest_of
from banyan.store.eventstore import EventStore
from banyan.streams import GENESIS_DIGEST, StreamHead, StreamId

LOOKS: Final = 2


class DamageKind(StrEnum):
    """What can be wrong with a stream."""

    UNREADABLE = "unreadable"
    GAP = "gap"
    OVERLAP = "overlap"
    PARTS = "parts"
    TIME = "time"
    DIGEST = "digest"
    EVENT = "event"
    SNAPSHOT_PLACE = "snapshot_place"
    SNAPSHOT_DIGEST = "snapshot_digest"
    SNAPSHOT_STATE = "snapshot_state"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong.

    Parameters
    ----------
    version : int
        First version it concerns.
    detail : str
        A sentence for a person.
    """

    kind: DamageKind
    version: int
    detail: str


@dataclass(frozen=True, slots=True)
class VerifiedStream:
    """What a look at a whole stream found.

    Parameters
    ----------
    version : int
        Version of its last event.
    problems : tuple[Damage, ...]
        Empty when all is well.
    digest : str
        Digest of its last commit, 64 hexadecimal digits; no part of what makes two verifications equal.
    commits : tuple[Commit, ...]
        What was read; no part of it either.
    """

    stream: StreamId
    version: int
    problems: tuple[Damage, ...]
    digest: str = field(default=GENESIS_DIGEST, compare=False)
    commits: tuple[Commit, ...] = field(default=(), compare=False, repr=False)


def verify_stream(store: EventStore, stream: StreamId, decider: AnyDecider | None = None) -> VerifiedStream:
    """Check versions, parts, times, digests and events of a stream, and each snapshot.

    A stream with problems is looked at twice, as a commit of several parts may have been on its way.

    Parameters
    ----------
    decider : Decider, optional
        Folds the events, to compare with the snapshots that have its state version.

    Raises
    ------
    StoreUnavailable
    """
    for _ in range(LOOKS):
        verification = _Look(store, stream, decider).take()
        if not verification.problems:
            break
    return verification


class _Look:
    """One pass over the items of a stream."""

    def __init__(self, store: EventStore, stream: StreamId, decider: AnyDecider | None) -> None:
        self._store = store
        self._decider = decider
        self._head = StreamHead.empty(stream)
        self._open: Commit | None = None
        self._state: BaseModel | None = decider.initial() if decider else None
        self._problems: list[Damage] = []
        self._commits: list[Commit] = []

    def take(self) -> VerifiedStream:
        for item in self._items():
            if isinstance(item, Commit):
                self._check_commit(item)
            else:
                self._check_snapshot(item)
        self._check_closed()
        head, problems = self._head, tuple(self._problems)
        return VerifiedStream(head.stream, head.version, problems, head.digest, tuple(self._commits))

    def _items(self) -> Iterator[Commit | Snapshot]:
        after = 0
        while True:
            try:
                yield from self._store.table.forward(self._head.stream, after)
                return
            except StreamCorrupted as damage:
                self._report(DamageKind.UNREADABLE, damage.version, damage.reason)
                after = damage.version

    def _check_commit(self, commit: Commit) -> None:
        if commit.position == self._head.version + 1:
            self._check_link(commit)
        else:
            self._report_position(commit)
        self._check_part(commit)
        self._check_events(commit)
        self._head = commit.head
        self._commits.append(commit)

    def _check_link(self, commit: Commit) -> None:
        if commit.recorded_at < self._head.recorded_at:
            self._report(DamageKind.TIME, commit.position, "recorded before the commit it follows")
        if commit.digest != digest_of(self._head.digest, commit):
            self._report(DamageKind.DIGEST, commit.position, "the digest does not match")

    def _report_position(self, commit: Commit) -> None:
        self._state = None
        following = self._head.version + 1
        if commit.position > following:
            self._report(DamageKind.GAP, following, f"the next commit is at {commit.position}")
        else:
            self._report(DamageKind.OVERLAP, commit.position, f"the commit before ends at {self._head.version}")

    def _check_part(self, commit: Commit) -> None:
        expected = self._open.part + 1 if self._open else 1
        if commit.part != expected:
            self._report(DamageKind.PARTS, commit.position, f"part {commit.part} stands where part {expected} belongs")
        self._open = commit if commit.part < commit.parts else None

    def _check_closed(self) -> None:
        if self._open:
            self._report(DamageKind.PARTS, self._open.last + 1, f"the last commit ends with part {self._open.part}")

    def _check_events(self, commit: Commit) -> None:
        try:
            payloads = [event.payload for event in self._store.decode(commit)]
            if self._decider and self._state is not None:
                self._state = self._decider.fold(payloads, self._state)
        except Exception as error:
            self._state = None
            self._report(DamageKind.EVENT, commit.position, _sentence(error))

    def _check_snapshot(self, snapshot: Snapshot) -> None:
        if self._open or snapshot.version != self._head.version:
            self._report(DamageKind.SNAPSHOT_PLACE, snapshot.version, "a snapshot that follows no commit")
            return
        if snapshot.digest != self._head.digest:
            self._report(DamageKind.SNAPSHOT_DIGEST, snapshot.version, "the snapshot has another digest")
        read = self._decider and self._decider.reads(snapshot.state_version, snapshot.fingerprint)
        if read and self._state is not None:
            self._check_state(snapshot, orjson.loads(self._state.model_dump_json()))

    def _check_state(self, snapshot: Snapshot, folded: Any) -> None:
        if _parsed(snapshot.state) != folded:
            self._report(DamageKind.SNAPSHOT_STATE, snapshot.version, "the snapshot is not the fold of its events")

    def _report(self, kind: DamageKind, version: int, detail: str) -> None:
        self._problems.append(Damage(kind, version, detail))


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, BanyanError) else f"its events cannot be applied: {type(error).__name__}"


def _parsed(state: str) -> Any:
    try:
        return orjson.loads(state)
    except orjson.JSONDecodeError:
        return None
