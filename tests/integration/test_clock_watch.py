"""A clock that differs from DynamoDB's is noticed by whoever writes with it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.engines import DynamoDBEngine

from banyan.adapters.dynamodb.gateway import LOOK_SECONDS, ClockWatch
from banyan.telemetry import NoTelemetry


class Counts(NoTelemetry):
    """Keeps what was counted."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def count(self, name: str, value: int = 1) -> None:
        self.counted[name] += value


@pytest.mark.dynamodb_local
@pytest.mark.parametrize(
    ("skew", "counted"),
    [(timedelta(minutes=-10), 1), (timedelta(seconds=-70), 1), (timedelta(), 0), (timedelta(seconds=70), 1)],
)
def test_a_skewed_clock_is_counted_once_a_minute(dynamodb_local: DynamoDBEngine, skew: timedelta, counted: int) -> None:
    now, counts, client = [1000.0], Counts(), dynamodb_local.client
    ClockWatch(lambda: datetime.now(UTC) + skew, counts, lambda: now[0]).watch(client)

    client.list_tables(Limit=1)
    client.list_tables(Limit=1)
    assert counts.counted["ClockSkewed"] == counted
    now[0] += LOOK_SECONDS
    client.list_tables(Limit=1)
    assert counts.counted["ClockSkewed"] == 2 * counted


def test_an_answer_without_a_date_says_nothing(moto: DynamoDBEngine) -> None:
    counts = Counts()

    def undated(parsed: dict[str, Any], **_: Any) -> None:
        parsed["ResponseMetadata"]["HTTPHeaders"].pop("date", None)

    moto.client.meta.events.register_first("after-call.dynamodb", undated)
    ClockWatch(lambda: datetime.now(UTC) - timedelta(days=1), counts).watch(moto.client)
    moto.client.list_tables(Limit=1)
    assert not counts.counted
