"""Lets policies react to new events, publishes them and keeps their traces."""

from __future__ import annotations

from typing import Any

from banyan.adapters.lambda_init import at_init
from banyan.adapters.observability import instrumented, telemetry
from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.stream_batches import catch_up, project_records, read_records


@at_init
def application() -> Application:
    """The parts of this process."""
    return bootstrap(telemetry=telemetry())


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """React to one batch of the event table's stream, or on schedule catch up."""
    app = application()
    if "Records" in event:
        return project_records(read_records(event["Records"]), app.reactor, app.telemetry)
    return catch_up(app.reactor_catch_up, app.reactor_standstill, app.clock, context)
