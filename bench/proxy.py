"""Counts what any client of DynamoDB sends and consumes, whatever language it is written in."""

from __future__ import annotations

import http.client
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from threading import Lock, Thread
from typing import Any, Final
from urllib.parse import urlsplit

READS: Final = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})
WRITES: Final = frozenset(
    {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "BatchExecuteStatement", "TransactWriteItems"}
)
VALUE: Final = re.compile(r"""["'](\w+)["'](?:=|: )\?""")
"""A name in a statement for which a parameter stands: in an update first what is set, then what is looked for."""
UNIT_BYTES: Final = 1024
PASSED_ON: Final = ("Content-Type", "x-amzn-RequestId", "x-amz-crc32")


class CountingProxy:
    """Passes requests on to DynamoDB Local and adds up what its answers say.

    It asks for the consumed capacity in each request, indexes included, so clients need no option for it. It costs
    time: nothing is timed through it.

    Attributes
    ----------
    endpoint : str
        URL for clients.
    """

    def __init__(self, upstream: str) -> None:
        self.requests: Counter[str] = Counter()
        self.units: dict[str, float] = defaultdict(float)
        self.endpoint = ""
        self._upstream = urlsplit(upstream).netloc
        self._lock = Lock()

    @contextmanager
    def serving(self) -> Iterator[CountingProxy]:
        """Serve on a free port of the loopback interface."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                proxy.answer(self)

            def log_message(self, *_: Any) -> None:
                """Nothing: requests are counted."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
            Thread(target=server.serve_forever, daemon=True).start()
            yield self
            server.shutdown()

    def clear(self) -> None:
        """Begin at nothing."""
        with self._lock:
            self.requests.clear()
            self.units.clear()

    @property
    def read_units(self) -> float:
        """Read units consumed."""
        return sum(self.units[operation] for operation in READS)

    @property
    def write_units(self) -> float:
        """Write units consumed."""
        return sum(self.units[operation] for operation in WRITES)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Pass one request on and count it."""
        operation = handler.headers["X-Amz-Target"].rpartition(".")[2]
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if operation in READS | WRITES:
            body = json.dumps(json.loads(body) | {"ReturnConsumedCapacity": "TOTAL"}).encode()
        status, headers, content = self._forward(handler, body)
        self._count(operation, body, content)
        handler.send_response(status)
        for name in PASSED_ON:
            if name in headers:
                handler.send_header(name, headers[name])
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        names = ("X-Amz-Target", "Content-Type", "Authorization", "X-Amz-Date")
        headers = {name: handler.headers[name] for name in names if handler.headers[name]}
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def _count(self, operation: str, body: bytes, content: bytes) -> None:
        own = UNANSWERED.get(operation)
        units = own(body) if own else units_of(json.loads(content))
        with self._lock:
            self.requests[operation] += 1
            self.units[operation] += units


def units_of(answer: Mapping[str, Any]) -> float:
    """What an answer says was consumed."""
    consumed = answer.get("ConsumedCapacity", [])
    entries = consumed if isinstance(consumed, list) else [consumed]
    return sum(float(entry["CapacityUnits"]) for entry in entries)


def units_of_transaction(body: bytes) -> int:
    """Two units for each KB of each item, as DynamoDB charges; indexes are left out.

    DynamoDB Local answers with those of one item, however many there are. What an update leaves of an item is taken to
    be as large as what it sets.
    """
    actions = [action for entry in json.loads(body)["TransactItems"] for action in entry.values()]
    items = [each.get("Item") or {**each["Key"], **each.get("ExpressionAttributeValues", {})} for each in actions]
    return sum(2 * ceil(size_of({"M": item}) / UNIT_BYTES) for item in items)


def units_of_statements(body: bytes) -> int:
    """A unit for each KB that each statement sets, its key included, as DynamoDB charges; indexes are left out.

    DynamoDB Local does not answer with any. Refused statements count as well, as they do on DynamoDB.
    """
    found = 0
    for statement in json.loads(body)["Statements"]:
        named = list(zip(VALUE.findall(statement["Statement"]), statement["Parameters"], strict=True))
        found += ceil(size_of({"M": dict(reversed(named))}) / UNIT_BYTES)
    return found


UNANSWERED: Final[Mapping[str, Callable[[bytes], int]]] = {
    "TransactWriteItems": units_of_transaction,
    "BatchExecuteStatement": units_of_statements,
}
"""Whose units are counted from what is asked for."""


def size_of(value: Mapping[str, Any]) -> int:
    """Bytes of an attribute by DynamoDB's published rules; binary is Base64 on the wire."""
    ((kind, content),) = value.items()
    match kind:
        case "M":
            return 3 + sum(1 + len(name.encode()) + size_of(element) for name, element in content.items())
        case "L":
            return 3 + sum(1 + size_of(element) for element in content)
        case "N":
            return len(content) // 2 + 2
        case "B":
            return len(content) * 3 // 4
        case "S":
            return len(content.encode())
    return 1
