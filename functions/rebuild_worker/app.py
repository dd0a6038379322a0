"""Builds new generations of read models beside the live ones."""

from __future__ import annotations

import os
from typing import Any

from banyan.adapters.clients import sqs_client
from banyan.adapters.observability import instrumented, telemetry
from banyan.adapters.settings import Queues
from banyan.adapters.work_queue import SqsWorkQueue
from banyan.bootstrap import bootstrap
from banyan.entrypoints.rebuilds import Rebuilds, work_off
from banyan.once import once
from banyan.projections.rebuild.worker import RebuildWorker


@once
def worker() -> RebuildWorker:
    """What works the queue off."""
    queue = SqsWorkQueue(sqs_client, Queues.from_env(os.environ).rebuild)
    return Rebuilds(bootstrap(telemetry=telemetry()), queue).worker()


@instrumented
def handler(event: dict[str, Any], context: Any) -> None:
    """Go on with the segments that a batch of messages names."""
    work_off(event, worker(), context)
