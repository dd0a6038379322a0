"""What Lambda promises about a batch that fails, on a function that fails on purpose."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from threading import Timer
from typing import Any

import pytest
from tests.unit.local.conftest import Clock, Worker, fail

from banyan_tools.local.batch_answer import failed_items
from banyan_tools.local.console import Console
from banyan_tools.local.delivery import Delivery, Stopped
from banyan_tools.local.functions import FunctionFailed, FunctionTimedOut
from banyan_tools.local.mappings import Mapping
from banyan_tools.local.stream_records import Record

PLAIN = Mapping("Mapping", "Worker", "arn:aws:dynamodb:eu-central-1:1:table/t/stream/latest", max_retries=2)
REPORTING = replace(PLAIN, reports_failures=True)
BISECTING = replace(PLAIN, bisect=True)
BOTH = replace(REPORTING, bisect=True)

Answer = Callable[[Any], Any]


def records(*numbers: int, age: float = 0) -> list[Record]:
    created = time.time() - age
    return [record(number, created) for number in numbers]


def record(number: int, arrived: float, text: str = "") -> Record:
    return Record(str(number), arrived, "key", {"number": number, "text": text})


def numbers(event: Any) -> list[int]:
    return [int(record["number"]) for record in event]


class Run:
    """Delivers records, and keeps the batches that were tried and those that were given up."""

    def __init__(self, mapping: Mapping, answer: Answer, console: Console) -> None:
        self.clock = Clock()
        self.discarded: list[tuple[list[int], str, int]] = []
        self._worker = Worker(answer)
        self._delivery = Delivery(mapping, self._worker.invoke, console, self.clock)

    def deliver(self, batch: list[Record]) -> Run:
        self._delivery.deliver(batch, self._discard)
        return self

    def _discard(self, given: list[Record], why: str, tried: int) -> None:
        self.discarded.append(([int(each.number) for each in given], why, tried))

    @property
    def batches(self) -> list[list[int]]:
        return [numbers(event["Records"]) for event in self._worker.events]


def poison(bad: int) -> Answer:
    """Raise whenever a batch holds one record."""

    def answer(event: Any) -> None:
        if bad in numbers(event["Records"]):
            raise FunctionFailed("ValueError")

    return answer


def reporting(*bad: int, times: int = 1000) -> Answer:
    """Report records as failed, some times; then handle them."""
    left = dict.fromkeys(bad, times)

    def answer(event: Any) -> Any:
        failed = [number for number in numbers(event["Records"]) if left.get(number)]
        left.update((number, left[number] - 1) for number in failed)
        return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in failed]}

    return answer


def test_a_batch_that_succeeds_is_delivered_once(console: Console) -> None:
    run = Run(PLAIN, lambda _: None, console).deliver(records(1, 2, 3))

    assert (run.batches, run.discarded, run.clock.waits) == ([[1, 2, 3]], [], [])


def test_a_batch_that_fails_is_retried_whole_and_given_up_in_the_end(console: Console) -> None:
    run = Run(PLAIN, fail, console).deliver(records(1, 2))

    assert run.batches == [[1, 2]] * 3
    assert run.discarded == [([1, 2], "RetryAttemptsExhausted", 3)]


def test_without_retries_a_batch_is_given_up_at_once(console: Console) -> None:
    run = Run(replace(PLAIN, max_retries=0), fail, console).deliver(records(1))

    assert (run.batches, run.discarded) == ([[1]], [([1], "RetryAttemptsExhausted", 1)])


def test_pauses_double_and_end(console: Console) -> None:
    waits = Run(replace(PLAIN, max_retries=8), fail, console).deliver(records(1)).clock.waits

    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])


def test_a_batch_that_timed_out_does_not_meet_itself_when_it_is_delivered_again(console: Console) -> None:
    """What continues in the background would compete with it; Lambda ends it."""
    background, had_ended = Future[str](), list[bool]()

    def slow(event: Any) -> None:  # noqa: ARG001
        had_ended.append(background.done())
        if not background.done():
            Timer(0.3, background.set_result, [""]).start()
            raise FunctionTimedOut("no answer within 60 s", background)

    run = Run(PLAIN, slow, console).deliver(records(1, 2))

    assert (run.batches, had_ended) == ([[1, 2]] * 2, [False, True])


def test_a_batch_is_delivered_again_beside_what_hangs(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banyan_tools.local.delivery.LONGEST_END_SECONDS", 0.0)

    def hangs(event: Any) -> None:
        if 2 in numbers(event["Records"]):
            raise FunctionTimedOut("no answer within 60 s", Future())

    run = Run(BISECTING, hangs, console).deliver(records(1, 2, 3))

    assert [given for given, *_ in run.discarded] == [[2]]


def test_stopping_does_not_wait_for_what_continues_in_the_background(console: Console) -> None:
    def hangs(event: Any) -> None:  # noqa: ARG001
        run.clock.set()
        raise FunctionTimedOut("no answer within 60 s", Future())

    run = Run(PLAIN, hangs, console)
    with pytest.raises(Stopped):
        run.deliver(records(1))

    assert (run.batches, run.discarded) == ([[1]], [])


def test_a_reported_failure_is_retried_with_all_behind_it(console: Console) -> None:
    run = Run(REPORTING, reporting(3, times=1), console).deliver(records(1, 2, 3, 4))

    assert (run.batches, run.discarded) == ([[1, 2, 3, 4], [3, 4]], [])


def test_the_first_of_several_reported_failures_counts(console: Console) -> None:
    run = Run(REPORTING, reporting(4, 2, times=1), console).deliver(records(1, 2, 3, 4))

    assert run.batches == [[1, 2, 3, 4], [2, 3, 4]]


def test_progress_starts_the_retries_anew(console: Console) -> None:
    seen: list[int] = []

    def one_at_a_time(event: Any) -> Any:
        seen.append(numbers(event["Records"])[0])
        failed = event["Records"][1:] if seen.count(seen[-1]) > 1 else event["Records"]
        return {"batchItemFailures": [{"itemIdentifier": str(r["number"])} for r in failed]}

    run = Run(replace(REPORTING, max_retries=2), one_at_a_time, console).deliver(records(1, 2, 3, 4, 5))

    assert (seen, run.discarded) == ([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], [])


@pytest.mark.parametrize("mapping", [BISECTING, BOTH])
@pytest.mark.parametrize("bad", range(1, 8))
def test_bisecting_gives_up_the_poisoned_record_alone(mapping: Mapping, bad: int, console: Console) -> None:
    run = Run(mapping, poison(bad), console).deliver(records(*range(1, 8)))
    done = [number for batch in run.batches if bad not in batch for number in batch]

    assert run.discarded == [([bad], "RetryAttemptsExhausted", 3)]
    assert done == [number for number in range(1, 8) if number != bad]


def test_splitting_is_no_retry(console: Console) -> None:
    run = Run(replace(BISECTING, max_retries=0), poison(3), console).deliver(records(1, 2, 3, 4))

    assert run.batches == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]
    assert run.discarded == [([3], "RetryAttemptsExhausted", 1)]


def test_a_reported_poison_is_given_up_alone(console: Console) -> None:
    run = Run(replace(BOTH, max_retries=1), reporting(2), console).deliver(records(1, 2, 3))

    assert run.discarded == [([2], "RetryAttemptsExhausted", 2)]
    assert run.batches[-1] == [3]


def test_reports_mean_nothing_to_a_mapping_that_does_not_ask_for_them(console: Console) -> None:
    assert Run(PLAIN, reporting(1), console).deliver(records(1, 2)).batches == [[1, 2]]


def test_a_record_that_is_too_old_is_given_up_undelivered(console: Console) -> None:
    run = Run(replace(PLAIN, max_age=60), lambda _: None, console).deliver(records(1, age=120) + records(2))

    assert (run.batches, run.discarded) == ([[2]], [([1], "RecordAgeExceeded", 0)])


def test_stopping_ends_the_retries(console: Console) -> None:
    run = Run(replace(PLAIN, max_retries=-1), fail, console)
    run.clock.set()

    with pytest.raises(Stopped):
        run.deliver(records(1))

    assert (run.batches, run.discarded) == ([[1]], [])


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, {"b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "z"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"wrong": "a"}]}, {"a", "b"}),
        ({"batchItemFailures": ["a"]}, {"a", "b"}),
        ({"batchItemFailures": "a"}, {"a", "b"}),
        ("done", {"a", "b"}),
    ],
)
def test_an_answer_names_the_failed_or_fails_all(answer: Any, failed: set[str]) -> None:
    assert failed_items(answer, ["a", "b"]) == failed


def test_a_batch_is_cut_to_what_an_event_may_have(console: Console) -> None:
    large = [record(number, time.time(), "x" * 1_000_000) for number in range(13)]
    run = Run(PLAIN, lambda event: None, console).deliver(large)  # noqa: ARG005
    assert run.batches == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11], [12]]


def test_a_batch_that_fails_holds_back_those_that_were_cut_behind_it(console: Console) -> None:
    large = [record(number, time.time(), "x" * 4_000_000) for number in (1, 2)]
    run = Run(PLAIN, poison(1), console).deliver(large)
    assert run.batches == [[1], [1], [1], [2]]
    assert run.discarded == [([1], "RetryAttemptsExhausted", 3)]
