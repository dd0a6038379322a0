"""What importers share: requests tried again under one key, several at a time, with progress on the terminal."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from banyan_tools.terminal import SafeConsole

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")
Result = TypeVar("Result")

REPLAYED: Final = "Idempotency-Replayed"
_RETRIED: Final = frozenset({429, 502, 503, 504})


class ApiError(Exception):
    """A request that failed for good: its status (0 without an answer), stable code and detail.

    `replayed`: the answer to an earlier request with the same key is repeated, and nothing was tried now.
    """

    def __init__(
        self, status: int, code: str, detail: str, actual: int | None = None, *, replayed: bool = False
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status, self.code, self.detail, self.actual, self.replayed = status, code, detail, actual, replayed

    @property
    def is_conflict(self) -> bool:
        """Whether what is asked for was there before: from an earlier import, or another user."""
        return self.status in (409, 412) or self.code == "idempotency_key_reused"


class NotReadyError(Exception):
    """The API cannot be used at all: the message is one sentence that says what to do."""


class ImportClient:
    """The API of one tenant. Safe to share between threads.

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

    def check(self, path: str, asked: str) -> None:
        """Ask one thing, to learn before the first command whether the API answers and accepts the token.

        Raises
        ------
        NotReadyError
            When it does not.
        """
        url = str(self._client.base_url).rstrip("/")
        try:
            response = self._client.get(path, params={"limit": 1})
        except httpx.ConnectError:
            raise NotReadyError(f"{url} is not running: start it with `make run`, or name another with URL=.") from None
        except httpx.TransportError as error:
            raise NotReadyError(f"{url} does not answer ({type(error).__name__}); look at its log.") from None
        if response.status_code in (401, 403):
            raise NotReadyError(f"{url} refused the token: pass a valid TOKEN, or none for this folder's local stack.")
        if response.status_code == 404:
            raise NotReadyError(f"{url} cannot {asked}, so it serves another domain: choose with `make run DOMAIN=`.")
        if response.is_error:
            raise NotReadyError(f"{url} cannot {asked}: {_problem(response)}.")

    def request(self, model: type[Model], method: str, path: str, **content: Any) -> tuple[Model, httpx.Response]:
        """Send a request, again while what stops it may pass; its answer, read and as it came.

        Raises
        ------
        ApiError
            When it is refused, still fails after the last attempt, or the answer is not a `model`.
        """
        response = self._patiently(method, path, **content)
        if response.is_error:
            raise _problem(response)
        try:
            return model.model_validate_json(response.content), response
        except ValidationError:
            raise ApiError(response.status_code, "bad_answer", f"{model.__name__} expected") from None

    def _patiently(self, method: str, path: str, **content: Any) -> httpx.Response:
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


def bearer_client(url: str, token: str) -> httpx.Client:
    """A client of the API at `url`."""
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def several_at_a_time(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    done: Callable[[Result], None] = lambda _: None,
) -> tuple[Result, ...]:
    """The results in the order of the items; `done` is called for each as it ends. An interruption starts no more."""
    pool = ThreadPoolExecutor(workers)
    try:
        futures = [pool.submit(work, item) for item in items]
        for future in as_completed(futures):
            done(future.result())
    finally:
        pool.shutdown(cancel_futures=True)
    return tuple(future.result() for future in futures)


@contextmanager
def progress(what: str, total: int, console: SafeConsole) -> Iterator[Callable[[int], None]]:
    """A progress bar; what it gives moves it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


def _unreachable() -> ApiError:
    return ApiError(0, "unreachable", "the API stopped answering; run the same import again to continue")


def _passing(response: httpx.Response | None) -> bool:
    return response is None or response.status_code in _RETRIED or "Retry-After" in response.headers


def _problem(response: httpx.Response) -> ApiError:
    try:
        answer = _Answer.model_validate_json(response.content)
    except ValidationError:
        answer = _Answer()
    code = answer.code or f"http_{response.status_code}"
    detail, replayed = answer.detail or response.reason_phrase, REPLAYED in response.headers
    return ApiError(response.status_code, code, detail, answer.actual, replayed=replayed)


class _Answer(BaseModel):
    code: str = ""
    detail: str = ""
    actual: int | None = None
