"""Handling a request once: claim its key, work, keep the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from banyan.adapters.observability import log_failure
from banyan.commands.idempotency import IdempotencyTable, Record, StoredAnswer, answered, released
from banyan.entrypoints.http.call import Attempt
from banyan.entrypoints.http.problems import KeyReused, RequestInProgress
from banyan.store.eventstore import Clock, utc_now

REPLAYED: Final = "Idempotency-Replayed"
WAITS_SECONDS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

HttpAnswer = dict[str, Any]


class IdempotentRequests:
    """Lets requests with the same key take effect once and get the first answer.

    Parameters
    ----------
    hours : int
        How long a key is remembered.
    sleep : Callable[[float], None]
        Waits for an attempt that is still running, seconds.
    """

    def __init__(
        self, table: IdempotencyTable, hours: int, clock: Clock = utc_now, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._table = table
        self._remember = timedelta(hours=hours)
        self._clock = clock
        self._sleep = sleep

    def run(self, key: str, fingerprint: str, lease: timedelta, work: Callable[[Attempt], HttpAnswer]) -> HttpAnswer:
        """Do the work, or give the answer it had before.

        Parameters
        ----------
        key : str
            Tenant and idempotency key.
        fingerprint : str
            The same for every repeat of the request.
        lease : timedelta
            Longer than the work can take.
        work : Callable[[Attempt], HttpAnswer]
            Its answer is kept unless it is a server error or asks to retry.

        Raises
        ------
        KeyReused, RequestInProgress, StoreUnavailable
        """
        now = self._clock()
        mine = Record(key, fingerprint, str(uuid4()), now, now + lease, now + self._remember)
        standing = self._table.claim(mine, now)
        again = standing.owner != mine.owner
        if again:
            standing = self._await(standing, mine)
        if standing.answer:
            return _again(standing.answer)
        answer = work(Attempt.under(standing, again=again))
        self._conclude(standing, answer)
        return answer

    def _await(self, standing: Record, mine: Record) -> Record:
        """The record once it holds an answer or is ours."""
        for seconds in (*WAITS_SECONDS, 0):
            if standing.fingerprint != mine.fingerprint:
                raise KeyReused("this Idempotency-Key came with another request before: choose a new one")
            if standing.answer is None and standing.lease_until <= self._clock():
                standing = self._take_over(standing, mine)
            if standing.answer or standing.owner == mine.owner:
                return standing
            self._sleep(seconds)
            standing = self._table.get(mine.key) or standing
        raise RequestInProgress("the first request with this Idempotency-Key is still running: repeat it later")

    def _take_over(self, standing: Record, mine: Record) -> Record:
        lease_until = self._clock() + (mine.lease_until - mine.started_at)
        return self._table.replace(replace(standing, owner=mine.owner, lease_until=lease_until), standing.owner)

    def _conclude(self, record: Record, answer: HttpAnswer) -> None:
        """Keep the answer, or let go; if neither succeeds, a repeat takes over and finds the commit."""
        concluded = answered(record, _stored(answer)) if _final(answer) else released(record, self._clock())
        try:
            self._table.replace(concluded, record.owner)
        except Exception as error:
            log_failure("an answer was not kept: a repeat of its request will work it out again", error)


def _final(answer: HttpAnswer) -> bool:
    return answer["statusCode"] < 500 and "Retry-After" not in answer["headers"]


def _stored(answer: HttpAnswer) -> StoredAnswer:
    return StoredAnswer(answer["statusCode"], answer["headers"], answer["body"])


def _again(answer: StoredAnswer) -> HttpAnswer:
    return {"statusCode": answer.status, "headers": {**answer.headers, REPLAYED: "true"}, "body": answer.body}
