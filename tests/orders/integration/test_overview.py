"""The overview: what needs a person, in one answer that is cheap enough to be asked for every few seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from tests.orders.support.documented import DOCUMENT
from tests.orders.support.http import body_of
from tests.orders.support.platform import InProcessPlatform
from tests.support.engines import LISTED, DynamoDBEngine
from tests.support.units import ConsumedUnits

from banyan.errors import StoreUnavailable
from banyan.streams import END_OF_TIME, StreamId

PATH = "/admin/overview"
POISONED = "acme:order:poison"
ORDER = StreamId("acme", "order", "o-1")
BESIDES = 12
"""Requests for states, numbers of buckets, parked deadlines, the run and the newest report."""
UNITS = 35
"""That an open page costs, each time that it asks; docs/console.md says so."""


@pytest.fixture
def platform(dynamodb: DynamoDBEngine) -> InProcessPlatform:
    """Two orders, everywhere applied."""
    platform = InProcessPlatform(dynamodb, poisoned="poison", BANYAN_CONTROL_CACHE_MS="2000")
    for order in ("o-1", "o-2"):
        platform.order(order)
    platform.deliver()
    platform.react()
    return platform


def shown(platform: InProcessPlatform) -> Any:
    """The overview, which must be as it is documented."""
    answer = platform.ask(PATH)
    assert answer["statusCode"] == 200, answer
    schema = DOCUMENT["paths"][PATH]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(body_of(answer))
    return body_of(answer)


def attention(platform: InProcessPlatform) -> list[tuple[str, str]]:
    """What needs a person, and what helps."""
    return [(each["code"], each["action"]) for each in shown(platform)["attention"]]


@contextmanager
def counted(engine: DynamoDBEngine) -> Iterator[Counter[str]]:
    """The requests to DynamoDB, by their operation."""
    requests = Counter[str]()

    def count(model: Any, **_: Any) -> None:
        requests[model.name] += 1

    engine.client.meta.events.register("before-call.dynamodb", count)
    yield requests
    engine.client.meta.events.unregister("before-call.dynamodb", count)


def test_what_works_needs_no_one(platform: InProcessPlatform) -> None:
    found = shown(platform)
    assert (found["attention"], found["unavailable"]) == ([], {})
    assert (found["migration"], found["ingest"], found["reconciliation"]) == (None, None, {"run": None, "latest": None})
    assert [each["projection"] for each in found["projections"]][-1] == "reactor"
    assert {each["lag"]["events"] for each in found["projections"]} == {0}
    assert found["deadlines"]["waiting"] == 2
    rate = found["rate"]
    assert (rate["commits"], rate["events"], rate["seconds"], rate["complete"]) == (2, 2, 60.0, True)
    platform.clock.now += timedelta(minutes=2)
    assert shown(platform)["rate"]["commits"] == 0


def test_a_look_costs_what_does_not_grow_and_less_when_nothing_happens(
    platform: InProcessPlatform, dynamodb: DynamoDBEngine
) -> None:
    shown(platform)
    for number in range(60):
        platform.order(f"more-{number}")
    platform.deliver()
    platform.react()
    names = len(platform.app.operations.names)
    with counted(dynamodb) as busy:
        shown(platform)
    assert busy.total() <= BESIDES + 3 * LISTED + 3 * names
    units = ConsumedUnits(dynamodb.client, dynamodb.tables)
    with counted(dynamodb) as idle:
        shown(platform)
    assert idle.total() <= BESIDES + 3 * LISTED + names, "more than one page of deadlines that wait, of each bucket"
    assert sum(units.read.values()) <= UNITS


def test_a_part_that_cannot_be_read_says_so_and_stops_no_other(
    platform: InProcessPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: Any) -> Any:
        raise StoreUnavailable("the table of reports does not answer")

    monkeypatch.setattr(platform.app.reports, "latest", unavailable)
    found = shown(platform)
    assert found["unavailable"] == {"reconciliation": "the table of reports does not answer"}
    assert (found["reconciliation"], found["attention"]) == (None, [])
    assert found["deadlines"]["waiting"] == 2


def test_what_stands_is_named_with_what_helps(platform: InProcessPlatform) -> None:
    platform.order("poison")
    platform.deliver()
    (parked,) = shown(platform)["attention"]
    assert (parked["code"], parked["action"], parked["subject"]) == ("stream_parked", "retry", POISONED)
    names = {"projection": "order_list", "stream": POISONED, "version": 1, "generation": 1}
    assert (parked["names"], "KeyError" in parked["text"]) == (names, True)
    platform.ask("/admin/projections/order_list/pause", {"reason": "Look at it"})
    states = platform.app.projection_states
    states.put(states.get(["order"])["order"].paused(platform.clock.now, "11 streams are parked", "breaker"))
    assert attention(platform) == [
        ("projection_stopped", "resume"),
        ("stream_parked", "retry"),
        ("projection_paused", "resume"),
    ]


def test_what_lags_longer_than_the_alarm_allows_is_named(platform: InProcessPlatform) -> None:
    platform.order("o-3")
    platform.clock.move(timedelta(seconds=59))
    assert attention(platform) == []
    platform.clock.move(timedelta(seconds=2))
    found = shown(platform)["attention"]
    assert {each["code"] for each in found} == {"projection_lagging"}
    assert "order_list" in {each["subject"] for each in found}


def test_deadlines_that_are_late_or_parked_are_named(platform: InProcessPlatform) -> None:
    first, second = platform.app.deadlines.due(END_OF_TIME)
    platform.app.deadlines.park(replace(second, error="ZeroDivisionError"))
    platform.clock.now = first.due + timedelta(minutes=9)
    reconcile(platform)
    assert attention(platform) == [("deadline_parked", "retry")]
    platform.clock.now = first.due + timedelta(minutes=11)
    late, parked = shown(platform)["attention"]
    assert (late["code"], late["subject"], late["action"]) == ("deadlines_overdue", str(first.stream), "look")
    assert parked["names"] == {"stream": str(second.stream), "name": "payment"}
    assert "ZeroDivisionError" in parked["text"]
    deadlines = shown(platform)["deadlines"]
    assert (deadlines["due"], deadlines["parked"], deadlines["complete"]) == (1, 1, True)


def test_differences_are_named_until_they_are_repaired_and_so_is_a_silence(platform: InProcessPlatform) -> None:
    live = platform.app.projection_states.get(["order_list"])["order_list"].generation()
    (row,) = platform.app.views.states(live, [ORDER]).values()
    platform.app.views.put_state(live, replace(row, state=row.state.replace("c-1", "c-9")), row.version)
    reconcile(platform)
    (differs,) = shown(platform)["attention"]
    assert (differs["code"], differs["action"]) == ("reconciliation_differs", "repair")
    reconcile(platform, repair=True)
    found = shown(platform)
    assert (found["attention"], found["reconciliation"]["latest"]["repaired"]) == ([], 1)
    platform.clock.move(timedelta(hours=14))
    old = [each for each in shown(platform)["attention"] if each["code"].startswith("reconciliation")]
    assert [(each["code"], each["action"]) for each in old] == [("reconciliation_old", "reconcile")]


def test_a_reconciliation_that_never_ran_is_named_once_there_was_time_for_it(platform: InProcessPlatform) -> None:
    platform.clock.move(timedelta(hours=12))
    assert "reconciliation_old" not in dict(attention(platform))
    platform.clock.move(timedelta(hours=2))
    (never,) = (each for each in shown(platform)["attention"] if each["code"] == "reconciliation_old")
    assert (never["text"], never["names"]) == ("Nothing was ever compared, for more than 13 hours.", {})
    assert (never["action"], never["since"] is not None) == ("reconcile", True)
    reconcile(platform)
    assert "reconciliation_old" not in dict(attention(platform))


def test_a_stack_without_events_has_nothing_to_compare(dynamodb: DynamoDBEngine) -> None:
    platform = InProcessPlatform(dynamodb)
    platform.clock.move(timedelta(days=9))
    assert attention(platform) == []


def test_a_rebuild_that_waits_for_a_decision_is_named(platform: InProcessPlatform) -> None:
    path = "/admin/projections/order_list"
    platform.ask(f"{path}/rebuild", {})
    assert attention(platform) == []
    platform.clock.move(timedelta(minutes=61))
    assert ("rebuild_idle", "rebuild") in attention(platform)
    platform.work_off()
    assert body_of(platform.ask(f"{path}/rebuild"))["equal"] is True
    (ready,) = (each for each in shown(platform)["attention"] if each["code"] == "rebuild_ready")
    assert ready["names"] == {"projection": "order_list", "generation": 2}
    platform.ask(f"{path}/switch", {})
    assert "rebuild_ready" not in dict(attention(platform))


def test_a_deletion_that_no_worker_continues_is_named_an_hour_after_it_was_asked_for(
    platform: InProcessPlatform,
) -> None:
    path = "/admin/projections/order_list"
    platform.ask(f"{path}/rebuild", {})
    platform.work_off()
    platform.clock.move(timedelta(hours=5))
    platform.ask(f"{path}/cancel", {})
    assert "deletion_idle" not in dict(attention(platform))
    platform.clock.move(timedelta(minutes=61))
    (idle,) = (each for each in shown(platform)["attention"] if each["code"] == "deletion_idle")
    assert (idle["action"], idle["names"]) == ("drop", {"projection": "order_list", "generation": 2})
    platform.work_off()
    assert "deletion_idle" not in dict(attention(platform))


def test_a_rebuild_that_differs_is_named_with_how_much(platform: InProcessPlatform) -> None:
    live = platform.app.projection_states.get(["order_list"])["order_list"].generation()
    (row,) = platform.app.views.states(live, [ORDER]).values()
    platform.app.views.put_state(live, replace(row, state=row.state.replace("c-1", "c-9")), row.version)
    for verb in ("pause", "resume", "rebuild"):  # a rebuild counts no differences from rows that may lack events
        platform.ask(f"/admin/projections/order_list/{verb}", {"reason": "Look at it"} if verb == "pause" else {})
    platform.work_off()
    (differs,) = (each for each in shown(platform)["attention"] if each["code"] == "rebuild_differs")
    assert differs["text"] == (
        "Generation 2 of order_list is complete and not equal: 1 different row, 0 failed streams."
    )


def test_rows_that_another_version_made_are_named_until_they_are_rebuilt(platform: InProcessPlatform) -> None:
    states = platform.app.projection_states
    made = states.get(["order_list"])["order_list"]
    (live,) = made.generations
    states.put(replace(made, generations=(replace(live, version=99),)))
    assert attention(platform) == [("projection_outdated", "rebuild")]
    platform.ask("/admin/projections/order_list/rebuild", {"switchWhenEqual": True})
    platform.work_off()
    assert "projection_outdated" not in dict(attention(platform))


def test_a_rebuild_of_which_only_the_beginning_is_noted_hides_nothing(platform: InProcessPlatform) -> None:
    states = platform.app.projection_states
    states.put(states.get(["order_list"])["order_list"].begun(platform.clock.now))
    found = shown(platform)
    assert (found["unavailable"], found["attention"]) == ({}, [])
    assert [each["rebuild"] for each in found["projections"] if each["projection"] == "order_list"] == ["building"]


def reconcile(platform: InProcessPlatform, *, repair: bool = False) -> None:
    """Compare everything, to the end."""
    platform.ask("/admin/reconciliation/run", {"full": True, "repair": repair})
    platform.functions.run()
