"""The reconciler of an application."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from banyan.bootstrap import Application
from banyan.projections.upkeep_dynamodb import DynamoDBUpkeep
from banyan.reconciliation.parts import Workshop
from banyan.reconciliation.reconciler import Reconciler, Remaining
from banyan.reconciliation.report import Report
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
        app.reports,
        Runs(app.cells),
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
