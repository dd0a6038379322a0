"""Handles commands whose time has come, every minute."""

from __future__ import annotations

from typing import Any

from banyan.adapters.lambda_init import at_init
from banyan.adapters.observability import instrumented, telemetry
from banyan.bootstrap import bootstrap
from banyan.deadlines.runner import DeadlineRunner


@at_init
def runner() -> DeadlineRunner:
    """The deadlines of this process."""
    return bootstrap(telemetry=telemetry()).deadline_runner


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001
    """Work off what is due."""
    return runner().run(context.get_remaining_time_in_millis).model_dump(mode="json", by_alias=True)
