"""Makes commits of what a Kinesis stream brings, one for each stream of events and batch."""

from __future__ import annotations

from typing import Any

from banyan.adapters.lambda_init import at_init
from banyan.adapters.observability import instrumented, telemetry
from banyan.bootstrap import bootstrap
from banyan.entrypoints.ingest import RecordIngestion, build_ingestion
from banyan.entrypoints.work import time_left


@at_init
def ingestion() -> RecordIngestion:
    """What this process ingests with."""
    return build_ingestion(bootstrap(telemetry=telemetry()))


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Ingest one batch of records."""
    return ingestion().ingest(event["Records"], time_left(context))
