"""The proxy of the benchmark counts what a client sends and consumes, and changes nothing else."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from bench.proxy import CountingProxy, units_of_statements, units_of_transaction

from banyan.adapters.dynamodb.gateway import insert_statement, update_statement

CONSUMED = {"TableName": "t", "CapacityUnits": 1.5}


class Database(BaseHTTPRequestHandler):
    """Answers with what it was asked, and what that consumed."""

    asked: list[Any]

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        refused = "Refused" in self.asked[-1]
        content = json.dumps({"message": "no"} if refused else {"ConsumedCapacity": CONSUMED}).encode()
        self.send_response(400 if refused else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def proxy() -> Iterator[CountingProxy]:
    Database.asked = []
    with HTTPServer(("127.0.0.1", 0), Database) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with CountingProxy(f"http://127.0.0.1:{server.server_address[1]}").serving() as proxy:
            yield proxy
        server.shutdown()


def send(proxy: CountingProxy, operation: str, body: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(proxy.endpoint).netloc)
    connection.request("POST", "/", json.dumps(body), {"X-Amz-Target": f"DynamoDB_20120810.{operation}"})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_requests_and_units_are_counted_by_kind(proxy: CountingProxy) -> None:
    for operation in ("PutItem", "Query", "Query", "ListTables"):
        assert send(proxy, operation, {"TableName": "t"}) == (200, {"ConsumedCapacity": CONSUMED})

    assert (proxy.requests.total(), proxy.read_units, proxy.write_units) == (4, 3.0, 1.5)
    assert [asked.get("ReturnConsumedCapacity") for asked in Database.asked] == ["TOTAL"] * 3 + [None]


def test_a_refused_request_is_passed_on_and_counted(proxy: CountingProxy) -> None:
    assert send(proxy, "PutItem", {"Refused": True}) == (400, {"message": "no"})
    assert (proxy.requests.total(), proxy.write_units) == (1, 0)


def test_counting_begins_at_nothing_again(proxy: CountingProxy) -> None:
    send(proxy, "PutItem", {})
    proxy.clear()

    assert (proxy.requests.total(), proxy.read_units, proxy.write_units) == (0, 0, 0)


def test_a_transaction_costs_two_units_for_each_kilobyte_of_each_item() -> None:
    small = {"Put": {"Item": {"a": {"S": "x"}, "b": {"N": "1"}}}}
    large = {"Put": {"Item": {"a": {"S": "x" * 1100}}}}
    update = {"Update": {"Key": {"a": {"S": "x"}}, "ExpressionAttributeValues": {":m": {"M": {"l": {"L": []}}}}}}

    assert units_of_transaction(json.dumps({"TransactItems": [small, large, update]}).encode()) == 2 + 4 + 2


def test_statements_cost_what_single_writes_do() -> None:
    """What an update looks for is not written; a number that it sets and looks for counts once."""
    key = {"row": {"S": "r"}, "sort": {"S": "-"}}
    small = insert_statement("t", {**key, "state": {"S": "x" * 900}})
    state, version = {"S": "x" * 990}, {"N": "2"}
    exact = update_statement("t", key, {"state": state, "version": version}, {"version": {"N": "1" * 30}, "no": None})
    large = update_statement("t", key, {"state": {"S": "x" * 2000}}, {"version": version})
    assert [units_of_statements(json.dumps({"Statements": [each]}).encode()) for each in (small, exact, large)] == [
        1,
        1,
        2,
    ]
    assert units_of_statements(json.dumps({"Statements": [small, exact, large]}).encode()) == 4
