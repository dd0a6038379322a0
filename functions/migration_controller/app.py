"""Looks after the migration, every minute."""

from __future__ import annotations

from typing import Any

from banyan.aws.observability import instrumented, logger, telemetry
from banyan.aws.once import once
from banyan.bootstrap import Application, bootstrap


@once
def application() -> Application:
    """The parts of this process."""
    return bootstrap(telemetry=telemetry())


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Complete what is half done, move on if need be, and archive; without a legacy system there is nothing to do."""
    app = application()
    if app.migration is None:
        return {}
    from banyan.migration.controller import standing
    from banyan.migration.setup import archive_worker, controller

    def remaining() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    found = standing(controller(app.migration, app.settings, app.clock, app.telemetry).run())
    logger().info("looked after the migration", **found)
    worker = archive_worker(app.migration, app.services, app.clock)
    worker.go_on(remaining)
    worker.restore_on(remaining)
    return dict(found)
