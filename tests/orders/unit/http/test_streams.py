"""What an operator sees of streams: lists, events, states, rows, damage, and the tail; whatever a stream holds."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from aws_lambda_powertools.logging import Logger
from tests.orders.support.http import ITEM, OPERATOR, ORDER, Answer, Server, body_of, problem
from tests.support.ledger import Deposited as Foreign

from banyan.adapters import observability
from banyan.entrypoints.admin import contents, tail
from banyan.entrypoints.http.identity import ADMIN, EVENTS
from banyan.events import EventRegistry
from banyan.reconciliation import look as reconciliation_look
from banyan.store import Commit, EventStore, log
from banyan.store.eventstore import write_snapshot
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead, StreamId
from orders.decider import ORDER as DECIDER
from orders.events import OrderItemAdded

MAY = OPERATOR | {"scope": f"{ADMIN} {EVENTS}", "client_id": "browser-1"}
O1 = StreamId("acme", "order", "o-1")
LAMBDA_TAKES = 6_291_556


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(reconciliation_look, "PAUSE_SECONDS", 0)
    return Server()


def look(server: Server, path: str, **query: Any) -> Any:
    answer = server.get(f"/admin/{path}", claims=MAY, query=query)
    assert answer["statusCode"] == 200, answer
    return body_of(answer)


def refused(server: Server, path: str, **query: Any) -> tuple[int, str]:
    return problem(server.get(f"/admin/{path}", claims=MAY, query=query))


def order(server: Server, id: str = "o-1", items: int = 0, tenant: str = "acme") -> StreamId:
    """An order with so many more items, one commit each."""
    assert server.post("/orders", ORDER | {"orderId": id}, tenant=tenant)["statusCode"] == 201
    for number in range(items):
        answer = server.post(f"/orders/{id}/items", ITEM | {"sku": f"sku-{number}"}, tenant=tenant)
        assert answer["statusCode"] == 200
    return StreamId(tenant, "order", id)


def added() -> OrderItemAdded:
    return OrderItemAdded.model_validate({"orderId": "o-1", "customerId": "c-1", "item": ITEM})


def table_of(server: Server) -> MemoryTable:
    return cast(MemoryTable, server.store.table)


def put(server: Server, commit: Commit) -> None:
    """Write a commit behind the store's back."""
    table_of(server)._streams[commit.stream][commit.position] = commit


def versions(page: Mapping[str, Any]) -> list[int]:
    return [event["version"] for event in page["events"]]


def foreign(server: Server, stream: StreamId) -> None:
    """A stream whose events no domain here knows."""
    store = EventStore(table_of(server), EventRegistry([Foreign]), server.clock)
    store.append(stream, StreamHead.empty(stream), [Foreign(amount=7, note="kept")])


def test_streams_of_all_tenants_are_listed_the_newest_first(server: Server) -> None:
    for id, tenant in (("o-1", "acme"), ("o-2", "other"), ("p-3", "acme")):
        order(server, id, tenant=tenant)
    server.post("/orders/o-1/items", ITEM)
    foreign(server, StreamId("_system", "migration", "order"))
    found = look(server, "streams")
    assert [each["stream"] for each in found["streams"]] == [
        "_system:migration:order", "acme:order:o-1", "acme:order:p-3", "other:order:o-2",
    ]  # fmt: skip
    assert (found["next"], found["stoppedEarly"], found["entities"]) == (None, False, ["order", "inventory"])
    assert [each["version"] for each in found["streams"]] == [1, 2, 1, 1]
    assert found["streams"][1]["types"] == ["OrderItemAdded"]
    only = look(server, "streams", tenant="acme", entity="order", prefix="o-")
    assert [each["stream"] for each in only["streams"]] == ["acme:order:o-1"]
    first = look(server, "streams", limit=3)
    rest = look(server, "streams", limit=3, cursor=first["next"])
    assert first["streams"] + rest["streams"] == found["streams"]
    assert refused(server, "streams", tenant="acme", cursor=first["next"]) == (400, "invalid_cursor")


