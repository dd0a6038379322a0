"""The hash chain of a stream: sealing commits and following them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from banyan.errors import StreamCorrupted
from banyan.store.base import Commit
from banyan.streams import StreamHead


def timestamp(moment: datetime) -> str:
    """UTC, ISO 8601, microseconds, ``Z``: sorts as text the way it sorts in time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest_of(previous: str, commit: Commit) -> str:
    """sha256 over the previous digest and every other attribute of ``commit``, in a fixed order."""
    content = [
        previous,
        str(commit.stream),
        commit.position,
        commit.count,
        commit.commit_id,
        timestamp(commit.recorded_at),
        commit.types,
        commit.part,
        commit.parts,
        commit.events,
    ]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


def seal(head: StreamHead, commits: Iterable[Commit]) -> Iterator[Commit]:
    """Give each commit the digest that ties it to the one before."""
    digest = head.digest
    for commit in commits:
        digest = digest_of(digest, commit)
        yield replace(commit, digest=digest)


def follow(head: StreamHead | int, commits: Iterable[Commit]) -> Iterator[Commit]:
    """Yield ``commits`` as long as each follows the one before.

    Behind a bare version, the first commit's digest is taken on trust.

    Raises
    ------
    StreamCorrupted
        At a gap, a broken digest, or a time that runs backwards.
    """
    for commit in commits:
        _check_position(head if isinstance(head, int) else head.version, commit)
        if isinstance(head, StreamHead):
            _check_link(head, commit)
        head = commit.head
        yield commit


def _check_position(version: int, commit: Commit) -> None:
    if commit.position != version + 1:
        raise StreamCorrupted(commit.stream, version + 1, f"the next commit is at {commit.position}")


def _check_link(head: StreamHead, commit: Commit) -> None:
    if commit.recorded_at < head.recorded_at:
        raise StreamCorrupted(commit.stream, commit.position, "recorded before the commit it follows")
    if commit.digest != digest_of(head.digest, commit):
        raise StreamCorrupted(commit.stream, commit.position, "the digest does not match")
