"""What the reconciliation compares of a legacy system, as long as there is anything to compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from banyan.migration.checks.comparison import LegacyComparison
from banyan.migration.checks.rows_side import LegacySide
from banyan.migration.migration import Migration
from banyan.migration.phases.steps import Phase
from banyan.projections.base import AnyStreamProjection
from banyan.projections.state import ProjectionState
from banyan.reconciliation.feeds import Clock
from banyan.reconciliation.rows import ReadModelSide, Sources

BOTH_WRITTEN: Final = frozenset({Phase.DUAL_WRITE, Phase.CANARY})


def compared(migration: Migration) -> str:
    """Name of the projection that rows are compared with."""
    return next(iter(migration.adapter.views))


def is_due(migration: Migration) -> bool:
    """Whether both sides are written, and every row that was there before has been told."""
    backfill = migration.backfill.progress()
    return backfill is not None and backfill.finished and migration.phases.refreshed().step.phase in BOTH_WRITTEN


def comparisons(
    migration: Migration, projection: AnyStreamProjection, control: ProjectionState, sources: Sources, fence: Clock
) -> Sequence[LegacyComparison]:
    """The comparison of the legacy system with a projection; none while there is nothing to compare.

    TableContent that another version of the projection made are not what it shows: they are compared after its rebuild.
    """
    if not is_due(migration) or control.outdated(projection.version):
        return ()
    legacy = LegacySide(migration.repository, migration.adapter, projection.name, sources.documents)
    shown = ReadModelSide(projection, control.generation(), sources)
    return (LegacyComparison(migration, migration.phases.current().primary, legacy, shown, sources.store, fence),)
