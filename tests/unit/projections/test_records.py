"""Stream records become commits, damage or tampering."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.ledger import account, bulk, deposits
from tests.support.projections import POISON, Ledger, same
from tests.support.stream_records import record

from banyan.entrypoints.stream_batches import catch_up, project_records, read_records
from banyan.projections.catchup import CatchUp, CaughtUp
from banyan.projections.operations import Standstill
from banyan.projections.views import Generation
from banyan.store.items import pack

ANNA, BEN = account("anna"), account("ben")


def deliver(ledger: Ledger, records: Sequence[dict[str, Any]]) -> list[str]:
    answer = project_records(read_records(records), ledger.runner, ledger.telemetry)
    return [entry["itemIdentifier"] for entry in answer["batchItemFailures"]]


def test_new_commits_are_projected_compressed_ones_too() -> None:
    ledger = Ledger()
    commits = [ledger.commit(ANNA, *deposits(1)), *ledger.append(ANNA, *deposits(2, note="x" * 2000))]
    assert "B" in pack(commits[1].events)
    assert deliver(ledger, [record(n, commit) for n, commit in enumerate(commits)]) == []
    assert same(ledger.balance(ANNA), ledger.expected_balance(ANNA))


def test_a_record_holds_the_whole_commit() -> None:
    ledger = Ledger()
    commits = [ledger.commit(ANNA, *deposits(1, note="x" * 2000)), *ledger.append(ANNA, *bulk(3, 300_000))]
    records = read_records([record(number, commit) for number, commit in enumerate(commits)])
    assert records.commits == commits
    assert records.from_table == set()


def test_the_first_record_of_each_failing_stream_is_named() -> None:
    ledger = Ledger()
    commits = [
        ledger.commit(ANNA, *deposits(1)),
        ledger.commit(BEN, *deposits(1, note=POISON)),
        ledger.commit(BEN, *deposits(2)),
    ]
    records = [record(number, commit) for number, commit in zip([99, 100, 101], commits, strict=True)]
    assert deliver(ledger, records) == ["100"]


def test_sequence_numbers_are_compared_as_numbers() -> None:
    ledger = Ledger()
    first, second = ledger.commit(BEN, *deposits(1, note=POISON)), ledger.commit(BEN, *deposits(2))
    assert deliver(ledger, [record(1000, second), record(999, first)]) == ["999"]


@pytest.mark.parametrize("name", ["MODIFY", "REMOVE"])
def test_a_changed_commit_raises_an_alarm_and_is_not_projected(name: str, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger()
    commits = [ledger.commit(ANNA, *deposits(1)), *ledger.append(BEN, *deposits(2))]
    assert deliver(ledger, [record(1, commits[0], name), record(2, commits[1])]) == []
    assert ledger.telemetry.counts["EventTableTampered"] == 1
    assert ledger.balance(ANNA) is None
    assert same(ledger.balance(BEN), ledger.expected_balance(BEN))
    (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (vars(error)["stream"], vars(error)["position"]) == (str(ANNA), "1")


@pytest.mark.parametrize("name", ["INSERT", "MODIFY", "REMOVE"])
def test_snapshots_are_passed_over(name: str) -> None:
    ledger = Ledger()
    assert deliver(ledger, [record(1, ledger.commit(ANNA, *deposits(1)), name, position="1.5")]) == []
    assert ledger.telemetry.counts == {}
    assert ledger.balance(ANNA) is None


@pytest.mark.parametrize("new_image", [{}, {"events": {"B": "!"}}, {"count": {"N": "x"}}])
def test_a_record_that_cannot_be_read_is_read_from_the_event_table(new_image: dict[str, Any]) -> None:
    ledger = Ledger()
    from_table = record(1, ledger.commit(ANNA, *deposits(1)))
    from_table["dynamodb"]["NewImage"] = new_image and from_table["dynamodb"]["NewImage"] | new_image
    good = record(2, ledger.commit(BEN, *bulk(1, 10)))
    assert deliver(ledger, [from_table, good]) == []
    for stream in (ANNA, BEN):
        assert same(ledger.balance(stream), ledger.expected_balance(stream))


def test_a_record_without_a_stream_name_holds_nothing_up() -> None:
    ledger = Ledger()
    nameless = record(1, ledger.commit(ANNA, *deposits(1)))
    nameless["dynamodb"]["Keys"]["stream"] = {"S": "nobody"}
    assert deliver(ledger, [nameless, record(2, ledger.commit(BEN, *deposits(1)))]) == []
    assert ledger.telemetry.counts["UnreadableRecords"] == 1
    assert ledger.checkpoint(BEN) == 1


def test_a_batch_of_which_most_fails_is_named_whole_and_parks_nothing() -> None:
    ledger = Ledger()
    streams = [account(f"a-{n}") for n in range(4)]
    records = [record(n, ledger.commit(stream, *deposits(1, note=POISON))) for n, stream in enumerate(streams)]

    for _ in range(10):
        assert deliver(ledger, records) == ["0", "1", "2", "3"]
    assert not ledger.views.parked(Generation("balances"))


def test_a_catch_up_leaves_time_to_end_in() -> None:
    ledger, deadlines = Ledger(), list[datetime]()

    class Reader:
        def everything(self, deadline: datetime) -> list[CaughtUp]:
            deadlines.append(deadline)
            return []

    class Nothing:
        def report(self) -> None:
            """Nothing stands still."""

    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    catch_up(cast(CatchUp, Reader()), cast(Standstill, Nothing()), ledger.clock, context)
    (deadline,) = deadlines
    assert timedelta(seconds=10) <= ledger.clock.now + timedelta(seconds=60) - deadline <= timedelta(seconds=30)


def test_only_what_is_no_new_commit_touches_its_stream() -> None:
    ledger = Ledger()
    new = record(1, ledger.commit(ANNA, *deposits(1)))
    changed = record(2, ledger.commit(BEN, *deposits(1))) | {"eventName": "MODIFY"}
    snapshot = record(3, ledger.commit(account("cleo"), *deposits(1)))
    snapshot["dynamodb"]["Keys"]["position"]["N"] = "1.5"
    records = read_records([new, changed, snapshot])
    assert records.touched == {str(BEN), "acme:account:cleo"}
    assert (len(records.commits), records.tampered) == (1, [(str(BEN), "1")])
