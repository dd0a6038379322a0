"""The parser of items makes of every answer what botocore's own parser makes of it."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

import boto3
import botocore
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.engines import DynamoDBEngine
from tests.support.wire import Deliver, RawBody, tap

from banyan.adapters.dynamodb.gateway import Gateway, is_tested, parse_items_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Json = Any
REQUESTS: dict[str, dict[str, Any]] = {
    "query": {"TableName": "t"},
    "scan": {"TableName": "t"},
    "get_item": {"TableName": "t", "Key": {}},
    "batch_get_item": {"RequestItems": {}},
    "put_item": {"TableName": "t", "Item": {}},
}
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}, parameter_validation=False)


class Service:
    """Gives two clients, one of them with the parser of items, the same answer."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: Mapping[str, str] = {}
        self.body = b""
        self.plain, self.parsing = self._client(), self._client()
        parse_items_of(self.parsing)

    def both(self, operation: str) -> tuple[Any, Any]:
        """What the clients make of the answer to an operation."""
        return _outcome(self.plain, operation), _outcome(self.parsing, operation)

    def _client(self) -> DynamoDBClient:
        client = boto3.Session("local", "local", region_name="eu-west-1").client("dynamodb", config=ONCE)
        tap(client, self._answer)
        return client

    def _answer(self, request: AWSPreparedRequest) -> AWSResponse:
        headers = HTTPHeaders.from_dict(self.headers)
        return AWSResponse(request.url, self.status, headers, cast(Any, RawBody(self.body)))


def _outcome(client: DynamoDBClient, operation: str) -> Any:
    try:
        return getattr(client, operation)(**REQUESTS[operation])
    except Exception as error:
        return type(error).__name__, str(error), getattr(error, "response", None)


@pytest.fixture(scope="module")
def service() -> Service:
    return Service()


def same(service: Service, operation: str, body: bytes) -> Any:
    """Make sure that both clients make the same of a body, and return it."""
    service.body = body
    plain, parsing = service.both(operation)
    assert parsing == plain
    assert repr(sorted(_leaves(parsing))) == repr(sorted(_leaves(plain)))
    return parsing


def _leaves(value: Any) -> list[str]:
    """Everything in an answer with its type, which equality alone does not see (1, 1.0 and True are equal)."""
    if isinstance(value, dict):
        return [f"{key!r}={leaf}" for key, each in value.items() for leaf in _leaves(each)]
    if isinstance(value, list | tuple):
        return [leaf for each in value for leaf in _leaves(each)]
    return [f"{type(value).__name__}:{value!r}"]


names = st.text(max_size=8)
numbers = st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.integers(-(10**38), 10**38).map(str)
blobs = st.binary(max_size=12).map(lambda blob: base64.b64encode(blob).decode())
scalars = st.one_of(
    st.builds(lambda text: {"S": text}, st.text()),
    st.builds(lambda number: {"N": number}, numbers),
    st.builds(lambda blob: {"B": blob}, blobs),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda texts: {"SS": texts}, st.lists(st.text())),
    st.builds(lambda found: {"NS": found}, st.lists(numbers)),
    st.builds(lambda found: {"BS": found}, st.lists(blobs)),
)
values = st.recursive(
    scalars,
    lambda nested: (
        st.builds(lambda found: {"L": found}, st.lists(nested, max_size=4))
        | st.builds(lambda found: {"M": found}, st.dictionaries(names, nested, max_size=4))
    ),
    max_leaves=12,
)
items = st.dictionaries(names, values, max_size=5)
capacities = st.fixed_dictionaries(
    {"TableName": names, "CapacityUnits": st.floats(0, 1e6)},
    optional={
        "Table": st.fixed_dictionaries({"CapacityUnits": st.floats(0, 1e6)}),
        "GlobalSecondaryIndexes": st.dictionaries(names, st.just({"CapacityUnits": 0.5}), max_size=2),
        "Unknown": st.integers(),
    },
)
counts = st.integers(0, 2**31)
pages = st.fixed_dictionaries(
    {},
    optional={
        "Items": st.lists(items, max_size=5),
        "Count": counts,
        "ScannedCount": counts,
        "LastEvaluatedKey": items,
        "ConsumedCapacity": capacities,
    },
)
answers = {
    "query": pages,
    "scan": pages,
    "get_item": st.fixed_dictionaries({}, optional={"Item": items, "ConsumedCapacity": capacities}),
    "batch_get_item": st.fixed_dictionaries(
        {},
        optional={
            "Responses": st.dictionaries(names, st.lists(items, max_size=3), max_size=3),
            "UnprocessedKeys": st.dictionaries(
                names, st.fixed_dictionaries({"Keys": st.lists(items, max_size=2)}), max_size=2
            ),
            "ConsumedCapacity": st.lists(capacities, max_size=2),
        },
    ),
    "put_item": st.fixed_dictionaries({}, optional={"Attributes": items, "ConsumedCapacity": capacities}),
}
operations = st.sampled_from([*answers])
members = ["Items", "Item", "Responses", "Count", "LastEvaluatedKey", "ConsumedCapacity", "UnprocessedKeys"]
kinds = ["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", "X"]
anything: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | blobs,
    lambda nested: st.lists(nested, max_size=3) | st.dictionaries(st.sampled_from(kinds) | names, nested, max_size=3),
    max_leaves=10,
)
odd = st.dictionaries(st.sampled_from(members), anything | st.lists(items | anything, max_size=2), max_size=4)