def test_events_are_shown_page_by_page_in_either_order(server: Server) -> None:
    order(server, items=6)
    there, back, after = list[int](), list[int](), None
    while True:
        page = look(server, "streams/acme:order:o-1/events", limit=3, **({} if after is None else {"after": after}))
        there, after = there + versions(page), page["next"]
        assert page["version"] == 7
        if after is None:
            break
    while True:
        more: dict[str, Any] = {} if after is None else {"after": after}
        page = look(server, "streams/acme:order:o-1/events", limit=2, order="desc", **more)
        back, after = back + versions(page), page["next"]
        if after is None:
            break
    assert there == back[::-1] == [1, 2, 3, 4, 5, 6, 7]
    (first,) = look(server, "streams/acme:order:o-1/events", limit=1)["events"]
    assert (first["eventType"], first["payload"]["customerId"], first["metadata"]["actor"]) == (
        "OrderCreated", "c-1", "user-1",
    )  # fmt: skip
    assert refused(server, "streams/acme:order:none/events") == (404, "stream_not_found")
    assert refused(server, "streams/nonsense/events") == (422, "invalid_id")
    assert refused(server, "streams/acme:order:o-1/events", after="9" * 39) == (422, "invalid_input")


def test_a_page_that_begins_within_a_commit_has_the_rest_of_it(server: Server) -> None:
    items = [added() for _ in range(4)]
    head = server.store.head(order(server))
    server.store.append(O1, head, items)
    assert versions(look(server, "streams/acme:order:o-1/events", after=2)) == [3, 4, 5]
    assert versions(look(server, "streams/acme:order:o-1/events", after=4, order="desc")) == [3, 2, 1]


def test_what_cannot_be_read_is_shown_as_it_is_stored_with_the_reason(server: Server) -> None:
    stream = StreamId("acme", "account", "a")
    foreign(server, stream)
    page = look(server, f"streams/{stream}/events")
    (event,) = page["events"]
    assert (event["payload"], event["eventType"]) == ({"amount": 7, "note": "kept"}, "Deposited")
    assert "Deposited" in event["error"]
    assert look(server, "events")["events"][0] == {**event, "stream": str(stream)}
    state = look(server, f"streams/{stream}/state")
    assert (state["state"], state["version"]) == (None, 1)
    assert "'account'" in state["error"]
    assert look(server, f"streams/{stream}/rows")["projections"] == []
    verified = look(server, f"streams/{stream}/verify")
    assert (verified["intact"], [each["kind"] for each in verified["problems"]]) == (False, ["event"])


@pytest.mark.parametrize("events", ["not JSON", "{}", "[1]", '[{"type":"OrderItemAdded"}]', "[]"])
def test_a_commit_that_holds_no_events_stops_nothing(server: Server, events: str) -> None:
    order(server, items=2)
    second = list(server.store.commits(O1))[1]
    put(server, replace(second, events=events))
    for desc in ("asc", "desc"):
        shown = look(server, "streams/acme:order:o-1/events", order=desc)["events"]
        assert {1, 3} <= {event["version"] for event in shown if not event["error"]}
    assert look(server, "events")["events"][-1]["version"] == 3
    assert look(server, "streams/acme:order:o-1/verify")["problems"][0]["version"] == 2
    assert look(server, "streams/acme:order:o-1/state")["state"] is None
    assert look(server, "streams/acme:order:o-1/state", atVersion=1)["state"]["orderId"] == "o-1"
    assert [each["equal"] for each in look(server, "streams/acme:order:o-1/rows")["projections"]].count(True) == 0
    assert look(server, "streams")["streams"][0]["version"] == 3


