"""Marks rows of read models and of a legacy table that changed, whoever changed them, for the next reconciliation."""

from __future__ import annotations

from typing import Any

from banyan.aws.changes import mark_changes
from banyan.aws.observability import instrumented, telemetry
from banyan.aws.once import once
from banyan.bootstrap import Application, bootstrap


@once
def application() -> Application:
    """The parts of this process."""
    return bootstrap(telemetry=telemetry())


@instrumented
def handler(event: dict[str, Any], context: Any) -> None:  # noqa: ARG001
    """Mark what one batch of a table's stream names."""
    mark_changes(event["Records"], application())
