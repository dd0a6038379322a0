"""Keeps read models and snapshots up with the event table."""

from __future__ import annotations

from typing import Any

from banyan.adapters.lambda_init import at_init
from banyan.adapters.observability import instrumented, telemetry
from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.changes import mark_touched
from banyan.entrypoints.stream_batches import catch_up, project_records, read_records


@at_init
def application() -> Application:
    """The parts of this process."""
    return bootstrap(telemetry=telemetry())


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Project one batch of the event table's stream, or on schedule catch up."""
    app = application()
    if "Records" in event:
        records = read_records(event["Records"])
        if records.touched:
            mark_touched(records.touched, app.digests, app.clock())
        return project_records(records, app.processor, app.telemetry)
    return catch_up(app.catch_up, app.standstill, app.clock, context)