def test_a_state_is_shown_as_of_a_version_and_a_moment(server: Server) -> None:
    order(server, items=5)
    write_snapshot(server.store, DECIDER, O1)
    server.clock.move(timedelta(hours=1))
    between = server.clock.now
    server.clock.move(timedelta(hours=1))
    server.post("/orders/o-1/pay", {"amount": 1})
    whole = look(server, "streams/acme:order:o-1/state")
    for version in range(1, whole["version"] + 1):
        shown = look(server, "streams/acme:order:o-1/state", atVersion=version)
        folded = DECIDER.fold(event.payload for event in server.store.read(O1, to_version=version))
        assert shown["state"] == folded.model_dump(mode="json", by_alias=True)
        assert (shown["version"], shown["streamVersion"], shown["error"]) == (version, whole["version"], None)
    assert look(server, "streams/acme:order:o-1/state", at=between.isoformat())["version"] == 6
    path = "streams/acme:order:o-1/state"
    assert refused(server, path, atVersion=99) == (404, "version_not_found")
    assert refused(server, path, at="2001-01-01T00:00:00Z") == (404, "version_not_found")
    assert refused(server, path, at="2001-01-01T00:00:00Z", atVersion=1) == (422, "ambiguous_time")


def test_a_moment_of_a_damaged_stream_is_refused_with_the_reason(server: Server) -> None:
    order(server, items=2)
    put(server, replace(list(server.store.commits(O1))[-1], parts=2))
    path = "streams/acme:order:o-1/state"
    assert refused(server, path, at=server.clock.now.isoformat()) == (409, "stream_unreadable")
    assert look(server, path, atVersion=2)["state"]["itemCount"] == 2


def test_rows_stand_beside_what_the_events_say(server: Server) -> None:
    order(server, items=1)
    path = "streams/acme:order:o-1/rows"

    def found(**query: Any) -> dict[str, Any]:
        return {each["projection"]: each for each in look(server, path, **query)["projections"]}

    on_its_way = found()["order"]
    assert (on_its_way["equal"], on_its_way["held"], on_its_way["version"]) == (None, None, 0)
    server.clock.move(timedelta(minutes=1))
    assert (found()["order"]["equal"], found()["order"]["detail"]) == (False, "the stream has no row")
    server.project()
    projected = found()
    order_row = projected["order"]
    assert (order_row["equal"], order_row["held"] == order_row["fold"], order_row["kind"]) == (True, True, "row")
    views = [each for each in projected.values() if each["kind"] == "view"]
    assert views
    assert {(each["equal"], each["version"]) for each in views} == {(None, 2)}
    row = server.views.states(server.projection_states.get(["order"])["order"].generation(), [O1])[O1]
    wrong = json.loads(row.state) | {"customerId": "c-9"}
    generation = server.projection_states.get(["order"])["order"].generation()
    server.views.put_state(generation, replace(row, state=json.dumps(wrong)), row.version)
    differing = found(projection="order")["order"]
    assert (differing["equal"], len(differing["fields"])) == (False, 1)
    assert "c-9" in json.dumps(differing["held"])
    assert refused(server, path, projection="nothing") == (404, "projection_not_found")


def test_a_lagging_row_is_compared_at_its_own_version(server: Server) -> None:
    order(server)
    server.project()
    server.post("/orders/o-1/items", ITEM)
    shown = look(server, "streams/acme:order:o-1/rows", projection="order")["projections"][0]
    assert (shown["equal"], shown["version"], shown["held"] == shown["fold"]) == (None, 1, True)


def test_answers_stay_below_what_lambda_takes(server: Server) -> None:
    """300 KB payloads of characters that JSON escapes twice, and a commit that no answer holds."""
    stream = order(server)
    text = '\u2028"é' * 100_000
    head = server.store.head(stream)
    for _ in range(7):
        head = server.store.append(stream, head, [added()]).head
    commits = list(server.store.commits(stream))
    for commit in commits[1:]:
        entries = json.loads(commit.events)
        entries[0]["data"]["note"] = text * (30 if commit.position == 5 else 1)
        put(server, replace(commit, events=json.dumps(entries)))
    seen, after = list[dict[str, Any]](), None
    for _ in range(40):
        answer = server.get(
            "/admin/streams/acme:order:o-1/events", claims=MAY, query={} if after is None else {"after": after}
        )
        assert len(json.dumps(answer)) < LAMBDA_TAKES
        seen, after = seen + body_of(answer)["events"], body_of(answer)["next"]
        if after is None:
            break
    assert [event["version"] for event in seen] == list(range(1, 9))
    assert [event["version"] for event in seen if event["payload"] is None] == [5]
    tailed, cursor = list[int](), {"since": "2020-01-01T00:00:00Z"}
    for _ in range(40):
        answer = server.get("/admin/events", claims=MAY, query=cursor)
        assert len(json.dumps(answer)) < LAMBDA_TAKES
        tailed += versions(body_of(answer))
        cursor = {"after": body_of(answer)["next"]}
        if body_of(answer)["atEnd"]:
            break
    assert tailed == list(range(1, 9))


