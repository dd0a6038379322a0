"""Keeps read models and snapshots up with the event table."""

from __future__ import annotations

from typing import Any

from banyan.aws.observability import instrumented, telemetry
from banyan.aws.once import once
from banyan.aws.streams import project_records, retry_stream
from banyan.bootstrap import bootstrap
from banyan.projections.runner import ProjectionRunner


@once
def runner() -> ProjectionRunner:
    """The process's projections."""
    application = bootstrap(telemetry=telemetry())
    return ProjectionRunner(
        application.store,
        application.views,
        application.domain.projections,
        application.domain.deciders,
        controls=application.cached_controls,
        max_retries=application.settings.max_retries,
        backoff_ms=application.settings.backoff_ms,
        breaker_parked_streams=application.settings.breaker_parked_streams,
        snapshot_interval=application.settings.snapshot_interval,
        clock=application.clock,
        notices=application.notices,
        telemetry=application.telemetry,
    )


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Project one batch of the event table's stream, or let a parked stream go on."""
    if "retry" in event:
        return retry_stream(event["retry"], runner())
    return project_records(event, runner(), telemetry())
