"""A fleet as the importer sees it: its API, and the Kinesis endpoint of the local stack, on a port of loopback."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Callable, Iterable
from math import inf
from typing import Any

from tests.telemetry.support.fleet import Fleet
from tests.telemetry.support.replay import NothingParked
from werkzeug.wrappers import Request, Response

from banyan.entrypoints.ingest import RecordIngestion
from banyan.telemetry import NoTelemetry
from banyan_tools.samples.kinesis_records import kinesis_records

IMPORTER = {"sub": "importer", "tenant": "acme", "scope": "telemetry/read telemetry/write"}
STREAM = "readings"

Fault = Callable[[Request], Response | None]


class Gateway:
    """Hands requests to a fleet, whose windows are up to date before each query, unless it no longer `catches_up`.

    `faults` may answer a request in place of the fleet. `sent`: readings of each request, and of each record.
    """

    def __init__(self, *faults: Fault) -> None:
        self.fleet, self.faults = Fleet(), list(faults)
        self.sent: list[int] = []
        self.catches_up = True
        self._lock = threading.Lock()
        application = self.fleet.application
        self._ingestion = RecordIngestion(
            application.ingestor, application.handlers, NothingParked(), "acme", NoTelemetry(), application.clock
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        with self._lock:
            answers = (fault(request) for fault in self.faults)
            answer = next((each for each in answers if each is not None), None) or self._answer(request)
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path == "/_local/status":
            return _json({"streams": [STREAM]})
        if request.path == "/_local/kinesis":
            return self._put(request.get_json(force=True))
        if request.method == "GET" and self.catches_up:
            self.fleet.react()
            self.fleet.project_all()
        body = request.get_json() if request.data else None
        self._count(body)
        more: dict[str, Any] = {"query": dict(request.args)} if request.args else {}
        found = self.fleet.send(request.method, request.path, body, claims=IMPORTER, **more)
        return Response(found["body"], found["statusCode"], found["headers"])

    def _put(self, record: dict[str, str]) -> Response:
        assert record["StreamName"] == STREAM
        data = b64decode(record["Data"])
        self._count(json.loads(data))
        place = len(self.sent)
        records = kinesis_records(data, start=place, key=record["PartitionKey"])
        assert self._ingestion.ingest(records, lambda: inf) == {"batchItemFailures": []}
        return _json({"ShardId": "shardId-000000000000", "SequenceNumber": str(place)})

    def _count(self, body: Any) -> None:
        if body and "readings" in body:
            self.sent.append(len(body["readings"]))


def refused(status: int, code: str) -> Response:
    """A problem answer."""
    return _json({"code": code, "detail": "as asked for"}, status)


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