@given(data=st.data(), operation=operations, ascii_only=st.booleans())
def test_an_answer_of_every_kind(service: Service, data: st.DataObject, operation: str, ascii_only: bool) -> None:
    answer = data.draw(answers[operation])
    parsed = same(service, operation, json.dumps(answer, ensure_ascii=ascii_only).encode())
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert parsed.keys() - {"ResponseMetadata"} == answer.keys()


@given(operation=operations, answer=odd | anything)
@example(operation="query", answer={"Items": ""})
@example(operation="query", answer={"Items": [{"a": {"L": ""}}, {"a": {"L": {}}}, {"a": {"BS": ""}}]})
@example(operation="query", answer={"Items": [{"a": {"S": None}}, {"a": {"S": "x", "B": "eA=="}}, {"a": {}}]})
@example(operation="query", answer={"Items": [{"a": {"N": 10**30}}, {"a": {"BS": [None]}}]})
@example(operation="query", answer={"Items": [{"a": {"B": "x"}}]})
@example(operation="query", answer={"Items": [None, {"a": {"S": "\ud800"}}]})
@example(operation="batch_get_item", answer={"Responses": {"t": ""}})
@example(operation="get_item", answer=[])
def test_an_answer_that_dynamodb_never_gives(service: Service, operation: str, answer: Json) -> None:
    same(service, operation, json.dumps(answer).encode())


@given(operation=operations, body=st.binary() | st.builds(lambda page: json.dumps(page).encode()[:-2], pages))
@example(operation="query", body=b"")
@example(operation="query", body=b'{"Items": [{"a": {"S": "\xff"}}]}')
@example(operation="query", body=b'{"Items": [{"a": {"N": NaN}}], "Count": 1e999}')
@example(operation="query", body=b'\xef\xbb\xbf{"Items": []}')
@example(operation="query", body=b'{"Items": [{"a": {"S": "1", "S": "2"}}], "Items": []}')
def test_a_body_that_is_missing_broken_or_strange(service: Service, operation: str, body: bytes) -> None:
    same(service, operation, body)


@given(
    operation=operations,
    status=st.sampled_from([201, 299, 300, 301, 400, 413, 500, 503]),
    code=st.sampled_from(["ConditionalCheckFailedException", "TransactionCanceledException", "x#ThrottlingException"]),
    extra=st.fixed_dictionaries({}, optional={"Item": items, "Items": st.lists(items, max_size=2)}),
)
def test_an_error(service: Service, operation: str, status: int, code: str, extra: Json) -> None:
    service.status = status
    try:
        same(service, operation, json.dumps({"__type": code, "message": "no", **extra}).encode())
        same(service, operation, b"<html>no</html>")
    finally:
        service.status = 200


