"""Batches of statements do the same on both engines, and IAM is asked for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.engines import DynamoDBEngine

from banyan.adapters.dynamodb.gateway import update_statement
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


def update(table: str, row: str, before: Mapping[str, Any], **now: str) -> dict[str, Any]:
    key = {"row": {"S": row}, "sort": {"S": "-"}}
    return update_statement(table, key, {name: {"S": value} for name, value in now.items()}, before)


def test_each_update_is_for_itself_and_finds_what_it_asks_for(dynamodb: DynamoDBEngine) -> None:
    table = dynamodb.named("views")
    codes(dynamodb, insert(table, "a", note="1", more="x"), insert(table, "b", note="1"), insert(table, "c", note="1"))
    refused = "ConditionalCheckFailed"
    was = {"note": {"S": "1"}, "more": None}
    assert codes(
        dynamodb,
        update(table, "a", was, note="2"),
        update(table, "b", was, note="2"),
        update(table, "d", was, note="2"),
    ) == [refused, None, refused]
    assert codes(dynamodb, update(table, "a", {"more": {"S": "x"}}, note="3"), update(table, "b", was, note="3")) == [
        None,
        refused,
    ]
    items = dynamodb.client.scan(TableName=table, ConsistentRead=True)["Items"]
    found = {item["row"]["S"]: (item["note"]["S"], "more" in item) for item in items}
    assert found == {"a": ("3", False), "b": ("2", False), "c": ("1", False)}


def test_a_batch_that_is_too_long_is_refused(dynamodb: DynamoDBEngine) -> None:
    table = dynamodb.named("views")
    with pytest.raises(ClientError, match="ValidationException"):
        codes(dynamodb, *(insert(table, str(number)) for number in range(26)))


def test_each_kind_of_statement_needs_a_grant_of_its_own() -> None:
    table = "banyan-ViewsTable"
    statements = [insert(table, "a"), update(table, "a", {"more": None}, note="1")]
    found = [(need.action, need.resource) for need in table_needs("BatchExecuteStatement", {"Statements": statements})]
    assert found == [(f"dynamodb:PartiQL{kind}", f"{TABLES}{table}") for kind in ("Insert", "Update")]
