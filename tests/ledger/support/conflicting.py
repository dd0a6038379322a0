"""Transactions that conflict as on DynamoDB, where DynamoDB Local lets them wait for one another."""

from __future__ import annotations

import json
import time
from collections import Counter
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
    """

    def __init__(self, seconds: float) -> None:
        self.refused = 0
        self._seconds = seconds
        self._busy = Counter[str]()
        self._lock = Lock()

    def __call__(self, request: Any, deliver: Deliver) -> Any:
        if operation_of(request) != TRANSACTION:
            return deliver(request)
        keys = [_key(each) for each in json.loads(request.body)["TransactItems"]]
        with self._lock:
            met = [key for key in keys if self._busy[key]]
            self._busy.update([] if met else keys)
            self.refused += bool(met)
        if met:
            reasons = ["TransactionConflict" if key in met else "None" for key in keys]
            return refused("TransactionCanceledException", reasons=reasons)(request, deliver)
        try:
            time.sleep(self._seconds)
            return deliver(request)
        finally:
            with self._lock:
                self._busy.subtract(keys)


def _key(item: Any) -> str:
    (write,) = item.values()
    names = write.get("Key") or {name: write["Item"][name] for name in ("stream", "position")}
    return json.dumps(names, sort_keys=True)
