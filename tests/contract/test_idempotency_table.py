"""What every table of idempotency records promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.wire import lost_answer

from banyan.adapters.dynamodb.idempotency import DynamoDBIdempotency
from banyan.commands.idempotency import IdempotencyTable, MemoryIdempotency, Record, StoredAnswer, answered, released

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ANSWER = StoredAnswer(201, {"ETag": '"1"'}, '{"name":"Köln"}')
RECORD = Record("acme#key", "f" * 64, "first", NOW, NOW + timedelta(seconds=16), NOW + timedelta(hours=24))


@pytest.fixture
def table(engine: Engine) -> IdempotencyTable:
    if isinstance(engine, DynamoDBEngine):
        return DynamoDBIdempotency(engine.gateway, engine.named("idempotency"))
    return MemoryIdempotency()


def test_a_claim_stands_until_it_expires(table: IdempotencyTable) -> None:
    later = replace(RECORD, owner="later", started_at=NOW + timedelta(hours=24))
    assert table.get(RECORD.key) is None
    assert table.claim(RECORD, NOW) == RECORD
    assert table.claim(later, NOW + timedelta(hours=23, minutes=59)) == RECORD
    assert table.get(RECORD.key) == RECORD
    assert table.claim(later, NOW + timedelta(hours=24)) == later
    assert table.get(RECORD.key) == later


def test_the_owner_answers_once(table: IdempotencyTable) -> None:
    table.claim(RECORD, NOW)
    done = answered(RECORD, ANSWER)
    assert table.replace(done, "first") == done
    assert table.replace(answered(RECORD, replace(ANSWER, status=500)), "first") == done
    assert table.claim(replace(RECORD, owner="second"), NOW) == done
    assert table.get(RECORD.key) == done


def test_one_that_lost_its_claim_writes_no_more(table: IdempotencyTable) -> None:
    table.claim(RECORD, NOW)
    assert table.replace(released(RECORD, NOW), "first") == released(RECORD, NOW)
    taken = replace(RECORD, owner="second")
    assert table.replace(taken, "first") == taken
    assert table.replace(answered(RECORD, ANSWER), "first") == taken
    assert table.replace(replace(RECORD, owner="third"), "first") == taken
    assert table.get(RECORD.key) == taken


def test_keys_do_not_touch_each_other(table: IdempotencyTable) -> None:
    other = replace(RECORD, key="other#key", owner="other")
    assert (table.claim(RECORD, NOW), table.claim(other, NOW)) == (RECORD, other)


def test_one_of_many_claims_wins(table: IdempotencyTable) -> None:
    with ThreadPoolExecutor(8) as pool:
        standing = list(pool.map(lambda n: table.claim(replace(RECORD, owner=f"owner-{n}"), NOW), range(16)))
    assert len(set(standing)) == 1


def test_a_lost_answer_to_a_claim_is_found_to_be_ones_own(dynamodb: DynamoDBEngine) -> None:
    table = DynamoDBIdempotency(dynamodb.gateway, dynamodb.named("idempotency"))
    dynamodb.wire.inject(lost_answer, on="PutItem")
    assert table.claim(RECORD, NOW) == RECORD
