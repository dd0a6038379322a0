"""Compares everything that is derived with what it is derived from, on a schedule and on demand."""

from __future__ import annotations

from typing import Any

from banyan.adapters.lambda_init import at_init
from banyan.adapters.observability import instrumented, telemetry
from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.work import reconcile, time_left


@at_init
def application() -> Application:
    """The parts of this process."""
    return bootstrap(telemetry=telemetry())


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run a reconciliation, or as much of it as there is time for; ``full``, ``repair`` or ``continue``."""
    report = reconcile(event, application().reconciler, time_left(context))
    return report.model_dump(mode="json", by_alias=True) if report else {"finished": False}
