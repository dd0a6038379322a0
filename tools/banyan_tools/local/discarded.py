"""What a mapping's on-failure queue hears of records that were given up."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, Final

from banyan_tools.local.mappings import Mapping
from banyan_tools.local.stream_records import Record

BATCH_INFO: Final = {"dynamodb": "DDBStreamBatchInfo", "kinesis": "KinesisBatchInfo"}


def discarded_batch(
    mapping: Mapping, function_arn: str, shard: str, records: list[Record], condition: str, tried: int
) -> dict[str, Any]:
    """Return the message that Lambda sends about a discarded batch of a stream, without its records.

    Parameters
    ----------
    records : list[Record]
        At least one.
    condition : str
        ``RetryAttemptsExhausted`` or ``RecordAgeExceeded``.
    tried : int
        How often the function was invoked with them.
    """
    first, last = records[0], records[-1]
    return {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": tried,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": instant(datetime.now(UTC).timestamp()),
        BATCH_INFO[mapping.service]: {
            "shardId": shard,
            "startSequenceNumber": first.number,
            "endSequenceNumber": last.number,
            "approximateArrivalOfFirstRecord": instant(first.arrived),
            "approximateArrivalOfLastRecord": instant(last.arrived),
            "batchSize": len(records),
            "streamArn": mapping.source_arn,
        },
    }


def instant(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC, in milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
