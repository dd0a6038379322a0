"""A stand-in for the remote orders API on loopback, with faults that can be ordered beforehand."""

import json
import os
import signal
import socket
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from werkzeug.wrappers import Request, Response

Fault = Callable[[Request], Response]


class FakeApi:
    """Keeps orders and first answers as the API does.

    `requests` are those that arrived, as (method, path, headers), `asked` the queries in full, `most_at_once`
    the most that ran together.
    """

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.asked: list[str] = []
        self.most_at_once = 0
        self._running = 0
        self._answers: dict[str, tuple[int, dict[str, Any]]] = {}
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._lock = threading.Lock()

    def fail(self, path: str, *faults: Fault) -> None:
        """Answer the next requests for a path with faults, in turn."""
        self._faults[path].extend(faults)

    def forget_answers(self) -> None:
        """What happens 24 hours later."""
        self._answers.clear()

    def posts(self, path: str) -> list[dict[str, str]]:
        """Headers of the posts to a path."""
        return [headers for method, to, headers in self.requests if (method, to) == ("POST", path)]

    def kinds(self) -> Counter[str]:
        """How many posts arrived, by the last part of their path."""
        return Counter(path.split("/")[-1] for method, path, _ in self.requests if method == "POST")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        with self._entered():
            with self._lock:
                self.requests.append((request.method, request.path, dict(request.headers)))
                faults = self._faults[request.path]
                answer = faults.popleft() if faults else self.answer
            return answer(request)(environ, start_response)

    @contextmanager
    def _entered(self) -> Iterator[None]:
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        yield
        with self._lock:
            self._running -= 1

    def answer(self, request: Request) -> Response:
        """Answer without a fault."""
        with self._lock:
            return self._answer(request)

    def _answer(self, request: Request) -> Response:
        if request.method == "GET":
            self.asked.append(request.full_path)
            order = self.orders.get(request.path.split("/")[-1])
            return answered(200, order or {"orders": []})
        key = request.headers["Idempotency-Key"]
        if key in self._answers:
            return answered(*self._answers[key], {"Idempotency-Replayed": "true"})
        self._answers[key] = self._handle(request.path.split("/")[2:], request)
        return answered(*self._answers[key])

    def _handle(self, path: list[str], request: Request) -> tuple[int, dict[str, Any]]:
        body = json.loads(request.data)
        order_id, step = path if path else (body["orderId"], "create")
        order = self.orders.get(order_id)
        match = request.headers.get("If-Match")
        if order and match and match != f'"{order["version"]}"':
            return 412, {"code": "version_conflict", "detail": "moved on", "actual": order["version"]}
        if order and step == "create":
            return 409, {"code": "order_exists", "detail": "there is an order with this id already"}
        changed = _evolve(order or {}, step, body)
        self.orders[order_id] = changed
        answer = {"orderId": order_id, "version": changed["version"], "totalAmount": _total(changed)}
        return 201 if step == "create" else 200, answer


def _evolve(order: dict[str, Any], step: str, body: dict[str, Any]) -> dict[str, Any]:
    version = order.get("version", 0) + 1
    match step:
        case "create":
            return {"customerId": body["customerId"], "items": body["items"], "status": "created", "version": version}
        case "items":
            return {**order, "items": [*order["items"], body], "version": version}
        case "pay":
            return {**order, "status": "paid", "version": version}
    return {**order, "status": "cancelled", "version": version}


def _total(order: dict[str, Any]) -> str:
    return str(sum(item["quantity"] * Decimal(item["price"]) for item in order["items"]))


def answered(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(json.dumps(body), status, headers, content_type="application/json")


def refused(status: int, code: str, headers: dict[str, str] | None = None) -> Fault:
    """A problem answer; nothing is done."""
    return lambda _: answered(status, {"code": code, "detail": "as told"}, headers)


def bare(status: int) -> Fault:
    """An answer of a gateway, without a problem body."""
    return lambda _: Response("<html>", status, content_type="text/html")


def cut(request: Request) -> Response:
    """Close the connection without an answer; nothing is done."""
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return Response()


def together(api: FakeApi, barrier: threading.Barrier) -> Fault:
    """Answer only when as many requests as the barrier wants are under way."""

    def fault(request: Request) -> Response:
        barrier.wait()
        return api.answer(request)

    return fault


def interrupting(api: FakeApi) -> Fault:
    """Answer, and press Ctrl-C."""

    def fault(request: Request) -> Response:
        os.kill(os.getpid(), signal.SIGINT)
        return api.answer(request)

    return fault


def lost_answer(api: FakeApi) -> Fault:
    """Do what is asked, then close the connection instead of answering."""

    def fault(request: Request) -> Response:
        api.answer(request)
        return cut(request)

    return fault
