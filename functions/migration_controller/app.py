"""Maintains the migration, every minute and when an operator asked for something."""

from __future__ import annotations

from typing import Any

from banyan.adapters.lambda_init import at_init
from banyan.adapters.observability import instrumented, logger, telemetry
from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.work import time_left


@at_init
def application() -> Application:
    """The parts of this process."""
    return bootstrap(telemetry=telemetry())


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Do what is to be done for the migration; without a legacy system there is nothing."""
    app = application()
    if app.migration is None:
        return {}
    from banyan.migration.maintenance import run_maintenance

    found = run_maintenance(app.migration, time_left(context))
    logger().info("looked after the migration", **found)
    return dict(found)
