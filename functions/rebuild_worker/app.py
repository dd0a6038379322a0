"""Builds new generations of read models beside the live ones."""

from __future__ import annotations

from typing import Any

from banyan.adapters.lambda_init import at_init
from banyan.adapters.observability import instrumented, telemetry
from banyan.bootstrap import bootstrap
from banyan.entrypoints.work import work_off
from banyan.projections.rebuild.worker import RebuildWorker


@at_init
def worker() -> RebuildWorker:
    """What works the queue off."""
    return bootstrap(telemetry=telemetry()).rebuild_worker


@instrumented
def handler(event: dict[str, Any], context: Any) -> None:
    """Continue the segments that a batch of messages names."""
    work_off(event, worker(), context)
