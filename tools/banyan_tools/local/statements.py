"""Batches of PartiQL inserts in moto: it would replace what stands there, and copy all tables for each statement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.responses import DynamoHandler

from banyan_tools.local.patching import patched

INSERT: Final = re.compile(r"INSERT INTO \"(?P<table>[^\"]+)\" VALUE \{(?P<fields>.*)\}")
FIELD: Final = re.compile(r"'([^']+)': \?")
LONGEST_BATCH: Final = 25


@contextmanager
def inserting_what_is_not_there() -> Iterator[None]:
    """Let moto carry out batches of inserts as DynamoDB does, and refuse any other statement."""
    with patched(DynamoHandler, "batch_execute_statement", _execute):
        yield


def table_of(statement: Mapping[str, Any]) -> str:
    """The table that an insert writes to."""
    return _parsed(statement)["table"]


def _execute(self: DynamoHandler) -> ActionResult:
    statements = self.body["Statements"]
    if len(statements) > LONGEST_BATCH:
        raise MockValidationException("Member must have length less than or equal to 25")
    return ActionResult({"Responses": [_answer(self, statement) for statement in statements]})


def _answer(handler: DynamoHandler, statement: Mapping[str, Any]) -> dict[str, Any]:
    table, body = table_of(statement), handler.body
    names = FIELD.findall(_parsed(statement)["fields"])
    handler.body = {
        "TableName": table,
        "Item": dict(zip(names, statement["Parameters"], strict=True)),
        "ConditionExpression": "attribute_not_exists(#0)",
        "ExpressionAttributeNames": {"#0": handler.dynamodb_backend.get_table(table).hash_key_attr},
    }
    try:
        handler.put_item()
    except ConditionalCheckFailed:
        return {"TableName": table, "Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists"}}
    except MockValidationException as error:
        return {"TableName": table, "Error": {"Code": "ValidationError", "Message": error.exception_msg}}
    finally:
        handler.body = body
    return {"TableName": table}


def _parsed(statement: Mapping[str, Any]) -> re.Match[str]:
    found = INSERT.fullmatch(statement["Statement"])
    if found is None:
        raise MockValidationException("only inserts of whole items are known here")
    return found
