"""Transactions that conflict as on DynamoDB, where DynamoDB Local lets them wait for one another."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from http import HTTPStatus
from threading import Lock
from typing import Any

from tests.support.wire import Deliver, operation_of, refused

TRANSACTION = "TransactWriteItems"


class ConflictingTransactions:
    """Refuses a transaction while another one is at work on one of its items, to write or to check it.

    Parameters
    ----------
    seconds : float
        So long a transaction takes besides what the engine takes for it.
    meanwhile : float
        Time, at most, between what was read and what is written, as a multiple of what a transaction took last: so as
        many conflict on a slow machine as on a fast one.

    Attributes
    ----------
    began_at : dict[str, float]
        When the last transaction began that wrote to a stream, by the stream's name; by ``time.perf_counter``.
    """

    def __init__(self, seconds: float, meanwhile: float) -> None:
        self.refused = 0
        self.began_at: dict[str, float] = {}
        self._meanwhile = meanwhile
        self._seconds = self._took = seconds
        self._busy = Counter[str]()
        self._lock = Lock()

    def __call__(self, request: Any, deliver: Deliver) -> Any:
        if operation_of(request) != TRANSACTION:
            return deliver(request)
        time.sleep(random.uniform(0, self._meanwhile * self._took))
        items = json.loads(request.body)["TransactItems"]
        keys = [_key(each) for each in items]
        with self._lock:
            met = [key for key in keys if self._busy[key]]
            self._busy.update([] if met else keys)
            self.refused += bool(met)
        if met:
            reasons = ["TransactionConflict" if key in met else "None" for key in keys]
            return refused("TransactionCanceledException", reasons=reasons)(request, deliver)
        try:
            return self._deliver(items, request, deliver)
        finally:
            with self._lock:
                self._busy.subtract(keys)

    def _deliver(self, items: Any, request: Any, deliver: Deliver) -> Any:
        began = time.perf_counter()
        time.sleep(self._seconds)
        answer = deliver(request)
        self._took = time.perf_counter() - began
        if answer.status_code == HTTPStatus.OK:
            written = (each["Put"]["Item"]["stream"]["S"] for each in items if "Put" in each)
            self.began_at.update(dict.fromkeys(written, began))
        return answer


def _key(item: Any) -> str:
    (write,) = item.values()
    names = write.get("Key") or {name: write["Item"][name] for name in ("stream", "position")}
    return json.dumps(names, sort_keys=True)
