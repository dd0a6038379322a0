"""Batches over HTTP go the way of records: one command for each stream, each batch once."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from tests.support.clocks import no_sleep
from tests.support.http import CONTEXT, Answer, Server, body_of, event, forget_aggregates, problem
from tests.support.meters import Register

from banyan import CamelModel
from banyan.errors import StoreUnavailable
from banyan.http import CurrentCall, IngestedStream, ReplayableCall, Router
from banyan.ingest import Ingested
from banyan.store import Commit, Snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamId


class Values(CamelModel):
    """What meters show: meter, sequence number and value of each."""

    values: Sequence[tuple[str, int, int]]


class Answered(CamelModel):
    """How many values of each meter were new, or why it was refused."""

    recorded: dict[str, int | str]


commands = Router()


@commands.post("/values")
def record(body: Values, call: CurrentCall) -> Answered:
    contents = [Ingested("shown", meter, (sequence, value)) for meter, sequence, value in body.values]
    return Answered(recorded={each.stream.id: said(each) for each in call.ingest(contents)})


@commands.post("/meters/<meter>/values")
def record_one(meter: str, body: Values, call: ReplayableCall) -> Answered:
    found = call.ingest([Ingested("shown", meter, (sequence, value)) for _, sequence, value in body.values])
    return Answered(recorded={each.stream.id: said(each) for each in found})


def said(result: IngestedStream) -> int | str:
    if result.outcome is None:
        return str(getattr(result.error, "code", "?"))
    return sum(len(event.payload.values) for event in result.outcome.events)  # type: ignore[attr-defined, misc]


class Failing(MemoryTable):
    """Loses the answer to a write of one stream, and names each request."""

    lost = ""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []
        self.reads = 0

    def backward(self, *arguments: Any, **more: Any) -> Iterator[Commit | Snapshot]:
        self.reads += 1
        return super().backward(*arguments, **more)

    def forward(self, *arguments: Any, **more: Any) -> Iterator[Commit | Snapshot]:
        self.reads += 1
        return super().forward(*arguments, **more)

    def insert(self, commits: Sequence[Commit], **checks: Any) -> None:
        super().insert(commits, **checks)
        self.writes.append(commits[0].stream.id)
        if commits[0].stream.id == self.lost:
            raise StoreUnavailable("the answer was lost")


class Meters(Server):
    """The API of meters, two of which are registered."""

    def __init__(self) -> None:
        self.table = Failing()
        super().__init__(self.table, domains="tests.support.meters", commands=commands, sleep=no_sleep)
        for meter in ("a", "b"):
            self.application.handlers["meter"].handle(StreamId("acme", "meter", meter), Register(99))
        self.table.writes.clear()

    def recorded(self, *values: tuple[str, int, int], path: str = "/values", **headers: Any) -> Any:
        return body_of(self.post(path, {"values": values}, **headers))["recorded"]


@pytest.fixture
def meters() -> Meters:
    return Meters()


def test_a_batch_is_one_commit_for_each_stream_and_says_what_was_new(meters: Meters) -> None:
    assert meters.recorded(("a", 1, 1), ("b", 1, 1), ("a", 2, 2)) == {"a": 2, "b": 1}
    assert meters.recorded(("a", 2, 2), ("a", 3, 3)) == {"a": 1}
    assert meters.recorded(("a", 3, 3)) == {"a": 0}
    assert meters.table.writes == ["a", "b", "a"]


def test_a_warm_batch_is_one_write_for_each_stream_and_no_read(meters: Meters) -> None:
    meters.recorded(("a", 1, 1), ("b", 1, 1))
    meters.table.writes.clear()
    meters.table.reads = 0

    assert meters.recorded(("a", 2, 2), ("b", 2, 2), ("a", 3, 3)) == {"a": 2, "b": 1}
    assert (meters.table.writes, meters.table.reads) == (["a", "b"], 0)


def test_the_tenant_is_the_callers(meters: Meters) -> None:
    assert problem(meters.post("/values", {"values": [("a", 1, 1)]}, tenant="other")) == (404, "unknown_meter")


def test_a_stream_that_is_refused_is_refused_whole_and_holds_up_no_other(meters: Meters) -> None:
    assert meters.recorded(("a", 1, 1), ("a", 2, 13), ("b", 1, 1), ("c", 1, 1)) == {
        "a": "unlucky",
        "b": 1,
        "c": "unknown_meter",
    }
    assert problem(meters.post("/values", {"values": [("c", 1, 1), ("a", 1, 13)]})) == (404, "unknown_meter")
    assert meters.table.writes == ["b"]


def test_an_id_that_no_stream_can_have_is_refused_before_anything_is_written(meters: Meters) -> None:
    assert problem(meters.post("/values", {"values": [("a", 1, 1), ("a meter", 1, 1)]})) == (422, "invalid_id")
    assert meters.table.writes == []


@pytest.mark.parametrize("path", ["/values", "/meters/a/values"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_repeated_request_gets_the_first_answer(meters: Meters, path: str, restarted: bool) -> None:
    first = meters.post(path, {"values": [("a", 1, 1)]}, idempotency_key="k")
    meters.recorded(("a", 2, 2))
    if restarted:
        forget_aggregates(meters.application)
    again = meters.post(path, {"values": [("a", 1, 1)]}, idempotency_key="k")

    assert body_of(again) == body_of(first) == {"recorded": {"a": 1}}
    assert again["headers"]["Idempotency-Replayed"] == "true"
    assert meters.table.writes == ["a", "a"]


@pytest.mark.parametrize("lost", ["a", "b"])
def test_a_request_whose_answer_was_lost_ends_as_it_began_when_it_is_repeated(meters: Meters, lost: str) -> None:
    body = {"values": [("a", 1, 1), ("b", 1, 1), ("a", 2, 2)]}
    meters.table.lost = lost
    assert problem(meters.post("/values", body, idempotency_key="k")) == (503, "unavailable")
    meters.table.lost = ""
    forget_aggregates(meters.application)

    assert body_of(meters.post("/values", body, idempotency_key="k")) == {"recorded": {"a": 2, "b": 1}}
    assert sorted(meters.table.writes) == ["a", "b"]


def test_if_match_speaks_of_the_first_stream(meters: Meters) -> None:
    assert meters.recorded(("a", 1, 1), ("b", 1, 1), if_match='"0"') == {"a": 1, "b": 1}
    stale = meters.post("/values", {"values": [("a", 2, 2), ("b", 2, 2)]}, if_match='"0"')
    assert problem(stale) == (412, "version_conflict")
    assert meters.table.writes == ["a", "b"]


def test_a_compressed_batch_is_a_batch(meters: Meters) -> None:
    body = gzip.compress(json.dumps({"values": [("a", number, 1) for number in range(1000)]}).encode())
    request = event("POST", "/values", base64.b64encode(body).decode(), content_encoding="gzip")
    answer: Answer = meters.commands({**request, "isBase64Encoded": True}, CONTEXT)
    assert body_of(answer) == {"recorded": {"a": 1000}}
