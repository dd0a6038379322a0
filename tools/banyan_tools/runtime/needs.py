"""What IAM asks for before a service runs a request."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request

from banyan_tools.local.physical import ACCOUNT, REGION

TABLES = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"
TRANSACTED = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
STATEMENT = re.compile(r"(INSERT|UPDATE|DELETE|SELECT)[^\"]*\"([^\"]+)\"")
INVOCATION = re.compile("/2015-03-31/functions/([^/]+)/invocations")
OBJECT_ACTIONS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


@dataclass(frozen=True)
class Need:
    """An action on a resource, as IAM names them."""

    action: str
    resource: str


def needs(service: str, request: Request) -> list[Need]:
    """Return what IAM asks for; of a service that is not known here, what no role allows.

    Parameters
    ----------
    service : str
        Name the request is signed for, for example ``sqs``.
    request : Request
        As the SDK sent it.
    """
    if service == "s3":
        return list(object_needs(request.method, request.path))
    if service == "lambda":
        return list(function_needs(request.method, request.path))
    operation = request.headers.get("X-Amz-Target", "").partition(".")[2]
    if service not in JSON_SERVICES:
        return [Need(f"{service}:{operation}", "unknown")]
    return list(JSON_SERVICES[service](operation, request.get_json(force=True)))


def table_needs(operation: str, request: Mapping[str, Any]) -> Iterator[Need]:
    """Return the needs of a DynamoDB request; transactions and batches of statements are asked for by their parts.

    Parameters
    ----------
    operation : str
        For example ``PutItem``.
    request : Mapping
        Its parameters.
    """
    if operation.startswith("Transact"):
        for item in request["TransactItems"]:
            for kind, part in item.items():
                yield Need(f"dynamodb:{TRANSACTED[kind]}", TABLES + part["TableName"])
    elif operation == "BatchExecuteStatement":
        for statement in request["Statements"]:
            kind, table = STATEMENT.findall(statement["Statement"])[0]
            yield Need(f"dynamodb:PartiQL{kind.capitalize()}", TABLES + table)
    elif operation.startswith("Batch"):
        for table in request["RequestItems"]:
            yield Need(f"dynamodb:{operation}", TABLES + table)
    else:
        index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
        yield Need(f"dynamodb:{operation}", TABLES + request["TableName"] + index)


def queue_needs(operation: str, request: Mapping[str, Any]) -> Iterator[Need]:
    """Return the needs of an SQS request; a batch is asked for like its entries."""
    name = str(request.get("QueueUrl") or request.get("QueueName")).rpartition("/")[2]
    yield Need(f"sqs:{operation.removesuffix('Batch')}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")


def bus_needs(operation: str, request: Mapping[str, Any]) -> Iterator[Need]:
    """Return the needs of an EventBridge request, one for each bus that it names."""
    for name in sorted({entry.get("EventBusName", "default") for entry in request.get("Entries", [{}])}):
        yield Need(f"events:{operation}", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{name.rpartition('/')[2]}")


def stream_needs(operation: str, request: Mapping[str, Any]) -> Iterator[Need]:
    """Return the need of a Kinesis request; an iterator of moto begins with the name of its stream."""
    iterator = b64decode(request.get("ShardIterator", "")).decode()
    name = (
        request.get("StreamName") or str(request.get("StreamARN", "")).rpartition("/")[2] or iterator.partition(":")[0]
    )
    yield Need(f"kinesis:{operation}", f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}")


def object_needs(method: str, path: str) -> Iterator[Need]:
    """Return the needs of an S3 request with the bucket in its path."""
    bucket, _, key = path.removeprefix("/").partition("/")
    action = OBJECT_ACTIONS.get(method, method) if key else "ListBucket" if method in ("GET", "HEAD") else method
    yield Need(f"s3:{action}", f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else ""))


def function_needs(method: str, path: str) -> Iterator[Need]:
    """Return the needs of a Lambda request, which is asked for as its method unless it invokes a function."""
    found = INVOCATION.fullmatch(path)
    name = found[1] if found else "unknown"
    action = "InvokeFunction" if found and method == "POST" else method
    yield Need(f"lambda:{action}", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")


JSON_SERVICES: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Need]]] = {
    "dynamodb": table_needs,
    "sqs": queue_needs,
    "events": bus_needs,
    "kinesis": stream_needs,
}
