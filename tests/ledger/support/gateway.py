"""A ledger as an HTTP client sees it: in process, or on a port of loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tests.ledger.support.book import Book
from werkzeug.wrappers import Request, Response

from ledger.tools.importer.api import LedgerApi

IMPORTER = {"sub": "importer", "tenant": "acme", "scope": "ledger/read ledger/write"}
URL = "http://ledger.test"

Fault = Callable[[Request], Response | None]


class Gateway:
    """Hands requests to a book, whose read models are up to date before each query.

    `faults` may answer a request in place of the book. `posts`: paths of all commands. Where it no longer `catches_up`,
    queries see what was known before.
    """

    def __init__(self, book: Book | None = None, *faults: Fault) -> None:
        self.book, self.faults = book or Book(), list(faults)
        self.posts: list[str] = []
        self.catches_up = True
        self._behind = False
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        answers = (fault(request) for fault in self.faults)
        answer = next((each for each in answers if each is not None), None)
        return (answer or self.answer(request))(environ, start_response)

    def answer(self, request: Request) -> Response:
        """Answer without a fault."""
        if request.method == "GET":
            self._catch_up()
        else:
            self.posts.append(request.path)
            self._behind = True
        body = request.get_json() if request.data else None
        more: dict[str, Any] = {"query": dict(request.args)} if request.args else {}
        key = request.headers.get("Idempotency-Key")
        headers = {"idempotency_key": key} if key else {}
        found = self.book.send(request.method, request.path, body, claims=IMPORTER, **more, **headers)
        return Response(found["body"], found["statusCode"], found["headers"])

    def _catch_up(self) -> None:
        with self._lock:
            if self._behind and self.catches_up:
                self._behind = False
                self.book.project_all()


@contextmanager
def importing(gateway: Gateway) -> Iterator[LedgerApi]:
    """The importer's API on a book, without a network."""
    with httpx.Client(transport=httpx.WSGITransport(gateway), base_url=URL) as client:
        yield LedgerApi(client, pause=lambda _: None)


def refused(status: int, code: str, **headers: str) -> Response:
    """A problem answer."""
    body = json.dumps({"code": code, "detail": "as asked for"})
    return Response(body, status, {name.replace("_", "-"): value for name, value in headers.items()})
