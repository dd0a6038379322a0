"""Lets policies react to new events, publishes them and keeps their traces."""

from __future__ import annotations

from typing import Any

from banyan.aws.observability import instrumented, telemetry
from banyan.aws.once import once
from banyan.aws.streams import project_records, retry_stream
from banyan.bootstrap import bootstrap
from banyan.reactions.policies import Policies
from banyan.reactions.reactor import Reactor


@once
def reactor() -> Reactor:
    """The process's reactor."""
    app = bootstrap(telemetry=telemetry())
    policies = Policies(app.domain, app.store, app.handlers, app.deadlines, app.settings.deadlines, app.telemetry)
    return Reactor(
        app.store,
        app.views,
        [app.traces, policies, app.publisher],
        max_retries=app.settings.max_retries,
        backoff_ms=app.settings.backoff_ms,
        clock=app.clock,
        notices=app.notices,
        telemetry=app.telemetry,
    )


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """React to one batch of the event table's stream, or let a parked stream go on."""
    if "retry" in event:
        return retry_stream(event["retry"], reactor())
    return project_records(event, reactor(), telemetry())
