"""Handling a request once: claim its key, work, keep the answer unless its commit can give it again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from banyan.adapters.observability import log_failure
from banyan.commands.idempotency import IdempotencyTable, Record, StoredAnswer, answered, released
from banyan.entrypoints.http.call import Attempt, RouteProgress
from banyan.entrypoints.http.problems import KeyReused, RequestInProgress
from banyan.store.eventstore import Clock, utc_now

REPLAYED: Final = "Idempotency-Replayed"
WAITS_SECONDS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

HttpAnswer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Worked:
    """What an attempt came to."""

    answer: HttpAnswer
    progress: RouteProgress


Work = Callable[[Attempt], Worked]


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

    def run(self, key: str, fingerprint: str, lease: timedelta, work: Work) -> HttpAnswer:
        """Do the work, or give the answer it had before.

        Parameters
        ----------
        key : str
            Tenant and idempotency key.
        fingerprint : str
            The same for every repeat of the request.
        lease : timedelta
            Longer than the work can take.
        work : Work
            Its answer is kept unless it is a server error, asks to retry, or can be replayed from its commit. An
            attempt that ``looks`` for that commit may come while another one is at work.

        Raises
        ------
        KeyReused, RequestInProgress, StoreUnavailable
        """
        now = self._clock()
        mine = Record(key, fingerprint, str(uuid4()), now, now + lease, now + self._remember)
        standing = self._table.claim(mine, now)
        if standing.owner == mine.owner:
            return self._worked(standing, work(Attempt.under(standing, again=False)))
        for seconds in (*WAITS_SECONDS, 0):
            answer = self._again(standing, mine, work)
            if answer:
                return answer
            self._sleep(seconds)
            standing = self._table.get(mine.key) or standing
        raise RequestInProgress("the first request with this Idempotency-Key is still running: repeat it later")

    def _again(self, standing: Record, mine: Record, work: Work) -> HttpAnswer | None:
        """The answer to a repeat: as it was kept, from the commit, or from this attempt once no other is at work."""
        if standing.fingerprint != mine.fingerprint:
            raise KeyReused("this Idempotency-Key came with another request before: choose a new one")
        found = _kept(standing) or _from_commit(standing, work)
        if found or standing.lease_until > self._clock():
            return found
        standing = self._take_over(standing, mine)
        if standing.owner != mine.owner:
            return _kept(standing)
        return self._worked(standing, work(Attempt.under(standing, again=True)))

    def _worked(self, record: Record, worked: Worked) -> HttpAnswer:
        if not _replayable(worked):
            self._conclude(record, worked.answer)
        return worked.answer

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
    return answer["statusCode"] < HTTPStatus.INTERNAL_SERVER_ERROR and "Retry-After" not in answer["headers"]


def _stored(answer: HttpAnswer) -> StoredAnswer:
    return StoredAnswer(answer["statusCode"], answer["headers"], answer["body"])


def _kept(record: Record) -> HttpAnswer | None:
    kept = record.answer
    return _replayed({"statusCode": kept.status, "headers": kept.headers, "body": kept.body}) if kept else None


def _from_commit(record: Record, work: Work) -> HttpAnswer | None:
    worked = work(Attempt.under(record, again=True, looks=True))
    if worked.answer["statusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return worked.answer
    return _replayed(worked.answer) if _replayable(worked) else None


def _replayable(worked: Worked) -> bool:
    return worked.progress.can_be_replayed and worked.answer["statusCode"] < HTTPStatus.MULTIPLE_CHOICES


def _replayed(answer: HttpAnswer) -> HttpAnswer:
    return {**answer, "headers": {**answer["headers"], REPLAYED: "true"}}
