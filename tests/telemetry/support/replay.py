"""A series on its way from a Kinesis stream to windows, through processes that are killed, and with records lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Any, Final

from tests.support.clocks import no_sleep
from tests.support.http import body_of
from tests.support.interruptions import Interruption, Killed, Outside, killed_after, killed_before
from tests.telemetry.support.fleet import READER, Fleet

from banyan.entrypoints.ingest import RecordIngestion
from banyan.projections.memory import MemoryViews
from banyan.projections.processor import ProjectionProcessor
from banyan.projections.retries import RetryPolicy
from banyan.store import Commit
from banyan.store.memory import MemoryTable
from banyan.telemetry import NoTelemetry
from banyan_tools.samples.kinesis_records import kinesis_records
from telemetry.tools.importer.api import as_content
from telemetry.tools.importer.series import Numbered

DEVICE: Final = "dev-1"
PAGE: Final = 1_000

Record = Mapping[str, Any]


class NothingParked:
    """Expects that no record is refused."""

    def park(self, records: Sequence[Any]) -> None:
        raise AssertionError(records)


@dataclass
class Replay:
    """What outlives a process, and the process that runs now.

    Parameters
    ----------
    kills : float
        The share of deliveries in which the process is killed before or after one of its requests.
    """

    random: Random
    kills: float = 0.0

    def __post_init__(self) -> None:
        self.table, self.views = MemoryTable(), MemoryViews()
        self.fleet = Fleet(table=self.table, views=self.views)
        self._start()

    def _start(self) -> None:
        self._outside = Outside(self._interruptions())
        process = Fleet(table=self._outside.tap(self.table), views=self.views)
        self._ingestion = RecordIngestion(
            process.application.ingestor,
            process.application.handlers,
            NothingParked(),
            "acme",
            NoTelemetry(),
            process.clock,
        )

    def _interruptions(self) -> dict[int, Interruption]:
        if self.random.random() >= self.kills:
            return {}
        return {self.random.randint(1, 40): self.random.choice([killed_before, killed_after])}

    def ingest(self, records: Sequence[Record], most: int) -> None:
        """Deliver records in batches; a process that is killed is followed by another, with some of its batch."""
        place = 0
        while place < len(records):
            batch = records[place : place + self.random.randint(1, most)]
            try:
                answer = self._ingestion.ingest(batch, lambda: inf)
            except Killed:
                self._start()
                continue
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            done = [each["kinesis"]["sequenceNumber"] in failed for each in batch]
            place += done.index(True) if True in done else len(batch)

    def commits(self) -> list[Commit]:
        """All that is recorded, stream by stream."""
        store = self.fleet.store
        return [commit for stream in list(store.streams()) for commit in store.commits(stream)]

    def project(self, commits: Sequence[Commit]) -> None:
        """Deliver commits to projectors that are killed now and then, until one has done it."""
        for request in self._killed_at():
            outside = Outside({request: self.random.choice([killed_before, killed_after])} if request else {})
            policy = RetryPolicy(clock=self.fleet.clock, sleep=no_sleep)
            projections = self.fleet.application.domain.projections
            projector = ProjectionProcessor(self.fleet.store, outside.tap(self.views), projections, retry_policy=policy)
            try:
                assert not projector.project(commits)
            except Killed:
                continue
            return

    def _killed_at(self) -> Iterable[int]:
        while self.random.random() < self.kills:
            yield self.random.randint(1, 10)
        yield 0

    def catch_up(self) -> None:
        """Bring the windows up to all that was recorded."""
        self.fleet.react()
        self.fleet.project_all()

    def windows(self, size: str, **asked: str) -> Mapping[str, Mapping[str, Any]]:
        """All windows of a size, by their start, as the API pages them."""
        return {each["start"]: each for each in self.pages("windows", "windows", size=size, **asked)}

    def pages(self, path: str, member: str, **asked: str) -> list[Any]:
        """What all pages of an answer list."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            query = {**asked, **cursor, "limit": str(PAGE)}
            answer = self.fleet.get(f"/devices/{DEVICE}/{path}", query=query, claims=READER)
            assert answer["statusCode"] == 200, answer
            page = body_of(answer)
            found += page[member]
            if not page.get("cursor"):
                return found
            cursor = {"cursor": page["cursor"]}


def records(pieces: Iterable[Sequence[Numbered]], *, numbered: bool = True) -> list[Record]:
    """A record of a Kinesis stream for each piece, with or without sequence numbers."""
    kept = ("at", "value", "sequence") if numbered else ("at", "value")
    contents = ([{name: as_content(each)[name] for name in kept} for each in piece] for piece in pieces)
    data = [json.dumps({"deviceId": DEVICE, "readings": each}).encode() for each in contents]
    return list(kinesis_records(*data, key=DEVICE))


def mixed_up(found: Sequence[Record], random: Random) -> list[Record]:
    """Records shuffled, one in three of them delivered twice, and neighbours again beside others."""
    twice = [*found, *random.sample(list(found), len(found) // 3)]
    return random.sample(twice, len(twice))
