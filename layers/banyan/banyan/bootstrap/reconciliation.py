"""The reconciler of an application."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from banyan.adapters.dynamodb.views import DynamoDBRowRepair
from banyan.documents import MemoryDocuments
from banyan.projections.base import StreamProjection
from banyan.reconciliation.look import StreamLook
from banyan.reconciliation.plan import build_plan
from banyan.reconciliation.reconciler import Reconciler, Runs
from banyan.reconciliation.rows import Sources
from banyan.reconciliation.sides import Comparison

if TYPE_CHECKING:
    from banyan.bootstrap.application import Application


def build_reconciler(app: Application) -> Reconciler:
    """A reconciler for the generations that are live now."""
    window = timedelta(milliseconds=app.settings.reconciliation_settle_ms)
    row_repair = DynamoDBRowRepair(app.gateway, app.tables.views)
    sources = Sources(app.store, app.views, row_repair, app.digests, app.processor.retry, app.clock)
    others = _of_migration(app, sources, window)
    return Reconciler(
        build_plan(sources, app.domain, app.projection_states, window, time.sleep, others),
        app.reports,
        Runs(app.digests),
        app.clock,
        window,
        tolerance_percent=app.settings.tolerance_percent,
        telemetry=app.telemetry,
        notices=app.notices,
    )


def build_look(app: Application) -> StreamLook:
    """What looks at one stream in the generations that are live now; it keeps nothing."""
    window = timedelta(milliseconds=app.settings.reconciliation_settle_ms)
    row_repair = DynamoDBRowRepair(app.gateway, app.tables.views)
    sources = Sources(app.store, app.views, row_repair, MemoryDocuments(), lambda *_: None, app.clock)
    return StreamLook(sources, app.domain, app.projection_states, window, time.sleep)


def _of_migration(app: Application, sources: Sources, window: timedelta) -> Sequence[Comparison]:
    """The comparison with the legacy system while one is replaced."""
    if app.migration is None:
        return ()
    from banyan.migration.checks.comparison import compared, comparisons

    name = compared(app.migration)
    projection = next(each for each in app.domain.projections if each.name == name)
    assert isinstance(projection, StreamProjection)
    state = app.projection_states.get([name])[name]
    return comparisons(app.migration, projection, state, sources, lambda: app.clock() - window)
