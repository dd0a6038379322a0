"""The reconciler of an application."""

from __future__ import annotations

from datetime import timedelta

from banyan.bootstrap import Application
from banyan.projections.upkeep_dynamodb import DynamoDBUpkeep
from banyan.reconciliation.parts import Workshop
from banyan.reconciliation.reconciler import Reconciler
from banyan.reconciliation.report import DynamoDBReports
from banyan.reconciliation.run import Runs


def reconciler(app: Application) -> Reconciler:
    """A reconciler for the generations that are live now."""
    window = timedelta(milliseconds=app.settings.reconciliation_settle_ms)
    workshop = Workshop(
        app.store,
        app.views,
        DynamoDBUpkeep(app.client, app.tables.views),
        app.cells,
        app.domain,
        app.controls,
        app.runner.retry,
        app.clock,
        window,
    )
    return Reconciler(
        workshop.plan(),
        DynamoDBReports(app.client, app.tables.reports),
        Runs(app.cells),
        app.clock,
        window,
        tolerance_percent=app.settings.tolerance_percent,
        telemetry=app.telemetry,
        notices=app.notices,
    )
