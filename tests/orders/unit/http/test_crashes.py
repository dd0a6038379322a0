"""Whatever step a request dies at, its repeats make one commit and agree on the answer (I3, over HTTP)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from typing import Any, Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.orders.support import plain_routes
from tests.orders.support.http import ITEM, ORDER, Answer, Server, body_of
from tests.support.clocks import no_sleep
from tests.support.http import forget_aggregates

from banyan.commands.idempotency import MemoryIdempotency
from banyan.entrypoints.http.api import Api
from banyan.entrypoints.http.idempotency import IdempotentRequests
from banyan.errors import StoreUnavailable
from banyan.store.eventstore import write_snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId
from orders.decider import ORDER as ORDER_DECIDER

STEPS = 8
"""No request takes more."""
REQUESTS: list[tuple[str, Any]] = [
    ("/orders", ORDER),
    ("/orders/o-1/items", {**ITEM, "sku": "B"}),
    ("/orders/o-1/items", {**ITEM, "sku": "C"}),
]


class Crash(BaseException):
    """The process dies here."""


class Faults:
    """Dies or loses an answer at the chosen step: before it, or after it was done.

    Parameters
    ----------
    steps : dict[int, str]
        By number of the step, from 0: ``crash before``, ``crash after``, ``lost before`` or ``lost after``.
    """

    def __init__(self, steps: dict[int, str]) -> None:
        self.steps = steps
        self.done = 0

    def step(self, work: Callable[[], Any]) -> Any:
        """Do one step, or die trying."""
        fault = self.steps.get(self.done, "")
        self.done += 1
        if "before" in fault:
            raise Crash if "crash" in fault else StoreUnavailable("lost")
        result = work()
        if fault:
            raise Crash if "crash" in fault else StoreUnavailable("lost")
        return result


class FaultyTable(MemoryTable):
    """A commit table each of whose requests is a step."""

    faults = Faults({})

    def insert(self, *arguments: Any, **checks: Any) -> None:
        self.faults.step(lambda: super(FaultyTable, self).insert(*arguments, **checks))

    def forward(self, *arguments: Any) -> Iterator[Any]:
        found: Iterator[Any] = self.faults.step(lambda: super(FaultyTable, self).forward(*arguments))
        return found

    def backward(self, *arguments: Any, **more: Any) -> Iterator[Any]:
        found: Iterator[Any] = self.faults.step(lambda: super(FaultyTable, self).backward(*arguments, **more))
        return found


class FaultyRecords(MemoryIdempotency):
    """A table of idempotency records each of whose requests is a step."""

    faults = Faults({})

    def get(self, *arguments: Any) -> Any:
        return self.faults.step(lambda: super(FaultyRecords, self).get(*arguments))

    def claim(self, *arguments: Any) -> Any:
        return self.faults.step(lambda: super(FaultyRecords, self).claim(*arguments))

    def replace(self, *arguments: Any) -> Any:
        return self.faults.step(lambda: super(FaultyRecords, self).replace(*arguments))


Routes = Literal["replayable", "plain", "either"]
"""What routes promise of their answers; ``either`` changes with every request, as while a new version is deployed."""


class Victim(Server):
    """A server whose process can die between any two steps, and that counts the faults that struck."""

    def __init__(self, routes: Routes) -> None:
        super().__init__(table=FaultyTable(), records=FaultyRecords(), sleep=no_sleep)
        self.other = replace(self.application)
        once = IdempotentRequests(self.records, 24, self.clock, no_sleep)
        plain = Api(self.other, plain_routes.commands, once=once)
        kinds = {"replayable": [self.commands], "plain": [plain], "either": [self.commands, plain]}
        self.kinds = cycle(kinds[routes])
        self.struck = 0

    def restart(self) -> None:
        super().restart()
        forget_aggregates(self.other)

    def attempt(self, path: str, body: Any, key: str, steps: dict[int, str]) -> Answer | None:
        """Send a request under faults; ``None`` when the process died, and another one begins."""
        faults = Faults(steps)
        self._set(faults)
        self.commands = next(self.kinds)
        try:
            return self.post(path, body, idempotency_key=key)
        except Crash:
            self.restart()
            return None
        finally:
            assert faults.done <= STEPS, "raise STEPS: not every step is tried"
            self.struck += sum(step < faults.done for step in steps)
            self._set(Faults({}))

    def _set(self, faults: Faults) -> None:
        for table in (self.store.table, self.records):
            table.faults = faults  # type: ignore[union-attr]


FAULTS = st.sampled_from(["crash before", "crash after", "lost before", "lost after"])
ATTEMPTS = st.lists(st.dictionaries(st.integers(0, STEPS - 1), FAULTS, min_size=1, max_size=2), max_size=4)


def finish(server: Victim, path: str, body: Any, key: str, attempts: list[dict[int, str]], rival: bool) -> list[Answer]:
    """Every answer a client gets that repeats the request until it succeeds, and twice more.

    A rival writes in between, and a snapshot then hides the commits behind it.
    """
    answers = []
    for steps in [*attempts, {}, {}, {}]:
        answer = server.attempt(path, body, key, steps)
        if answer is None or "Retry-After" in answer["headers"]:
            server.clock.move(timedelta(seconds=20))
        else:
            answers.append(answer)
        if rival and server.commits():
            assert server.post("/orders/o-1/items", {**ITEM, "sku": "RIVAL"})["statusCode"] == 200
            write_snapshot(server.store, ORDER_DECIDER, StreamId("acme", "order", "o-1"))
    return answers


def check(schedule: list[list[dict[int, str]]], rival: bool, restarts: bool, routes: Routes) -> int:
    """Send all requests under their faults, and return how many of those struck."""
    server = Victim(routes)
    for number, ((path, body), attempts) in enumerate(zip(REQUESTS, schedule, strict=True)):
        answers = finish(server, path, body, f"key-{number}", attempts, rival)
        assert {answer["statusCode"] for answer in answers} == {201 if number == 0 else 200}
        assert len({told(answer) for answer in answers}) == 1
        if restarts:
            server.restart()
    events = body_of(server.get("/orders/o-1/events", query={"limit": 200}))["events"]
    added = [e["payload"]["item"]["sku"] for e in events if e["eventType"] == "OrderItemAdded"]
    assert [e["eventType"] for e in events].count("OrderCreated") == 1
    assert [sku for sku in added if sku != "RIVAL"] == ["B", "C"]
    assert len({event["eventId"] for event in events}) == len(events)
    return server.struck


def told(answer: Answer) -> str:
    """All of an answer but what names this very request."""
    own = {"X-Correlation-Id", "Idempotency-Replayed"}
    headers = {name: value for name, value in answer["headers"].items() if name not in own}
    assert "ETag" in headers
    return repr({**answer, "headers": headers})


@settings(max_examples=60)
@given(st.tuples(ATTEMPTS, ATTEMPTS, ATTEMPTS), st.booleans(), st.booleans(), st.sampled_from(get_args(Routes)))
def test_any_schedule_of_crashes_and_lost_answers(
    schedule: tuple[list[dict[int, str]], ...], rival: bool, restarts: bool, routes: Routes
) -> None:
    check(list(schedule), rival, restarts, routes)


@pytest.mark.parametrize("routes", get_args(Routes))
def test_every_single_step(routes: Routes) -> None:
    for step in range(STEPS):
        for fault in ("crash before", "crash after", "lost before", "lost after"):
            check([[{step: fault}]] * 3, rival=True, restarts=True, routes=routes)


@pytest.mark.parametrize("routes", get_args(Routes))
def test_every_pair_of_crashes_while_others_write(routes: Routes) -> None:
    for first in range(STEPS):
        for second in range(STEPS):
            crashes = [{first: "crash after"}, {second: "crash before"}]
            if check([[], crashes, []], rival=True, restarts=False, routes=routes) < len(crashes):
                break
