"""The operator's routes over tables: what they tell and do, on each engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from tests.orders.support.http import OPERATOR, body_of, problem
from tests.orders.support.platform import InProcessPlatform
from tests.orders.unit.http.test_openapi import DOCUMENT
from tests.support.engines import DynamoDBEngine

from banyan.notices import PROJECTION_PAUSED
from banyan.projections.views import Generation
from banyan.reactions.reactor import REACTOR

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
def desk(dynamodb: DynamoDBEngine) -> InProcessPlatform:
    """Three orders, one of which the list of orders cannot take in."""
    desk = InProcessPlatform(dynamodb, poisoned="poison")
    for order in ("o-1", "poison", "o-2"):
        desk.order(order)
    desk.deliver()
    return desk


def told(desk: InProcessPlatform, path: str, body: Any = None) -> Any:
    """What an operator is told, which must be as it is documented."""
    answer = desk.ask(path, body)
    assert answer["statusCode"] == 200, answer
    route = DOCUMENT["paths"][
        path.replace("order_list", "{name}").replace("reactor", "{name}").replace("former", "{name}")
    ]["get" if body is None else "post"]
    schema = route["responses"]["200"]["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(body_of(answer))
    return body_of(answer)


def test_a_parked_stream_is_told_with_its_error_and_goes_on_when_it_is_retried(desk: InProcessPlatform) -> None:
    (parked,) = told(desk, LIST)["parked"]
    assert (parked["stream"], parked["version"], parked["error"]) == (POISONED, 1, "KeyError")
    assert (parked["attempts"], parked["nextTry"], parked["generation"]) == (2, None, 1)
    assert told(desk, LIST)["generations"] == [
        {"number": 1, "stage": "live", "startedAt": None, "changedAt": None, "version": None}
    ]
    assert told(desk, f"{LIST}/retry", {"stream": POISONED})["parked"]["error"] == "KeyError"
    desk.mended = True
    assert told(desk, f"{LIST}/retry", {"stream": POISONED}) == {"parked": None}
    assert told(desk, LIST)["parked"] == []
    assert desk.differing() == []


def test_a_paused_projection_lags_until_it_is_resumed(desk: InProcessPlatform) -> None:
    paused = told(desk, f"{LIST}/pause", {"reason": "looking into it"})
    assert (paused["status"], paused["pause"]["by"]) == ("paused", OPERATOR["sub"])
    desk.order("o-3")
    desk.deliver()
    lag = told(desk, LIST)["lag"]
    assert (lag["events"], lag["complete"], lag["milliseconds"] > 0) == (1, True, True)
    assert problem(desk.ask(f"{LIST}/pause", {"reason": "again"})) == (409, "transition_rejected")
    (report,) = told(desk, f"{LIST}/resume", {})["generations"]
    assert (report["healed"], report["complete"], report["error"]) == (1, True, None)
    assert told(desk, "/admin/projections")["projections"][1]["lag"]["events"] == 0
    assert [kind for kind, _ in desk.notices.sent] == [PROJECTION_PAUSED] * 2


def test_a_machine_s_token_without_a_tenant_operates_the_platform(desk: InProcessPlatform) -> None:
    machine = {"sub": "machine-1", "scope": OPERATOR["scope"]}
    for path in ("/admin/projections", LIST, "/admin/deadlines", "/admin/reconciliation/reports"):
        assert desk.ask(path, claims=machine)["statusCode"] == 200, path
    paused = desk.ask(f"{LIST}/pause", {"reason": "a deployment"}, machine)
    assert body_of(paused)["pause"]["by"] == "machine-1"
    assert problem(desk.ask("/admin/correlations/c-1", claims=machine)) == (403, "forbidden_tenant")


def test_a_stream_is_parked_by_hand(desk: InProcessPlatform) -> None:
    parked = told(desk, f"{LIST}/park", {"stream": "acme:order:o-1", "reason": "wrong customer"})
    assert (parked["version"], "wrong customer" in parked["error"]) == (2, True)
    assert told(desk, f"{LIST}/retry", {"stream": "acme:order:o-1"}) == {"parked": None}


def test_the_reactor_is_operated_as_a_projection_is(desk: InProcessPlatform) -> None:
    desk.react()
    assert told(desk, "/admin/projections")["projections"][-1]["projection"] == REACTOR.projection
    shown = told(desk, REACTOR_PATH)
    (parked,) = shown["parked"]
    assert (parked["stream"], parked["version"], parked["error"], parked["attempts"]) == (POISONED, 1, "KeyError", 2)
    assert (shown["status"], shown["lag"]["events"]) == ("active", 0)
    assert told(desk, f"{REACTOR_PATH}/retry", {"stream": POISONED})["parked"]["error"] == "KeyError"
    told(desk, f"{REACTOR_PATH}/pause", {"reason": "a bug"})
    desk.mended = True
    desk.order("o-3")
    desk.react()
    assert told(desk, REACTOR_PATH)["lag"]["events"] == 1
    assert told(desk, f"{REACTOR_PATH}/retry", {"stream": POISONED}) == {"parked": None}
    (report,) = told(desk, f"{REACTOR_PATH}/resume", {})["generations"]
    assert (report["healed"], report["complete"]) == (1, True)
    assert (told(desk, REACTOR_PATH)["parked"], told(desk, REACTOR_PATH)["lag"]["events"]) == ([], 0)
    assert desk.scheduled() == {"o-1", "o-2", "o-3", "poison"}, "the deadlines of all orders wait, each once"


def test_what_is_left_of_a_projection_is_removed_and_a_name_that_never_was_leaves_no_trace(
    desk: InProcessPlatform,
) -> None:
    desk.ask("/admin/projections/nothing/remove", {})
    assert desk.app.controls.get(["nothing"])["nothing"].revision == 0
    desk.app.log_checkpoints.put(Generation("former"), 0, desk.clock.now)
    (begun,) = told(desk, "/admin/projections/former/remove", {})["generations"]
    assert (begun["projection"], begun["stage"]) == ("former", "dropping")
    desk.work_off()
    assert [info.number for info in desk.app.controls.get(["former"])["former"].generations] == [2]


def test_a_rebuild_from_its_preview_to_the_way_back(desk: InProcessPlatform) -> None:
    desk.mended = True
    told(desk, f"{LIST}/retry", {"stream": POISONED})
    preview = told(desk, f"{LIST}/rebuild", {"dryRun": True})
    assert (preview["streams"], preview["rows"], preview["price"] > 0) == (3, 3, True)
    assert problem(desk.ask(f"{LIST}/rebuild")) == (404, "rebuild_not_found")
    assert told(desk, f"{LIST}/rebuild", {"writesPerSecond": 50_000})["stage"] == "building"
    assert told(desk, LIST)["status"] == "rebuilding"
    desk.work_off()
    done = told(desk, f"{LIST}/rebuild")
    assert (done["stage"], done["streams"], done["different"], done["failed"]) == ("ready", 3, 0, 0)
    assert told(desk, f"{LIST}/switch", {}) == {"live": 2}
    assert told(desk, f"{LIST}/switch", {"generation": 1}) == {"live": 1}
    assert problem(desk.ask(f"{LIST}/drop", {"generation": 2})) == (409, "transition_rejected")
    desk.clock.move(timedelta(minutes=5))
    assert told(desk, f"{LIST}/drop", {"generation": 2})["stage"] == "dropping"
    desk.work_off()
    assert [each["number"] for each in told(desk, LIST)["generations"]] == [1]


def test_rows_that_differ_are_read_only_when_that_is_accepted(desk: InProcessPlatform) -> None:
    told(desk, f"{LIST}/rebuild", {"switchWhenEqual": True})
    desk.work_off()
    assert told(desk, f"{LIST}/rebuild")["failed"] == 1
    assert problem(desk.ask(f"{LIST}/switch", {})) == (409, "generation_differs")
    assert told(desk, LIST)["live"] == 1
    assert told(desk, f"{LIST}/switch", {"acceptDifferences": True}) == {"live": 2}


def test_a_rebuild_is_given_up(desk: InProcessPlatform) -> None:
    told(desk, f"{LIST}/rebuild", {})
    assert told(desk, f"{LIST}/cancel", {})["stage"] == "dropping"
    desk.work_off()
    assert [each["number"] for each in told(desk, LIST)["generations"]] == [1]


def test_one_stream_is_rebuilt(desk: InProcessPlatform) -> None:
    found = told(desk, f"{LIST}/rebuild/stream", {"stream": "acme:order:o-1"})
    assert found == {"generations": {"1": {"version": 1, "replaced": True}}}


@pytest.mark.parametrize("name", ["order_list", REACTOR.projection])
def test_what_is_in_use_is_not_removed(desk: InProcessPlatform, name: str) -> None:
    assert problem(desk.ask(f"/admin/projections/{name}/remove", {})) == (409, "projection_in_use")


def test_what_cannot_be_done_is_refused_with_a_code(moto: DynamoDBEngine, subtests: pytest.Subtests) -> None:
    desk = InProcessPlatform(moto)
    for path, body, expected in REFUSED:
        with subtests.test(f"{path} {body}"):
            assert problem(desk.ask(f"/admin/projections/{path}", body)) == expected


def test_deadlines_that_wait_for_their_time_are_told_apart_from_those_that_are_due(desk: InProcessPlatform) -> None:
    desk.mended = True
    desk.react()
    found = told(desk, "/admin/deadlines")
    assert (found["due"], found["parked"]) == (0, [])
    waiting = {each["stream"].split(":")[-1] for each in found["waiting"]}
    assert waiting == {"o-1", "o-2", "poison"}
    assert {each["name"] for each in found["waiting"]} == {"payment"}
    desk.clock.move(timedelta(days=1))
    found = told(desk, "/admin/deadlines")
    assert (found["due"], found["waiting"]) == (3, [])


def test_nothing_waits_where_there_are_no_deadlines(desk: InProcessPlatform) -> None:
    assert told(desk, "/admin/deadlines") == {"due": 0, "waiting": [], "parked": []}
    assert told(desk, "/admin/deadlines/retry", {}) == {"retried": 0}


def test_a_trace_is_told_to_its_tenant_alone(desk: InProcessPlatform) -> None:
    for commit in desk.app.store.commits(next(s for s in desk.app.store.streams() if s.id == "o-1")):
        desk.app.traces.act(commit, desk.app.store.decode(commit))
        (event,) = desk.app.store.decode(commit)
    path = f"/admin/correlations/{event.metadata.correlation_id}"
    answer = desk.ask(path)
    (entry,) = body_of(answer)["entries"]
    assert (entry["eventType"], entry["streamId"], entry["actor"]) == ("OrderCreated", "acme:order:o-1", "user-1")
    assert problem(desk.ask(path, claims=OPERATOR | {"tenant": "globex"})) == (404, "correlation_not_found")
