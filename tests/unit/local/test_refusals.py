"""What DynamoDB refuses is refused on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from banyan_tools.local.engine import ISOLATION, moto_engine
from banyan_tools.local.environment import environment

Call = Callable[[Any, str], object]
CONFIG = Config(parameter_validation=False, retries={"total_max_attempts": 1})
ABSENT = "attribute_not_exists(note)"
TABLE: Any = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "one", "KeyType": "HASH"}, {"AttributeName": "two", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("one", "two", "three")],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "third",
            "KeySchema": [{"AttributeName": "three", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
}


def key(one: str = "a", two: str = "b") -> dict[str, Any]:
    return {"one": {"S": one}, "two": {"S": two}}


def put(**more: Any) -> Call:
    return lambda client, table: client.put_item(TableName=table, Item=key() | more)


def put_if(condition: str, **values: Any) -> Call:
    given = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    return lambda client, table: client.put_item(
        TableName=table, Item=key(two="of its own"), ConditionExpression=condition, **given
    )  # fmt: skip


def transact(items: list[dict[str, Any]], **more: Any) -> Call:
    return lambda client, table: client.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": item}} for item in items], **more
    )


def batch(items: list[dict[str, Any]]) -> Call:
    return lambda client, table: client.batch_write_item(
        RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]}
    )


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "x"}
    for level in range(levels):
        value = {"L": [value]} if level % 2 else {"M": {"a": value}}
    return value


def many(count: int, size: int = 1) -> list[dict[str, Any]]:
    return [key(two=str(n)) | {"note": {"S": "x" * size}} for n in range(count)]


def found_in(count: int) -> Call:
    values = {f":v{n}": {"S": str(n)} for n in range(count)}
    return lambda client, table: client.scan(
        TableName=table, FilterExpression=f"note IN ({', '.join(values)})", ExpressionAttributeValues=values
    )


EVERY_TYPE: dict[str, Any] = {
    "s": {"S": "ä"},
    "n": {"N": "1"},
    "b": {"B": b"x"},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "bs": {"BS": [b"a", b"b"]},
    "l": {"L": [{"S": "a"}, {"M": {"a": {"N": "1"}}}, {"L": []}]},
    "m": {"M": {"a": {"NULL": True}, "b": {"BOOL": False}}},
}
ACCEPTED: dict[str, Call] = {
    "an item of 390 KB": put(note={"S": "x" * 390_000}),
    "keys of their full length": lambda client, table: client.get_item(
        TableName=table, Key=key("x" * 2048, "x" * 1024)
    ),
    "38 digits": put(n={"N": "1" * 38}),
    "38 digits and zeros": put(n={"N": "1" * 38 + "0" * 40}),
    "the largest number": put(n={"N": "9.9999999999999999999999999999999999999E+125"}),
    "the smallest number": put(n={"N": "1E-130"}),
    "32 levels": put(deep=nested(31)),
    "different members": put(n={"NS": ["1", "2"]}),
    "a transaction of 100": transact(many(100)),
    "a transaction of every type": transact([key() | EVERY_TYPE]),
    "a transaction of 3.9 MB": transact(many(10, 390_000)),
    "a token of 36": transact(many(1), ClientRequestToken="x" * 36),
    "25 writes": batch(many(25)),
    "an expression of 4096 bytes": put_if(ABSENT.rjust(4096)),
    "100 operands": found_in(100),
    "no index key": put(),
}
REFUSED: dict[str, Call] = {
    "an item of more than 400 KB": put(note={"S": "x" * 409_600}),
    "a hash key of 2049": lambda client, table: client.get_item(TableName=table, Key=key("x" * 2049)),
    "a range key of 1025": lambda client, table: client.get_item(TableName=table, Key=key("a", "x" * 1025)),
    "an index key of another type": put(three={"N": "1"}),
    "an empty index key": put(three={"S": ""}),
    "an index key of another type in a batch": batch([key() | {"three": {"N": "1"}}]),
    "an index key of another type in a transaction": transact([key() | {"three": {"N": "1"}}]),
    "39 digits": put(n={"N": "1" * 39}),
    "39 digits in a list": put(n={"L": [{"N": "1" * 39}]}),
    "39 digits in a map in a batch": batch([key() | {"n": {"M": {"a": {"N": "1" * 39}}}}]),
    "too large a number": put(n={"N": "1E+126"}),
    "too small a number": put(n={"N": "1E-131"}),
    "a member twice": put(n={"SS": ["a", "a"]}),
    "34 levels": put(deep=nested(33)),
    "two types": put(n={"S": "a", "N": "1"}),
    "a transaction of 101": transact(many(101)),
    "a transaction of 4.3 MB": transact(many(11, 390_000)),
    "a transaction of 4.3 MB in lists and maps": transact(
        [key(two=str(n)) | {"a": {"L": [{"M": {"b": {"L": [{"S": "x" * 390_000}]}}}]}} for n in range(11)]
    ),
    "a token of 37": transact(many(1), ClientRequestToken="x" * 37),
    "26 writes": batch(many(26)),
    "an expression of 4097 bytes": put_if(ABSENT.rjust(4097)),
    "a value that is not used": put_if(ABSENT, note={"S": "a"}),
    "101 operands": found_in(101),
}  # fmt: skip


@pytest.fixture(scope="module", params=["moto", pytest.param("local", marks=pytest.mark.dynamodb_local)])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of each engine, which leaves the checks to the service."""
    if request.param == "moto":
        with moto_engine():
            yield boto3.client("dynamodb", config=CONFIG)
        return
    with environment(ISOLATION):
        endpoint = request.getfixturevalue("dynamodb_local_endpoint")
        yield boto3.client("dynamodb", endpoint_url=endpoint, config=CONFIG)


@pytest.fixture(scope="module")
def table(client: Any) -> Iterator[str]:
    """An empty table."""
    name = f"limits-{uuid4()}"
    client.create_table(TableName=name, **TABLE)
    yield name
    client.delete_table(TableName=name)


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_a_limit_is_refused(client: Any, table: str, name: str) -> None:
    with pytest.raises(ClientError) as refused:
        REFUSED[name](client, table)
    assert refused.value.response["Error"]["Code"] in ("ValidationException", "TransactionCanceledException")


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_just_fits_is_accepted(client: Any, table: str, name: str) -> None:
    ACCEPTED[name](client, table)
