"""Batches of PartiQL statements in moto, which would replace what an insert finds, and knows no conditional update.

Of both only the forms that the engine sends are known here: inserts of whole items, and updates that set and remove
attributes while others are as they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.responses import DynamoHandler

from banyan_tools.local.patching import patched

INSERT: Final = re.compile(r"INSERT INTO \"(?P<table>[^\"]+)\" VALUE \{(?P<fields>.*)\}")
FIELD: Final = re.compile(r"'([^']+)': \?")
UPDATE: Final = re.compile(r"UPDATE \"(?P<table>[^\"]+)\" (?P<changes>(?:SET|REMOVE) .*) WHERE (?P<found>.*)")
SET: Final = re.compile(r'SET "([^"]+)"=\?')
REMOVE: Final = re.compile(r'REMOVE "([^"]+)"')
FOUND: Final = re.compile(r'"([^"]+)"(=\?| IS MISSING)')
LONGEST_BATCH: Final = 25
THERE: Final = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists"}
OTHERWISE: Final = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}


@contextmanager
def statements_with_conditions() -> Iterator[None]:
    """Let moto carry out batches of statements as DynamoDB does, and refuse what is not known here."""
    with patched(DynamoHandler, "batch_execute_statement", _execute):
        yield


def table_of(statement: Mapping[str, Any]) -> str:
    """The table that a statement writes to."""
    return _parsed(statement)["table"]


def _execute(self: DynamoHandler) -> ActionResult:
    statements = self.body["Statements"]
    if len(statements) > LONGEST_BATCH:
        raise MockValidationException("Member must have length less than or equal to 25")
    return ActionResult({"Responses": [_answer(self, statement) for statement in statements]})


def _answer(handler: DynamoHandler, statement: Mapping[str, Any]) -> dict[str, Any]:
    parsed, body = _parsed(statement), handler.body
    table, inserts = parsed["table"], parsed.re is INSERT
    keys = [key["AttributeName"] for key in handler.dynamodb_backend.get_table(table).schema]
    request = (_put if inserts else _update)(keys, parsed, statement["Parameters"])
    handler.body = {"TableName": table, **request}
    try:
        (handler.put_item if inserts else handler.update_item)()
    except ConditionalCheckFailed:
        return {"TableName": table, "Error": THERE if inserts else OTHERWISE}
    except MockValidationException as error:
        return {"TableName": table, "Error": {"Code": "ValidationError", "Message": error.exception_msg}}
    finally:
        handler.body = body
    return {"TableName": table}


def _put(keys: Sequence[str], parsed: re.Match[str], parameters: Sequence[Any]) -> dict[str, Any]:
    return {
        "Item": dict(zip(FIELD.findall(parsed["fields"]), parameters, strict=True)),
        "ConditionExpression": "attribute_not_exists(#0)",
        "ExpressionAttributeNames": {"#0": keys[0]},
    }


def _update(keys: Sequence[str], parsed: re.Match[str], parameters: Sequence[Any]) -> dict[str, Any]:
    sets, removed = SET.findall(parsed["changes"]), REMOVE.findall(parsed["changes"])
    found = dict(FOUND.findall(parsed["found"]))
    given = [name for name, condition in found.items() if condition == "=?"]
    before = dict(zip(given, parameters[len(sets) :], strict=True))
    names = {f"#{name}": name for name in (*sets, *removed, *found)}
    terms = [f"#{name} = :was_{name}" if name in before else f"attribute_not_exists(#{name})" for name in found]
    values = {f":{name}": value for name, value in zip(sets, parameters, strict=False)}
    return {
        "Key": {name: before[name] for name in keys},
        "UpdateExpression": " ".join(
            [f"SET {', '.join(f'#{name} = :{name}' for name in sets)}"]
            + [f"REMOVE {', '.join(f'#{name}' for name in removed)}"] * bool(removed)
        ),
        "ConditionExpression": " AND ".join(terms),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values | {f":was_{name}": value for name, value in before.items()},
    }


def _parsed(statement: Mapping[str, Any]) -> re.Match[str]:
    found = INSERT.fullmatch(statement["Statement"]) or UPDATE.fullmatch(statement["Statement"])
    if found is None:
        raise MockValidationException("only inserts of whole items, and updates of known attributes, are known here")
    return found
