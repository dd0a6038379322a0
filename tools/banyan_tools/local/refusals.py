"""Requests that DynamoDB refuses and moto would answer: limits of keys, values, expressions and batches."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from itertools import chain
from typing import Any, Final

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from banyan_tools.local.patching import patched

Item = Mapping[str, Any]
OPERATIONS: Final = (
    "batch_write_item", "delete_item", "get_item", "put_item", "query", "scan", "transact_write_items", "update_item",
)  # fmt: skip
EXPRESSIONS: Final = (
    "ConditionExpression", "FilterExpression", "KeyConditionExpression", "ProjectionExpression", "UpdateExpression",
)  # fmt: skip
EXPRESSION_BYTES: Final = 4096
TRANSACTION_BYTES: Final = 4 * 1024 * 1024
TOKEN_LENGTH: Final = 36
BATCH_WRITES: Final = 25
IN_OPERANDS: Final = 100
DEEPEST: Final = 32
HASH_BYTES: Final = 2048
RANGE_BYTES: Final = 1024
PRECISION: Final = 38
LARGEST: Final = Decimal("9.9999999999999999999999999999999999999E+125")
SMALLEST: Final = Decimal("1E-130")
VALUE: Final = re.compile(r":\w+")
IN: Final = re.compile(r"\bIN\s*\(([^)]*)\)", re.IGNORECASE)
WRONG: Final = "One or more parameter values were invalid: "


@contextmanager
def refusing_what_dynamodb_refuses() -> Iterator[None]:
    """Let moto refuse what breaks a limit of DynamoDB that it does not know, until the block is left."""
    with ExitStack() as stack:
        for operation in OPERATIONS:
            stack.enter_context(patched(DynamoHandler, operation, _checked(vars(DynamoHandler)[operation])))
        yield


def _checked(original: Any) -> Any:
    def answer(self: DynamoHandler) -> Any:
        for reason in refusals(self.body, self.dynamodb_backend.tables):
            raise MockValidationException(reason)
        return original(self)

    return answer


def refusals(body: Mapping[str, Any], tables: Mapping[str, Table]) -> Iterator[str]:
    """Yield why DynamoDB refuses a request.

    Parameters
    ----------
    body : Mapping[str, Any]
        Of any operation that reads or writes items.
    tables : Mapping[str, Table]
        By name.
    """
    if sum(map(len, _batches(body))) > BATCH_WRITES:
        yield "Too many items requested for the BatchWriteItem call"
    if len(body.get("ClientRequestToken") or "") > TOKEN_LENGTH:
        yield f"clientRequestToken: Member must have length less than or equal to {TOKEN_LENGTH}"
    parts = list(_parts(body))
    for table, part in parts:
        yield from expression_refusals(part)
        for item in (part.get("Item"), part.get("Key"), part.get("ExpressionAttributeValues")):
            yield from value_refusals(item or {})
        if table in tables:
            yield from key_refusals(part, tables[table])
    if body.get("TransactItems") and sum(size(part.get("Item") or {}) for _, part in parts) > TRANSACTION_BYTES:
        yield "Transaction payload size cannot exceed 4MB"


def _batches(body: Mapping[str, Any]) -> Iterable[list[Any]]:
    return (body.get("RequestItems") or {}).values()


def _parts(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the table and the arguments of each operation in a request."""
    if "TableName" in body:
        yield body["TableName"], body
    for operation in body.get("TransactItems") or ():
        for part in operation.values():
            yield part.get("TableName", ""), part
    for table, requests in (body.get("RequestItems") or {}).items():
        for request in requests:
            for part in request.values():
                yield table, part


def expression_refusals(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the expressions of an operation."""
    given = {name: part[name] for name in EXPRESSIONS if part.get(name)}
    for name, text in given.items():
        if len(text.encode()) > EXPRESSION_BYTES:
            yield f"Invalid {name}: Expression size has exceeded the maximum allowed size"
        if any(operands.count(",") >= IN_OPERANDS for operands in IN.findall(text)):
            yield f"Invalid {name}: The IN operator is provided with too many operands"
    used = {value for text in given.values() for value in VALUE.findall(text)}
    unused = sorted((part.get("ExpressionAttributeValues") or {}).keys() - used)
    if given and unused:
        yield f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{', '.join(unused)}}}"


def value_refusals(item: Item) -> Iterator[str]:
    """Yield what is wrong with the values of an item, at any depth."""
    for value in item.values():
        yield from _value(value, 0)


def _value(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    if len(value) > 1:
        yield "Supplied AttributeValue has more than one datatypes set"
    if depth > DEEPEST:
        yield "Nesting Levels have exceeded supported limits"
        return
    for kind, held in value.items():
        if kind in ("SS", "NS", "BS") and len(set(held)) < len(held):
            yield f"{WRONG}Input collection contains duplicates"
        if kind in ("N", "NS"):
            yield from chain.from_iterable(map(_number, [held] if kind == "N" else held))
        if kind in ("L", "M"):
            inner = held.values() if kind == "M" else held
            yield from chain.from_iterable(_value(each, depth + 1) for each in inner)


def _number(text: str) -> Iterator[str]:
    try:
        number = Decimal(text)
    except ArithmeticError:
        return
    if not number.is_finite():
        return
    if len("".join(map(str, number.as_tuple().digits)).strip("0")) > PRECISION:
        yield f"DynamoDB only supports precision up to {PRECISION} digits"
    if number and not SMALLEST <= number.copy_abs() <= LARGEST:
        yield "Number overflow or underflow: its magnitude is out of the supported range"


def key_refusals(part: Mapping[str, Any], table: Table) -> Iterator[str]:
    """Yield what is wrong with the keys of an operation, those of indexes included."""
    types = {definition["AttributeName"]: definition["AttributeType"] for definition in table.attr}
    item = part.get("Item") or {}
    for index in (*table.indexes, *table.global_indexes):
        for name in (key["AttributeName"] for key in index.schema):
            if name in item and types[name] not in item[name]:
                yield f"{WRONG}Type mismatch for Index Key {name} Expected: {types[name]} IndexName: {index.name}"
    key = part.get("Key") or {}
    names: list[tuple[int, str | None]] = [(HASH_BYTES, table.hash_key_attr), (RANGE_BYTES, table.range_key_attr)]
    for limit, field in names:
        if field and size({"": key.get(field, {})}) > limit:
            yield f"{WRONG}Size of the key {field} has exceeded the maximum size limit of {limit} bytes"


def size(item: Item) -> int:
    """Return how many bytes an item counts for, but for the few that DynamoDB adds for structure."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(value: Mapping[str, Any]) -> int:
    return sum(size(held) if kind == "M" else _size_of_held(held) for kind, held in value.items())


def _size_of_held(held: Any) -> int:
    if isinstance(held, list):
        return sum(_size_of_value(each) if isinstance(each, Mapping) else _size_of_held(each) for each in held)
    return len(held.encode() if isinstance(held, str) else held) if isinstance(held, str | bytes) else 1
