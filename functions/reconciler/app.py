"""Verifies streams and snapshots and compares read models with folds, on a schedule."""

from __future__ import annotations

from typing import Any

from banyan.aws.observability import instrumented, logger, telemetry
from banyan.aws.once import once
from banyan.bootstrap import Application, bootstrap
from banyan.reconciliation.reconciler import Reconciler
from banyan.reconciliation.report import DynamoDBReports


@once
def application() -> Application:
    """The parts of this process."""
    return bootstrap(telemetry=telemetry())


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Run one reconciliation and keep its report."""
    app = application()
    report = Reconciler(
        app.store,
        app.views,
        app.domain,
        tolerance_percent=app.settings.tolerance_percent,
        settle_ms=app.settings.reconciliation_settle_ms,
        clock=app.clock,
        telemetry=app.telemetry,
    ).run()
    DynamoDBReports(app.client, app.tables.reports).put(report)
    log = logger().error if report.drifted else logger().info
    log("reconciled", differences=report.differences, drift_percent=report.drift_percent)
    return report.model_dump(mode="json", by_alias=True)
