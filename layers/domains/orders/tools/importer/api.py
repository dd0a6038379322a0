"""The HTTP API as the importer sees it: commands with bounded retries under one key, and one query."""

import random
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from orders.tools.importer.commands import Command, Standing

Model = TypeVar("Model", bound=BaseModel)

_RETRIED = frozenset({429, 502, 503, 504})


class Answer(BaseModel):
    """What a command is answered with, now or, `replayed`, at an earlier time."""

    model_config = ConfigDict(alias_generator=to_camel)

    version: int
    total_amount: Decimal
    replayed: bool = False


class ApiError(Exception):
    """A request that failed for good: its status (0 without an answer), stable code and detail."""

    def __init__(self, status: int, code: str, detail: str, actual: int | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.status, self.code, self.detail, self.actual = status, code, detail, actual

    @property
    def is_conflict(self) -> bool:
        """Whether orders were there before: of an earlier import, or another user's."""
        return self.status in (409, 412) or self.code == "idempotency_key_reused"


class NotReadyError(Exception):
    """The API cannot be used at all: the message is one sentence that says what to do."""


class Api:
    """The orders API of one tenant. Safe to share between threads.

    Parameters
    ----------
    client
        Carries the base URL and the token.
    attempts
        Requests made for one command, at most.
    pause
        Waits that many seconds between two attempts.
    """

    def __init__(self, client: httpx.Client, *, attempts: int = 6, pause: Callable[[float], None] = time.sleep) -> None:
        self._client, self._attempts, self._pause = client, attempts, pause
        self._gone = threading.Event()

    def check(self) -> None:
        """Ask one thing, to learn before the first order whether the API answers and accepts the token.

        Raises
        ------
        NotReadyError
            When it does not.
        """
        url = str(self._client.base_url).rstrip("/")
        try:
            response = self._client.get("/orders", params={"limit": 1})
        except httpx.ConnectError:
            raise NotReadyError(f"{url} is not running; start it with `make run`.") from None
        except httpx.TransportError as error:
            raise NotReadyError(f"{url} does not answer ({type(error).__name__}); look at its log.") from None
        if response.status_code in (401, 403):
            raise NotReadyError(f"{url} refused the token; pass a valid TOKEN, or none for the local stack.")
        if response.is_error:
            raise NotReadyError(f"{url} cannot list orders: {_problem(response)}.")

    def send(self, command: Command, version: int | None) -> Answer:
        """Post a command, on top of `version` where one is known.

        Raises
        ------
        ApiError
            When it is refused, or still fails after the last attempt.
        """
        match = {"If-Match": f'"{version}"'} if version else {}
        response = self._request("POST", command.path, json=command.body, headers=command.headers | match)
        answer = _read(Answer, response)
        return answer.model_copy(update={"replayed": "Idempotency-Replayed" in response.headers})

    def standing(self, order_id: str, version: int | None) -> Standing:
        """Look at an order, not older than `version` where one is known.

        Raises
        ------
        ApiError
            When it cannot be had.
        """
        params = {"minVersion": version} if version else {}
        return _read(Standing, self._request("GET", f"/orders/{order_id}", params=params))

    def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        response = self._attempt(method, path, **content)
        for retry in range(1, self._attempts):
            if not _passing(response):
                break
            self._pause(random.uniform(0.5, 1) * 0.1 * 2**retry)
            response = self._attempt(method, path, **content)
        if response is None:
            self._gone.set()
            raise _unreachable()
        return response

    def _attempt(self, method: str, path: str, **content: Any) -> httpx.Response | None:
        if self._gone.is_set():
            raise _unreachable()
        try:
            return self._client.request(method, path, **content)
        except httpx.TransportError:
            return None


def _unreachable() -> ApiError:
    return ApiError(0, "unreachable", "the API stopped answering; run the same import again to continue")


def _passing(response: httpx.Response | None) -> bool:
    return response is None or response.status_code in _RETRIED or "Retry-After" in response.headers


def _read(model: type[Model], response: httpx.Response) -> Model:
    if response.is_error:
        raise _problem(response)
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise ApiError(response.status_code, "bad_answer", f"{model.__name__} expected") from None


def _problem(response: httpx.Response) -> ApiError:
    try:
        answer = _Answer.model_validate_json(response.content)
    except ValidationError:
        answer = _Answer()
    code = answer.code or f"http_{response.status_code}"
    return ApiError(response.status_code, code, answer.detail or response.reason_phrase, answer.actual)


class _Answer(BaseModel):
    code: str = ""
    detail: str = ""
    actual: int | None = None
