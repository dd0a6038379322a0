"""A batch of an SQS queue, as Lambda hands it to the rebuild worker."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from banyan_tools.local.physical import ACCOUNT, REGION
from banyan_tools.samples.history import START

QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:banyan-RebuildQueue"


def segments(projection: str) -> Mapping[str, Any]:
    """Every sample event of the rebuild worker, by name: a segment of a rebuild that was not begun."""
    body = f'{{"generation":{{"projection":"{projection}","number":2}},"segment":0}}'
    sent = str(int(START.timestamp() * 1000))
    return {
        "segment": {
            "Records": [
                {
                    "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
                    "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                    "body": body,
                    "attributes": {
                        "ApproximateReceiveCount": "1",
                        "SentTimestamp": sent,
                        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                        "ApproximateFirstReceiveTimestamp": sent,
                    },
                    "messageAttributes": {},
                    "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
                    "eventSource": "aws:sqs",
                    "eventSourceARN": QUEUE_ARN,
                    "awsRegion": REGION,
                }
            ]
        }
    }
