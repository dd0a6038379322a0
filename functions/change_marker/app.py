"""Marks rows of read models and of a legacy table that changed, from any source, for the next reconciliation."""

from __future__ import annotations

from typing import Any

from banyan.adapters.lambda_init import at_init
from banyan.adapters.observability import instrumented, telemetry
from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.changes import mark_changes


@at_init
def application() -> Application:
    """The parts of this process."""
    return bootstrap(telemetry=telemetry())


@instrumented
def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001
    """Mark what one batch of a table's stream names."""
    mark_changes(event["Records"], application())