def test_the_tail_is_followed_and_filtered(server: Server) -> None:
    order(server, "o-1", items=2)
    order(server, "o-2", tenant="other")
    newest = look(server, "events", limit=2)
    assert [(event["stream"], event["version"]) for event in newest["events"]] == [
        ("acme:order:o-1", 3), ("other:order:o-2", 1),
    ]  # fmt: skip
    assert versions(look(server, "events", after=newest["next"])) == []
    server.post("/orders/o-1/items", ITEM)
    assert versions(look(server, "events", after=newest["next"])) == [4]
    some = look(server, "events", types="OrderCreated,Nothing", since="2020-01-01T00:00:00Z", limit=1)
    rest = look(server, "events", types="OrderCreated,Nothing", after=some["next"])
    shown = [event["stream"] for event in some["events"] + rest["events"]]
    assert shown == ["acme:order:o-1", "other:order:o-2"]
    only = look(server, "events", tenant="other", since="2020-01-01T00:00:00Z")
    assert [event["stream"] for event in only["events"]] == ["other:order:o-2"]
    until = look(server, "events", since="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z")
    assert (until["events"], until["atEnd"]) == ([], True)
    assert refused(server, "events", tenant="x", after=some["next"]) == (400, "invalid_cursor")
    assert refused(server, "events", after=some["next"], since="2020-01-01T00:00:00Z") == (422, "ambiguous_time")


def test_older_events_are_shown_page_by_page(server: Server) -> None:
    order(server, "o-1", items=2)
    order(server, "o-2", tenant="other")
    server.store.append(O1, server.store.head(O1), [added(), added()])
    pages = [look(server, "events", order="descending", limit=2)]
    while not pages[-1]["atEnd"]:
        pages.append(look(server, "events", order="desc", limit=2, after=pages[-1]["next"]))
    shown = [[(event["stream"][:5], event["version"]) for event in page["events"]] for page in pages]
    assert shown == [[("acme:", 5), ("acme:", 4), ("other", 1)], [("acme:", 3), ("acme:", 2)], [("acme:", 1)]]
    only = {"order": "descending", "tenant": "acme", "types": "OrderItemAdded"}
    assert versions(look(server, "events", **only)) == [5, 4, 3, 2]
    third = pages[1]["events"][0]["timestamp"]
    assert versions(look(server, "events", **only, until=third)) == [3, 2]
    since = look(server, "events", **only, since=third)
    assert (versions(since), since["atEnd"]) == ([5, 4, 3], True)
    assert refused(server, "events", after=pages[0]["next"]) == (400, "invalid_cursor")
    assert refused(server, "events", **only, after=pages[0]["next"]) == (400, "invalid_cursor")
    again = {"order": "descending", "after": pages[0]["next"], "until": third}
    assert refused(server, "events", **again) == (422, "ambiguous_time")


def test_older_pages_of_little_that_is_wanted_end_early(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("MOST_READ", 2), ("MOST_ENTRIES", 3)):
        monkeypatch.setattr(tail, name, most)
    order(server, "o-1", items=4)
    order(server, "o-2", tenant="other")
    pages = [look(server, "events", order="descending", tenant="acme", types="OrderCreated")]
    while not pages[-1]["atEnd"]:
        query = {"tenant": "acme", "types": "OrderCreated", "after": pages[-1]["next"]}
        pages.append(look(server, "events", order="descending", **query))
    assert [versions(page) for page in pages] == [[], [], [1]]