def test_what_is_said_about_the_answer(service: Service) -> None:
    body = json.dumps({"Items": [{"a": {"S": "x"}}], "Count": 1}).encode()
    service.headers = {
        "x-amzn-RequestId": "R1",
        "Date": "Thu, 26 Nov 2026 03:00:00 GMT",
        "x-amz-crc32": str(crc32(body)),
    }
    try:
        metadata = same(service, "query", body)["ResponseMetadata"]
    finally:
        service.headers = {}
    assert (metadata["RequestId"], metadata["RetryAttempts"], metadata["HTTPHeaders"]["date"][:3]) == ("R1", 0, "Thu")


def test_botocore_gets_only_what_is_left(moto: DynamoDBEngine) -> None:
    """So that an answer is read once, whichever gateways share a client."""
    left: list[tuple[str, Json]] = []

    def look(operation_model: Any, response_dict: Any, **_: Any) -> None:
        left.append((operation_model.name, json.loads(response_dict["body"])))

    gateway, table = Gateway(moto.client), moto.named("cursors")
    moto.client.meta.events.register("before-parse.dynamodb", look)
    key = {"cursor": {"S": "a"}}
    item = key | {
        "b": {"B": b"\0"},
        "bs": {"BS": [b"\1"]},
        "n": {"N": "1"},
        "ns": {"NS": ["1"]},
        "ss": {"SS": ["x"]},
        "flag": {"BOOL": False},
        "null": {"NULL": True},
        "l": {"L": [{"B": b"\2"}]},
        "m": {"M": {"x": {"N": "2"}}},
    }
    gateway.write("put_item", {"TableName": table, "Item": item})
    left.clear()

    assert gateway.get(table, key) == item
    assert [*gateway.get_many(table, [key])] == [item]
    assert [*gateway.items("scan", {"TableName": table, "ConsistentRead": True})] == [item]
    assert [name for name, _ in left] == ["GetItem", "BatchGetItem", "Scan"]
    assert not any({"Item", "Items", "Responses"} & answer.keys() for _, answer in left)


def test_an_answer_with_a_wrong_checksum_is_asked_for_again(dynamodb: DynamoDBEngine) -> None:
    def damaged(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
        body = deliver(request).content.replace(b'"x"', b'"y"')
        headers = HTTPHeaders.from_dict({"x-amz-crc32": str(crc32(body) ^ 1)})
        return AWSResponse(request.url, 200, headers, cast(Any, RawBody(body)))

    item = {"cursor": {"S": "a"}, "b": {"S": "x"}}
    dynamodb.gateway.write("put_item", {"TableName": dynamodb.named("cursors"), "Item": item})
    dynamodb.wire.clear()
    dynamodb.wire.inject(damaged)

    assert dynamodb.gateway.get(dynamodb.named("cursors"), {"cursor": {"S": "a"}}) == item
    assert dynamodb.wire.sent == ["GetItem"] * 2


def test_a_botocore_that_was_not_tested_parses_for_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(botocore, "__version__", "9.9.9")
    with caplog.at_level(logging.WARNING, logger="banyan.adapters.dynamodb.gateway"):
        fresh = Service()
        fresh.body = b'{"Items": [{"a": {"B": "eA=="}}]}'
        seen: list[bytes] = []
        fresh.parsing.meta.events.register(
            "before-parse.dynamodb", lambda response_dict, **_: seen.append(response_dict["body"])
        )
        assert fresh.both("query")[1]["Items"] == [{"a": {"B": b"x"}}]
        Service()

    assert seen == [fresh.body]
    assert [record.message for record in caplog.records] == ["botocore itself reads the items, which is slower"]


@pytest.mark.parametrize(
    ("version", "tested"), [(botocore.__version__, True), ("1.39.17", False), ("1.4.0", False), ("2.40.1", False)]
)
def test_the_versions_that_were_tested(version: str, tested: bool) -> None:
    assert is_tested(version) is tested
