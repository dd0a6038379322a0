"""The operator's routes over tables: what they tell and do, on each engine."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools.logging import Logger
from openapi_schema_validator import OAS31Validator
from tests.orders.support.documented import DOCUMENT
from tests.orders.support.http import CONTEXT, OPERATOR, body_of, event, problem
from tests.orders.support.platform import InProcessPlatform
from tests.support.engines import DynamoDBEngine

from banyan.adapters import observability
from banyan.notices import PROJECTION_PAUSED
from banyan.projections.views import Generation
from banyan.reactions.base import REACTOR
from banyan.streams import END_OF_TIME, StreamId

LIST = "/admin/projections/order_list"
REACTOR_PATH = "/admin/projections/reactor"
POISONED = "acme:order:poison"
REFUSED: list[tuple[str, Any, tuple[int, str]]] = [
    ("nothing/pause", {"reason": "r"}, (404, "projection_not_found")),
    ("nothing/rebuild", {}, (404, "projection_not_found")),
    ("nothing/remove", {}, (404, "projection_not_found")),
    ("reactor/rebuild", {}, (404, "projection_not_found")),
    ("reactor/switch", {"generation": 1}, (404, "projection_not_found")),
    ("reactor/retry", {"stream": "_system:migration:orders"}, (404, "stream_not_found")),
    ("order_list/retry", {"stream": "acme:inventory:A"}, (404, "stream_not_found")),
    ("order_list/rebuild/stream", {"stream": "acme:inventory:A"}, (404, "stream_not_found")),
    ("order_list/retry", {"stream": "acme:order:nobody"}, (404, "stream_not_found")),
    ("order_list/park", {"stream": "acme:order:nobody", "reason": "typed wrong"}, (404, "stream_not_found")),
    ("order_list/rebuild/stream", {"stream": "acme:order:nobody"}, (404, "stream_not_found")),
    ("order_list/retry", {"stream": "acme"}, (422, "invalid_input")),
    ("order_list/retry", {}, (422, "invalid_input")),
    ("order_list/pause", {"reason": ""}, (422, "invalid_input")),
    ("order_list/park", {"stream": "acme:order:o-1"}, (422, "invalid_input")),
    ("order_list/rebuild", {"writesPerSecond": 0}, (422, "invalid_input")),
    ("order_list/rebuild", {"unknown": 1}, (422, "invalid_input")),
    ("order_list/resume", {}, (409, "transition_rejected")),
    ("order_list/cancel", {}, (409, "transition_rejected")),
    ("order_list/switch", {"generation": 7}, (409, "transition_rejected")),
    ("order_list/drop", {"generation": 1}, (409, "transition_rejected")),
]


@pytest.fixture
def platform(dynamodb: DynamoDBEngine) -> InProcessPlatform:
    """Three orders, one of which the list of orders cannot take in."""
    platform = InProcessPlatform(dynamodb, poisoned="poison")
    for order in ("o-1", "poison", "o-2"):
        platform.order(order)
    platform.deliver()
    return platform


def told(platform: InProcessPlatform, path: str, body: Any = None) -> Any:
    """What an operator is told, which must be as it is documented."""
    answer = platform.ask(path, body)
    assert answer["statusCode"] == 200, answer
    route = DOCUMENT["paths"][
        path.replace("order_list", "{name}").replace("reactor", "{name}").replace("former", "{name}")
    ]["get" if body is None else "post"]
    schema = route["responses"]["200"]["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(body_of(answer))
    return body_of(answer)


def test_a_parked_stream_is_reported_with_its_error_and_continues_when_it_is_retried(
    platform: InProcessPlatform,
) -> None:
    (parked,) = told(platform, LIST)["parked"]
    assert (parked["stream"], parked["version"], parked["error"]) == (POISONED, 1, "KeyError")
    assert (parked["attempts"], parked["nextTry"], parked["generation"]) == (2, None, 1)
    assert told(platform, LIST)["generations"] == [
        {"number": 1, "stage": "live", "startedAt": None, "changedAt": None, "version": None}
    ]
    assert told(platform, f"{LIST}/retry", {"stream": POISONED})["parked"]["error"] == "KeyError"
    platform.mended = True
    assert told(platform, f"{LIST}/retry", {"stream": POISONED}) == {"parked": None}
    assert told(platform, LIST)["parked"] == []
    assert platform.differing() == []


def test_a_paused_projection_lags_until_it_is_resumed(platform: InProcessPlatform) -> None:
    paused = told(platform, f"{LIST}/pause", {"reason": "looking into it"})
    assert (paused["status"], paused["pause"]["by"]) == ("paused", OPERATOR["sub"])
    platform.order("o-3")
    platform.deliver()
    lag = told(platform, LIST)["lag"]
    assert (lag["events"], lag["complete"], lag["milliseconds"] > 0) == (1, True, True)
    assert body_of(platform.ask(LIST, newest="true"))["lag"]["events"] == 1
    assert body_of(platform.ask("/admin/projections", newest="true"))["projections"][1]["lag"]["events"] == 1
    assert problem(platform.ask(f"{LIST}/pause", {"reason": "again"})) == (409, "transition_rejected")
    (report,) = told(platform, f"{LIST}/resume", {})["generations"]
    assert (report["healed"], report["complete"], report["error"]) == (1, True, None)
    assert told(platform, "/admin/projections")["projections"][1]["lag"]["events"] == 0
    assert [kind for kind, _ in platform.notices.sent] == [PROJECTION_PAUSED] * 2


def test_a_machine_s_token_without_a_tenant_operates_the_platform(platform: InProcessPlatform) -> None:
    machine = {"sub": "machine-1", "scope": OPERATOR["scope"]}
    for path in ("/admin/projections", LIST, "/admin/deadlines", "/admin/reconciliation/reports"):
        assert platform.ask(path, claims=machine)["statusCode"] == 200, path
    paused = platform.ask(f"{LIST}/pause", {"reason": "a deployment"}, machine)
    assert body_of(paused)["pause"]["by"] == "machine-1"
    assert problem(platform.ask("/admin/correlations/c-1", claims=machine)) == (403, "forbidden_tenant")


def test_a_stream_is_parked_by_hand(platform: InProcessPlatform) -> None:
    parked = told(platform, f"{LIST}/park", {"stream": "acme:order:o-1", "reason": "wrong customer"})
    assert (parked["version"], "wrong customer" in parked["error"]) == (2, True)
    assert told(platform, f"{LIST}/retry", {"stream": "acme:order:o-1"}) == {"parked": None}


def test_the_reactor_is_operated_as_a_projection_is(platform: InProcessPlatform) -> None:
    platform.react()
    assert told(platform, "/admin/projections")["projections"][-1]["projection"] == REACTOR.projection
    shown = told(platform, REACTOR_PATH)
    (parked,) = shown["parked"]
    assert (parked["stream"], parked["version"], parked["error"], parked["attempts"]) == (POISONED, 1, "KeyError", 2)
    assert (shown["status"], shown["lag"]["events"]) == ("active", 0)
    assert told(platform, f"{REACTOR_PATH}/retry", {"stream": POISONED})["parked"]["error"] == "KeyError"
    told(platform, f"{REACTOR_PATH}/pause", {"reason": "a bug"})
    platform.mended = True
    platform.order("o-3")
    platform.react()
    assert told(platform, REACTOR_PATH)["lag"]["events"] == 1
    assert told(platform, f"{REACTOR_PATH}/retry", {"stream": POISONED}) == {"parked": None}
    (report,) = told(platform, f"{REACTOR_PATH}/resume", {})["generations"]
    assert (report["healed"], report["complete"]) == (1, True)
    assert (told(platform, REACTOR_PATH)["parked"], told(platform, REACTOR_PATH)["lag"]["events"]) == ([], 0)
    assert platform.scheduled() == {"o-1", "o-2", "o-3", "poison"}, "the deadlines of all orders wait, each once"


def test_what_is_left_of_a_projection_is_removed_and_a_name_that_never_was_leaves_no_trace(
    platform: InProcessPlatform,
) -> None:
    platform.ask("/admin/projections/nothing/remove", {})
    assert platform.app.projection_states.get(["nothing"])["nothing"].revision == 0
    platform.app.log_checkpoints.put(Generation("former"), 0, platform.clock.now)
    (begun,) = told(platform, "/admin/projections/former/remove", {})["generations"]
    assert (begun["projection"], begun["stage"]) == ("former", "dropping")
    platform.work_off()
    assert [info.number for info in platform.app.projection_states.get(["former"])["former"].generations] == [2]


def test_a_rebuild_from_its_preview_to_the_way_back(platform: InProcessPlatform) -> None:
    platform.mended = True
    told(platform, f"{LIST}/retry", {"stream": POISONED})
    preview = told(platform, f"{LIST}/rebuild", {"dryRun": True})
    assert (preview["streams"], preview["rows"], preview["price"] > 0) == (3, 3, True)
    assert problem(platform.ask(f"{LIST}/rebuild")) == (404, "rebuild_not_found")
    assert told(platform, f"{LIST}/rebuild", {"writesPerSecond": 50_000})["stage"] == "building"
    assert told(platform, LIST)["status"] == "rebuilding"
    platform.work_off()
    done = told(platform, f"{LIST}/rebuild")
    assert (done["stage"], done["streams"], done["different"], done["failed"]) == ("ready", 3, 0, 0)
    assert told(platform, f"{LIST}/switch", {}) == {"live": 2}
    assert body_of(platform.ask(f"{LIST}/rebuild", generation=2))["stage"] == "live"
    for without in (1, 9):
        assert problem(platform.ask(f"{LIST}/rebuild", generation=without)) == (404, "rebuild_not_found")
    assert told(platform, f"{LIST}/switch", {"generation": 1}) == {"live": 1}
    assert problem(platform.ask(f"{LIST}/drop", {"generation": 2})) == (409, "transition_rejected")
    platform.clock.move(timedelta(minutes=5))
    assert told(platform, f"{LIST}/drop", {"generation": 2})["stage"] == "dropping"
    platform.work_off()
    assert [each["number"] for each in told(platform, LIST)["generations"]] == [1]


def test_rows_that_differ_are_read_only_when_that_is_accepted(platform: InProcessPlatform) -> None:
    told(platform, f"{LIST}/rebuild", {"switchWhenEqual": True})
    platform.work_off()
    assert told(platform, f"{LIST}/rebuild")["failed"] == 1
    assert problem(platform.ask(f"{LIST}/switch", {})) == (409, "generation_differs")
    assert told(platform, LIST)["live"] == 1
    assert told(platform, f"{LIST}/switch", {"acceptDifferences": True}) == {"live": 2}


def test_a_rebuild_is_given_up(platform: InProcessPlatform) -> None:
    told(platform, f"{LIST}/rebuild", {})
    assert told(platform, f"{LIST}/cancel", {})["stage"] == "dropping"
    platform.work_off()
    assert [each["number"] for each in told(platform, LIST)["generations"]] == [1]


def test_another_rebuild_than_the_one_that_is_meant_is_neither_continued_nor_given_up(
    platform: InProcessPlatform,
) -> None:
    told(platform, f"{LIST}/rebuild", {})
    assert told(platform, f"{LIST}/rebuild", {"generation": 2})["generation"] == 2
    told(platform, f"{LIST}/cancel", {"generation": 2})
    platform.work_off()
    meant = {"generation": 2}
    assert problem(platform.ask(f"{LIST}/rebuild", meant)) == (409, "transition_rejected")
    assert told(platform, f"{LIST}/rebuild", {})["generation"] == 3
    for verb in ("rebuild", "cancel"):
        assert problem(platform.ask(f"{LIST}/{verb}", meant)) == (409, "transition_rejected")
    stages = {each["number"]: each["stage"] for each in told(platform, LIST)["generations"]}
    assert stages == {1: "live", 3: "building"}


def test_one_stream_is_rebuilt(platform: InProcessPlatform) -> None:
    found = told(platform, f"{LIST}/rebuild/stream", {"stream": "acme:order:o-1"})
    assert found == {"generations": {"1": {"version": 1, "replaced": True}}}


@pytest.mark.parametrize("name", ["order_list", REACTOR.projection])
def test_what_is_in_use_is_not_removed(platform: InProcessPlatform, name: str) -> None:
    assert problem(platform.ask(f"/admin/projections/{name}/remove", {})) == (409, "projection_in_use")


def test_what_cannot_be_done_is_refused_with_a_code(moto: DynamoDBEngine, subtests: pytest.Subtests) -> None:
    platform = InProcessPlatform(moto)
    for path, body, expected in REFUSED:
        with subtests.test(f"{path} {body}"):
            assert problem(platform.ask(f"/admin/projections/{path}", body)) == expected


def test_deadlines_that_wait_for_their_time_are_distinguished_from_those_that_are_due(
    platform: InProcessPlatform,
) -> None:
    platform.mended = True
    platform.react()
    found = told(platform, "/admin/deadlines")
    assert (found["due"], found["parked"]) == (0, [])
    waiting = {each["stream"].split(":")[-1] for each in found["waiting"]}
    assert waiting == {"o-1", "o-2", "poison"}
    assert {each["name"] for each in found["waiting"]} == {"payment"}
    platform.clock.move(timedelta(days=1))
    found = told(platform, "/admin/deadlines")
    assert (found["due"], found["waiting"]) == (3, [])


def test_nothing_waits_where_there_are_no_deadlines(platform: InProcessPlatform) -> None:
    none = {"due": 0, "overdue": [], "waiting": [], "parked": [], "complete": True, "parkedComplete": True}
    assert told(platform, "/admin/deadlines") == none
    assert told(platform, "/admin/deadlines/retry", {}) == {"retried": 0}


def test_one_parked_deadline_is_retried_and_the_others_stay(platform: InProcessPlatform) -> None:
    platform.mended = True
    platform.react()
    kept = platform.app.deadlines
    for each in list(kept.due(END_OF_TIME)):
        kept.park(replace(each, attempts=4, error="KeyError"))
    listed = told(platform, "/admin/deadlines")["parked"]
    assert {each["stream"] for each in listed} == {"acme:order:o-1", "acme:order:o-2", POISONED}
    assert {(each["command"], each["scheduledBy"], each["attempts"]) for each in listed} == {
        ("ExpireOrder", "policy:cancel_unpaid", 4)
    }
    one = {"stream": POISONED, "name": "payment"}
    assert told(platform, "/admin/deadlines/retry", one) == {"retried": 1}
    assert problem(platform.ask("/admin/deadlines/retry", one)) == (404, "deadline_not_found")
    assert problem(platform.ask("/admin/deadlines/retry", {"name": "other"})) == (404, "deadline_not_found")
    assert len(told(platform, "/admin/deadlines")["parked"]) == 2
    (waiting,) = told(platform, "/admin/deadlines")["waiting"]
    assert (waiting["stream"], waiting["error"]) == (POISONED, "")
    platform.clock.now = END_OF_TIME - timedelta(days=1)
    few = body_of(platform.ask("/admin/deadlines", limit=1))
    assert (few["due"], few["overdue"][0]["stream"], few["complete"], few["parkedComplete"]) == (
        1,
        POISONED,
        True,
        False,
    )


def test_whatever_an_operator_does_is_logged_with_who_did_it_and_not_why(
    platform: InProcessPlatform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Logger(service=f"test-{uuid4()}", stream=sys.stdout, level="ERROR")
    monkeypatch.setattr(observability, "logger", lambda: lines)
    who = OPERATOR | {"azp": "browser-1"}
    platform.ask(f"{LIST}/park", {"stream": "acme:order:o-1", "reason": "Ann called"}, who)
    platform.ask(f"{LIST}/pause", {"reason": ""}, who)
    platform.ask("/admin/deadlines/retry", {}, who)
    platform.ask("/admin/reconciliation/run", {"full": True}, who)
    platform.ask(LIST, claims=who)
    printed = capsys.readouterr().out
    said = [json.loads(line) for line in printed.splitlines() if "an operator acted" in line]
    assert [(each["did"], each["status"], each["asked"]) for each in said] == [
        (f"{LIST}/park", 200, {"stream": "acme:order:o-1"}),
        (f"{LIST}/pause", 422, {}),
        ("/admin/deadlines/retry", 200, {}),
        ("/admin/reconciliation/run", 200, {"full": True}),
    ]
    assert {(each["actor"], each["client"], each["level"]) for each in said} == {(who["sub"], "browser-1", "ERROR")}
    assert "Ann" not in printed


def traced(platform: InProcessPlatform, order: str) -> str:
    """The path of the trace of an order's newest commit."""
    stream = StreamId("acme", "order", order)
    for commit in platform.app.store.commits(stream):
        platform.app.traces.act(commit, platform.app.store.decode(commit))
    *_, event = platform.app.store.read(stream)
    return f"/admin/correlations/{event.metadata.correlation_id}"


