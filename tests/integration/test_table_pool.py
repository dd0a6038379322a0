"""A table that a test gets is as if it were new, whoever had it before."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.engines import DynamoDBEngine, dynamodb_client, table_definitions
from tests.support.tables import BATCH, WORTH_EMPTYING, TablePool

EVENTS = table_definitions()["events"]
STREAMED = {**EVENTS, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}


def fill(engine: DynamoDBEngine, table: str, count: int) -> None:
    """Put items under keys of their own."""
    for number in range(count):
        engine.client.put_item(
            TableName=table, Item={"stream": {"S": f"s-{number % 3}"}, "position": {"N": str(number)}}
        )


def items(engine: DynamoDBEngine, table: str) -> Any:
    """All of them."""
    return engine.client.scan(TableName=table, ConsistentRead=True)["Items"]


def test_a_table_is_emptied_before_the_next_test_gets_it(dynamodb: DynamoDBEngine) -> None:
    pool = TablePool(dynamodb.client)
    first, other = pool.take("events", EVENTS), pool.take("events", EVENTS)
    assert first != other, "a table in use is not given away"
    fill(dynamodb, first, 2 * BATCH + 1)
    pool.give_back("events", first)
    assert pool.take("views", table_definitions()["views"]) != first, "tables of another name are defined otherwise"
    assert pool.take("events", EVENTS) == first
    assert items(dynamodb, first) == []


def test_a_table_of_many_items_is_dropped_instead(moto: DynamoDBEngine) -> None:
    pool = TablePool(moto.client)
    table = pool.take("events", EVENTS)
    fill(moto, table, WORTH_EMPTYING + 1)
    pool.give_back("events", table)
    assert table not in moto.client.list_tables()["TableNames"]
    assert pool.take("events", EVENTS) != table


def test_a_table_of_its_own_is_new_and_goes_with_its_test(dynamodb: DynamoDBEngine) -> None:
    pool = TablePool(dynamodb.client)
    pool.give_back("legacy", free := pool.take("legacy", STREAMED))
    one, two = (DynamoDBEngine(dynamodb.name, dynamodb.client, pool=pool) for _ in range(2))
    own, shared = one.own("legacy", STREAMED), one.named("legacy", STREAMED)
    assert (own != free, shared) == (True, free)
    assert (one.own("legacy", STREAMED), one.named("legacy")) == (own, shared)
    one.client.update_table(TableName=own, StreamSpecification={"StreamEnabled": False})
    one.release()
    assert two.named("legacy", STREAMED) == shared
    with pytest.raises(dynamodb.client.exceptions.ResourceNotFoundException):
        dynamodb.client.describe_table(TableName=own)


@pytest.mark.dynamodb_local
def test_a_transaction_that_an_earlier_test_sent_is_carried_out_again(dynamodb_local_endpoint: str) -> None:
    pool, token = TablePool(dynamodb_client(dynamodb_local_endpoint)), "the same, from the same commits"
    for _ in range(2):
        engine = DynamoDBEngine("dynamodb_local", dynamodb_client(dynamodb_local_endpoint), pool=pool)
        put: Any = {"TableName": engine.events, "Item": {"stream": {"S": "s"}, "position": {"N": "1"}}}
        for _again in range(2):
            engine.client.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken=token)
        assert len(items(engine, engine.events)) == 1
        engine.release()


def test_a_table_that_later_tests_get_is_never_altered(moto: DynamoDBEngine) -> None:
    client, table = moto.client, moto.events
    with pytest.raises(AssertionError, match="a later test gets"):
        client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    with pytest.raises(AssertionError, match="a later test gets"):
        client.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
        )
    with pytest.raises(AssertionError, match="a later test gets"):
        client.delete_table(TableName=table)
    fill(moto, table, 1)
