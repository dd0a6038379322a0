"""Batches of inserts do the same on both engines, and IAM is asked for each of them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.engines import DynamoDBEngine

from banyan_tools.runtime.needs import TABLES, table_needs


def insert(table: str, row: str, **more: str) -> dict[str, Any]:
    values = {"row": row, "sort": "-", **more}
    fields = ", ".join(f"'{name}': ?" for name in values)
    parameters = [{"S": value} for value in values.values()]
    return {"Statement": f'INSERT INTO "{table}" VALUE {{{fields}}}', "Parameters": parameters}


def codes(engine: DynamoDBEngine, *statements: Any) -> list[str | None]:
    """What became of each statement."""
    answer: Any = engine.client.batch_execute_statement(Statements=statements)
    return [response.get("Error", {}).get("Code") for response in answer["Responses"]]


def test_each_insert_is_for_itself_and_replaces_nothing(dynamodb: DynamoDBEngine) -> None:
    table = dynamodb.named("views")
    assert codes(dynamodb, insert(table, "a", note="first"), insert(table, "b")) == [None, None]
    assert codes(dynamodb, insert(table, "a", note="second"), insert(table, "c"), insert(table, "")) == [
        "DuplicateItem",
        None,
        "ValidationError",
    ]
    items = dynamodb.client.scan(TableName=table, ConsistentRead=True)["Items"]
    assert {item["row"]["S"]: item.get("note") for item in items} == {"a": {"S": "first"}, "b": None, "c": None}


def test_a_batch_that_is_too_long_is_refused(dynamodb: DynamoDBEngine) -> None:
    table = dynamodb.named("views")
    with pytest.raises(ClientError, match="ValidationException"):
        codes(dynamodb, *(insert(table, str(number)) for number in range(26)))


def test_an_insert_needs_a_grant_of_its_own() -> None:
    (need,) = table_needs("BatchExecuteStatement", {"Statements": [insert("banyan-ViewsTable", "a")]})
    assert (need.action, need.resource) == ("dynamodb:PartiQLInsert", f"{TABLES}banyan-ViewsTable")
