"""The wire between a DynamoDB client and its service: counts requests, and loses or refuses them on demand."""

from __future__ import annotations

import io
import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Deliver = Callable[[AWSPreparedRequest], AWSResponse]
Fault = Callable[[AWSPreparedRequest, Deliver], AWSResponse]

READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
SERVICE_PREFIX = "DynamoDB_20120810."
BATCHES = {"BatchGetItem": ("Keys", "UnprocessedKeys"), "BatchWriteItem": ("requests", "UnprocessedItems")}
"""By operation: what holds the entries of a table, and what tells of those that were left out."""
ERROR_PREFIX = "com.amazonaws.dynamodb.v20120810#"


class Wire:
    """Takes the place of a client's HTTP session, below the SDK's own retries.

    Parameters
    ----------
    deliver : Callable
        Sends one request and returns its answer.

    Attributes
    ----------
    sent : list[str]
        Operation of every HTTP request, retries included, in order.
    around : Callable
        Meets every request that gets through.
    """

    def __init__(self, deliver: Deliver) -> None:
        self.sent: list[str] = []
        self.around: Fault = delivered
        self._deliver = deliver
        self._faults: deque[tuple[str | None, Fault]] = deque()
        self._lock = Lock()

    def inject(self, *faults: Fault, on: str | None = None) -> None:
        """Let the next requests (of one operation, when named) meet these faults, one each, in order."""
        self._faults.extend((on, fault) for fault in faults)

    def clear(self) -> None:
        """Forget what was sent and the faults that were not met."""
        self.sent.clear()
        self._faults.clear()

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send one request, as a botocore HTTP session does."""
        operation = operation_of(request)
        with self._lock:
            self.sent.append(operation)
            fault = self._next_fault(operation)
        return fault(request, lambda passed: self.around(passed, self._deliver))

    def close(self) -> None:
        """As a botocore HTTP session; nothing is kept open here."""

    def _next_fault(self, operation: str) -> Fault:
        if self._faults and self._faults[0][0] in (None, operation):
            return self._faults.popleft()[1]
        return delivered


class Capacity:
    """Asks for and adds up the capacity a client's requests consume.

    Attributes
    ----------
    units : Counter[str]
        Read or write units, indexes included, by operation.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self.units: Counter[str] = Counter()
        client.meta.events.register("provide-client-params.dynamodb", self._ask)
        client.meta.events.register("after-call.dynamodb", self._add)

    def _ask(self, params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def _add(self, model: Any, parsed: Mapping[str, Any], **_: Any) -> None:
        consumed = parsed.get("ConsumedCapacity", [])
        for entry in consumed if isinstance(consumed, list) else [consumed]:
            self.units[model.name] += entry["CapacityUnits"]


class Unreported:
    """Adds up what writes consume that DynamoDB Local does not report, of items below 1 KB.

    Attributes
    ----------
    units : int
        Two for each item of a transaction; for each insert of a batch one, and one for each lookup.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self.units = 0
        client.meta.events.register("provide-client-params.dynamodb.TransactWriteItems", self._transaction)
        client.meta.events.register("provide-client-params.dynamodb.BatchExecuteStatement", self._inserts)

    def _transaction(self, params: Mapping[str, Any], **_: Any) -> None:
        self.units += 2 * len(params["TransactItems"])

    def _inserts(self, params: Mapping[str, Any], **_: Any) -> None:
        self.units += sum(1 + each["Statement"].count("_sort'") for each in params["Statements"])


WEAK: frozenset[tuple[str, str]] = frozenset()
"""Operation and table, as the template calls it, of reads that decide nothing and need not be strongly consistent."""


def strong_reads(params: Mapping[str, Any], model: Any, **_: Any) -> None:
    """Refuse a read of a table that is not strongly consistent; one of an index cannot be.

    Raises
    ------
    AssertionError
        Naming the read.
    """
    if model.name not in READS or "IndexName" in params:
        return
    for table, part in (params.get("RequestItems") or {params["TableName"]: params}).items():
        read = (model.name, table.rpartition("-")[0])
        assert part.get("ConsistentRead") is not (read in WEAK), f"{read} is not strongly consistent"


def tap(client: DynamoDBClient, deliver: Deliver | None = None) -> Wire:
    """Put a wire under a client; without ``deliver`` it leads where the client sent its requests before."""
    endpoint = cast(Any, client)._endpoint
    wire = Wire(deliver or endpoint.http_session.send)
    endpoint.http_session = wire
    return wire


def operation_of(request: AWSPreparedRequest) -> str:
    """Name of the operation a request asks for."""
    target = request.headers["X-Amz-Target"]
    return (target.decode() if isinstance(target, bytes) else target).removeprefix(SERVICE_PREFIX)


def delivered(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
    """No fault."""
    return deliver(request)


def lost_answer(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
    """The service does its work, then the connection breaks."""
    deliver(request).content  # noqa: B018
    raise ConnectionClosedError(endpoint_url=request.url)


def late_answer(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
    """The service does its work, but the client stops waiting before it hears of it."""
    deliver(request).content  # noqa: B018
    raise ReadTimeoutError(endpoint_url=request.url)


def lost_request(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:  # noqa: ARG001
    """The connection breaks before the service hears of the request."""
    raise ConnectionClosedError(endpoint_url=request.url)


def half_done(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:
    """The service does the first half of a batch, and leaves the rest to be asked for again."""
    batch, left = BATCHES.get(operation_of(request), ("", ""))
    body = json.loads(cast(Any, request.body)) if batch else {}
    asked = {table: _entries(part, batch) for table, part in body.get("RequestItems", {}).items()}
    if not any(len(entries) > 1 for entries in asked.values()):
        return deliver(request)
    done = {table: entries[: (len(entries) + 1) // 2] for table, entries in asked.items()}
    rest = {table: entries[len(done[table]) :] for table, entries in asked.items() if len(entries) > 1}
    parts = body["RequestItems"]
    answer = deliver(_with_body(request, body | {"RequestItems": _with_entries(parts, done, batch)}))
    if answer.status_code != HTTPStatus.OK:
        return answer
    told = json.loads(answer.content) | {left: _with_entries(parts, rest, batch)}
    return AWSResponse(request.url, answer.status_code, HTTPHeaders(), cast(Any, RawBody(json.dumps(told).encode())))


def refused(code: str, *, status: int = 400, reasons: Sequence[str] = ()) -> Fault:
    """The service answers with an error and does nothing; ``reasons`` are the codes of a cancelled transaction."""
    body: dict[str, Any] = {"__type": ERROR_PREFIX + code, "message": "injected"}
    if reasons:
        body["CancellationReasons"] = [{"Code": reason} for reason in reasons]

    def answer(request: AWSPreparedRequest, deliver: Deliver) -> AWSResponse:  # noqa: ARG001
        raw = RawBody(json.dumps(body).encode())
        return AWSResponse(request.url, status, HTTPHeaders(), cast(Any, raw))

    return answer


def _entries(part: Any, batch: str) -> list[Any]:
    return list(part[batch] if batch == "Keys" else part)


def _with_entries(parts: Any, entries: Mapping[str, list[Any]], batch: str) -> Any:
    return {table: parts[table] | {batch: found} if batch == "Keys" else found for table, found in entries.items()}


def _with_body(request: AWSPreparedRequest, body: Any) -> AWSPreparedRequest:
    encoded = json.dumps(body).encode()
    given = dict(request.headers.items())
    length = {name: str(len(encoded)) for name in given if name.lower() == "content-length"}
    headers = HeadersDict(given | length)
    return AWSPreparedRequest(request.method, request.url, cast(Any, headers), encoded, request.stream_output)


class RawBody(io.BytesIO):
    """A body as urllib3 hands it to botocore."""

    def stream(self, **_: Any) -> Any:
        yield self.read()