def test_a_commit_of_more_events_than_fit_is_shown_in_part(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [added() for _ in range(30)]
    server.store.append(order(server), server.store.head(O1), items)
    for module in (contents, tail):
        monkeypatch.setattr(module, "MOST_BYTES", 4000)
    monkeypatch.setattr(contents, "SPARE_BYTES", 1000)
    pages, after = list[Any](), {"since": "2020-01-01T00:00:00Z"}
    while not pages or not pages[-1]["atEnd"]:
        pages.append(look(server, "events", **after))
        after = {"after": pages[-1]["next"]}
    shown = [event for page in pages for event in page["events"]]
    assert shown[-1]["error"].endswith("of this commit in an answer: show its stream")
    assert shown[-1]["payload"] is None
    seen, place = list[int](), 0
    while place is not None:
        page = look(server, "streams/acme:order:o-1/events", after=place)
        seen, place = seen + versions(page), page["next"]
    assert seen == list(range(1, 32))


def test_a_page_of_a_list_that_looked_into_many_streams_ends_early(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MOST_LOOKS", 2)
    for id in ("o-1", "o-2", "o-3", "o-4"):
        order(server, id)
    page = look(server, "streams", limit=1)
    pages = [(len(page["streams"]), page["stoppedEarly"])]
    while page["next"]:
        page = look(server, "streams", cursor=page["next"])
        pages.append((len(page["streams"]), page["stoppedEarly"]))
    assert pages == [(1, False), (2, True), (1, False)]


def test_a_page_of_the_log_that_read_much_and_found_nothing_ends_early(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST_READ", 2)
    order(server, items=4)
    pages = [look(server, "events", types="Nothing", since="2020-01-01T00:00:00Z")]
    while not pages[-1]["atEnd"]:
        pages.append(look(server, "events", types="Nothing", after=pages[-1]["next"]))
    assert [page["events"] for page in pages] == [[]] * 3


def test_what_was_recorded_at_the_moment_that_is_asked_for_is_shown(server: Server) -> None:
    order(server, items=1)
    first, second = look(server, "events")["events"]
    for moment, expected in ((first["timestamp"], [1]), (second["timestamp"], [1, 2])):
        assert versions(look(server, "events", since="2020-01-01T00:00:00Z", until=moment)) == expected


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_each_look_at_contents_is_logged_without_them(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    lines = Logger(service=f"test-{uuid4()}", stream=sys.stdout, level=level)
    monkeypatch.setattr(observability, "logger", lambda: lines)
    order(server)
    server.project()
    for path in ("events", "state", "rows", "verify"):
        look(server, f"streams/acme:order:o-1/{path}")
    look(server, "events")
    look(server, "streams")
    printed = capsys.readouterr().out
    said = [json.loads(line) for line in printed.splitlines()]
    assert [each["looked_at"] for each in said] == ["events", "state", "rows", "log"]
    assert {(each["actor"], each["client"], each["level"]) for each in said} == {("operator-1", "browser-1", level)}
    assert (said[0]["stream"], said[0]["versions"]) == ("acme:order:o-1", [1, 1])
    assert said[3]["streams"] == {"acme:order:o-1": [1, 1]}
    assert not re.search(r"\bc-1\b", printed), "as a word: ids hold its letters, too"


def test_damage_is_named(server: Server) -> None:
    order(server, items=2)
    assert look(server, "streams/acme:order:o-1/verify")["intact"] is True
    second = list(server.store.commits(O1))[1]
    put(server, replace(second, events=second.events.replace("sku-0", "sku-X")))
    found = look(server, "streams/acme:order:o-1/verify")
    assert [(each["kind"], each["version"]) for each in found["problems"]] == [("digest", 2)]
    assert refused(server, "streams/acme:order:none/verify") == (404, "stream_not_found")


@pytest.mark.parametrize("place", ["", "x" * 3000, "\x00"])
@pytest.mark.parametrize("path", ["streams", "events"])
def test_a_cursor_that_was_made_up_is_refused_or_harmless(server: Server, path: str, place: str) -> None:
    from banyan.projections.pages import make_cursor

    order(server)
    query = ["streams", None, None, None] if path == "streams" else ["events", None, None, None]
    name = "cursor" if path == "streams" else "after"
    answer: Answer = server.get(f"/admin/{path}", claims=MAY, query={name: make_cursor(query, place, "~")})
    assert answer["statusCode"] in (200, 400)
    assert answer["statusCode"] == 400 or place == "\x00"
