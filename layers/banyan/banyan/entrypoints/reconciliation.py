"""The reconciler of an application."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from banyan.adapters.dynamodb.row_repair import DynamoDBRowRepair
from banyan.bootstrap import Application
from banyan.projections.base import StreamProjection
from banyan.reconciliation.plan import build_plan
from banyan.reconciliation.reconciler import Reconciler, Remaining, Runs
from banyan.reconciliation.report import Report
from banyan.reconciliation.rows import Sources
from banyan.reconciliation.sides import Comparison


def reconciler(app: Application) -> Reconciler:
    """A reconciler for the generations that are live now."""
    window = timedelta(milliseconds=app.settings.reconciliation_settle_ms)
    upkeep = DynamoDBRowRepair(app.gateway, app.tables.views)
    sources = Sources(app.store, app.views, upkeep, app.digests, app.processor.retry, app.clock)
    others = _of_migration(app, sources, window)
    return Reconciler(
        build_plan(sources, app.domain, app.controls, window, time.sleep, others),
        app.reports,
        Runs(app.digests),
        app.clock,
        window,
        tolerance_percent=app.settings.tolerance_percent,
        telemetry=app.telemetry,
        notices=app.notices,
    )


def reconciled(app: Application, event: Mapping[str, Any], remaining: Remaining) -> Report | None:
    """Run a reconciliation, or as much of it as there is time for.

    Parameters
    ----------
    app : Application
    event : Mapping[str, Any]
        ``full`` compares everything, ``repair`` puts it right as well, ``continue`` goes on with what was begun.
    remaining : Callable[[], float]
        Seconds that are left.

    Raises
    ------
    RunLost, StoreUnavailable
    """
    runner = reconciler(app)
    if event.get("continue"):
        return runner.go_on(remaining=remaining)
    return runner.run(full=bool(event.get("full")), repair=bool(event.get("repair")), remaining=remaining)


def _of_migration(app: Application, sources: Sources, window: timedelta) -> Sequence[Comparison]:
    """The comparison with the legacy system while one is replaced."""
    if app.migration is None:
        return ()
    from banyan.migration.checks.comparing import compared, comparisons

    name = compared(app.migration)
    projection = next(each for each in app.domain.projections if each.name == name)
    assert isinstance(projection, StreamProjection)
    control = app.controls.get([name])[name]
    return comparisons(app.migration, projection, control, sources, lambda: app.clock() - window)
