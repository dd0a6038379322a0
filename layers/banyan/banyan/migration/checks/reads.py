"""Reads during a migration: a growing share from the read models, the rest from the legacy system."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel

from banyan.errors import VersionNotReached
from banyan.migration.checks.usage import READ
from banyan.migration.migration import Migration
from banyan.migration.phases.aggregate import MigrationState
from banyan.migration.phases.steps import ALL_READS, Phase, Step
from banyan.migration.sync.contents import view_of
from banyan.migration.writes.half_done import Owner
from banyan.migration.writes.primary import Primary
from banyan.projections.base import StreamProjection
from banyan.queries import Answer, Provenance, Queries
from banyan.reconciliation.content import FieldDifference, differing
from banyan.store.items import bucket_of
from banyan.streams import StreamId

S = TypeVar("S", bound=BaseModel)


def reads_from_projection(stream: StreamId, percentage: int) -> bool:
    """Whether a stream is among the share whose reads come from the read models; a larger share keeps the smaller."""
    return bucket_of(stream, ALL_READS) < percentage


class MigratingQueries(Queries):
    """Queries of which some are answered by the legacy system, and some by both to compare them.

    Parameters
    ----------
    migration : Migration
    compared_percent : float
        Share of the reads that are compared, %.
    dice : Callable[[], float]
        Decides which: numbers between 0 and 1.
    queries : Any
        Of ``Queries``.
    """

    def __init__(
        self,
        migration: Migration,
        compared_percent: float,
        dice: Callable[[], float] = random.random,
        **queries: Any,
    ) -> None:
        super().__init__(**queries)
        self._phases = migration.phases
        self._repository = migration.repository
        self._adapter = migration.adapter
        self._samples = migration.samples
        self._parked = migration.parked
        self._usage = migration.usage
        self._compared_percent = compared_percent
        self._dice = dice

    def get(self, projection: StreamProjection[S], stream: StreamId, min_version: int = 0) -> Answer[S] | None:
        """As in ``Queries``; an answer from the legacy system says so."""
        state = self._phases.current()
        step = state.step
        if projection.name not in self._adapter.views or step.primary is Primary.OFF:
            return super().get(projection, stream, min_version)
        answer = self._answer(projection, stream, min_version, step)
        if answer and step.phase is not Phase.LEGACY and self._dice() * 100 < self._compared_percent:
            with suppress(Exception):
                self._compare(projection, stream, state)
        return answer

    def _answer(
        self, projection: StreamProjection[S], stream: StreamId, min_version: int, step: Step
    ) -> Answer[S] | None:
        """Of a stream that is parked, from the side that has it all."""
        parked = self._parked.get(stream) if self._parked and step.primary is Primary.LEGACY else None
        if parked and parked.owner is Owner.LEGACY_SYNC:
            return super().get(projection, stream, min_version)
        if parked or not reads_from_projection(stream, step.percentage):
            return self._of_legacy(projection, stream, min_version, step)
        try:
            found = super().get(projection, stream, min_version)
        except VersionNotReached:
            if step.primary is Primary.EVENTS:
                raise
            found = None
        if found or step.primary is Primary.EVENTS:
            return found
        return self._of_legacy(projection, stream, min_version, step)

    def _of_legacy(
        self, projection: StreamProjection[S], stream: StreamId, min_version: int, step: Step
    ) -> Answer[S] | None:
        row = self._repository.load(stream)
        self._usage.used(READ)
        if row is None:
            return None
        version = row.version if step.phase is Phase.LEGACY else row.stream_version
        if version < min_version:
            raise VersionNotReached(stream, min_version, version)
        state: Any = view_of(self._adapter, projection.name, row.data)
        return Answer(state, Provenance(version=version, as_of=self._clock(), staleness_ms=0, served_from="legacy"))

    def _compare(self, projection: StreamProjection[S], stream: StreamId, state: MigrationState) -> None:
        """Look at both sides; versions that differ tell of a lag, and nothing of the content."""
        read = super().get(projection, stream)
        row = self._repository.load(stream)
        if read is None or row is None:
            return
        lag = read.provenance.staleness_ms
        if read.provenance.version != row.stream_version or not row.in_sync:
            self._samples.lagged(state, lag, self._clock())
            return
        expected, actual = self._adapter.views[projection.name](row.data).model_dump(), read.value.model_dump()
        self._samples.compared(state, stream, differences(expected, actual), lag, self._clock())


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Sequence[FieldDifference]:
    """How two states differ, down to the field; of values without canonical form only which fields do."""
    names = sorted(name for name, value in expected.items() if actual.get(name) != value)
    unlike = [FieldDifference(name=name, expected=None, actual=None) for name in names]
    with suppress(TypeError):
        return differing(*({name: side.get(name) for name in names} for side in (expected, actual))) or unlike
    return unlike