def test_a_trace_is_that_of_one_tenant(platform: InProcessPlatform) -> None:
    path = traced(platform, "o-1")
    (entry,) = body_of(platform.ask(path))["entries"]
    assert (entry["eventType"], entry["streamId"], entry["actor"]) == ("OrderCreated", "acme:order:o-1", "user-1")
    globex = OPERATOR | {"tenant": "globex"}
    assert problem(platform.ask(path, claims=globex)) == (404, "correlation_not_found")
    assert problem(platform.ask(path, tenant="globex")) == (404, "correlation_not_found")
    machine = {name: claim for name, claim in OPERATOR.items() if name != "tenant"}
    for claims in (globex, machine):
        assert body_of(platform.ask(path, claims=claims, tenant="acme"))["entries"] == [entry]


def test_a_trace_marks_what_takes_something_back(platform: InProcessPlatform) -> None:
    (entry,) = body_of(platform.ask(traced(platform, "o-1")))["entries"]
    assert not entry["compensation"]
    platform.apis["banyan-CommandApi"](event("POST", "/orders/o-1/cancel", {"reason": "typed wrong"}), CONTEXT)
    (entry,) = body_of(platform.ask(traced(platform, "o-1")))["entries"]
    assert (entry["eventType"], entry["compensation"]) == ("OrderCancelled", True)


def test_without_traces_none_is_written_and_the_route_says_so(dynamodb: DynamoDBEngine) -> None:
    platform = InProcessPlatform(dynamodb, BANYAN_TRACES="off", TRACES_TABLE="")
    platform.order("o-1")
    platform.react()
    assert platform.scheduled() == {"o-1"}
    assert problem(platform.ask("/admin/correlations/c-1")) == (404, "traces_off")
