"""Every route of the orders API, from the request to the answer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from tests.orders.support.http import ITEM, ORDER, Answer, Server, body_of

from banyan.streams import StreamId

DECEMBER = {"X-Occurred-At": "2010-12-01T08:26:00Z"}


@pytest.fixture
def server() -> Server:
    return Server()


def order(server: Server, **query: Any) -> Any:
    return body_of(server.get("/orders/o-1", query=query))


def outcome(answer: Answer) -> tuple[int, Any, str]:
    found = body_of(answer)
    return answer["statusCode"], (found["version"], found["status"], found["totalAmount"]), answer["headers"]["ETag"]


def test_an_order_from_creation_to_cancellation(server: Server) -> None:
    assert outcome(server.post("/orders", ORDER)) == (201, (1, "created", "5.00"), '"1"')
    assert outcome(server.post("/orders/o-1/items", {**ITEM, "price": 0.1})) == (200, (2, "created", "5.20"), '"2"')
    assert outcome(server.post("/orders/o-1/pay", {"amount": "5.2"})) == (200, (3, "paid", "5.20"), '"3"')
    assert outcome(server.post("/orders/o-1/cancel", {"reason": "late"})) == (200, (4, "cancelled", "5.20"), '"4"')


def test_money_goes_in_as_text_or_number_and_comes_out_as_exact_text(server: Server) -> None:
    server.post("/orders", '{"orderId":"o-1","customerId":"c","items":[{"sku":"A","quantity":3,"price":0.1}]}')
    server.post("/orders/o-1/items", '{"sku":"B","quantity":1,"price":12345678901.0001}')
    found = order(server)
    assert found["totalAmount"] == "12345678901.3001"
    assert [item["price"] for item in found["items"]] == ["0.10", "12345678901.0001"]


def test_an_order_without_an_id_gets_one(server: Server) -> None:
    ids = {body_of(server.post("/orders", {"customerId": "c", "items": [ITEM]}))["orderId"] for _ in range(3)}
    assert len(ids) == 3
    assert all(server.get(f"/orders/{found}")["statusCode"] == 200 for found in ids)


def test_who_asked_and_when_stands_in_the_metadata(server: Server) -> None:
    answer = server.post("/orders", ORDER, X_Correlation_Id="request-7", **DECEMBER)
    assert answer["headers"]["X-Correlation-Id"] == "request-7"
    (event,) = body_of(server.get("/orders/o-1/events"))["events"]
    assert event["metadata"] == {
        "correlationId": "request-7",
        "causationId": "gateway-1",
        "actor": "user-1",
        "occurredAt": "2010-12-01T08:26:00Z",
        "traceparent": "",
        "schemaVersion": 3,
    }
    assert event["timestamp"].startswith("2026-")


def test_every_answer_has_a_correlation_id(server: Server) -> None:
    answers = [server.get("/health", tenant=None), server.get("/nowhere"), server.get("/orders", tenant=None)]
    assert len({answer["headers"]["X-Correlation-Id"] for answer in answers}) == 3


def test_a_command_at_the_version_the_caller_saw(server: Server) -> None:
    server.post("/orders", ORDER)
    assert server.post("/orders/o-1/items", ITEM, if_match='"1"')["statusCode"] == 200
    conflict = server.post("/orders/o-1/items", ITEM, if_match='"1"')
    assert conflict["statusCode"] == 412
    assert {"code": "version_conflict", "expected": 1, "actual": 2}.items() <= body_of(conflict).items()
    assert server.commits() == 2
    assert server.post("/orders/o-1/items", ITEM, if_match="*")["statusCode"] == 200


def test_a_known_version_is_not_sent_again(server: Server) -> None:
    server.post("/orders", ORDER)
    answer = server.get("/orders/o-1", if_none_match='"1"')
    assert (answer["statusCode"], answer["body"], answer["headers"]["ETag"]) == (304, "", '"1"')
    server.post("/orders/o-1/items", ITEM)
    assert server.get("/orders/o-1", if_none_match='"1"')["statusCode"] == 200


def test_an_order_is_served_from_the_read_model_when_it_is_there(server: Server) -> None:
    server.post("/orders", ORDER)
    assert order(server)["servedFrom"] == "stream"
    server.project()
    found = order(server)
    assert (found["servedFrom"], found["version"], found["stalenessMs"]) == ("projection", 1, 0)
    assert {"orderId": "o-1", "customerId": "c-1", "status": "created", "items": [ITEM]}.items() <= found.items()


def test_a_read_model_that_lags_says_by_how_much(server: Server) -> None:
    server.post("/orders", ORDER)
    server.project()
    server.post("/orders/o-1/items", ITEM)
    server.clock.move(timedelta(seconds=30))
    found = order(server)
    assert (found["servedFrom"], found["version"], len(found["items"])) == ("projection", 1, 1)
    assert 30_000 <= found["stalenessMs"] < 30_100


def test_what_a_command_answered_can_be_read_at_once(server: Server) -> None:
    server.post("/orders", ORDER)
    server.project()
    version = body_of(server.post("/orders/o-1/items", ITEM))["version"]
    found = order(server, minVersion=version)
    assert (found["servedFrom"], found["version"], len(found["items"]), found["stalenessMs"]) == ("stream", 2, 2, 0)


def test_an_order_may_say_its_total(server: Server) -> None:
    assert outcome(server.post("/orders", {**ORDER, "totalAmount": "5.00"})) == (201, (1, "created", "5.00"), '"1"')
    (event,) = body_of(server.get("/orders/o-1/events"))["events"]
    assert event["payload"]["totalAmount"] == "5.00"


def test_time_travel(server: Server) -> None:
    server.post("/orders", ORDER, **DECEMBER)
    server.post("/orders/o-1/items", ITEM)
    server.post("/orders/o-1/pay", {"amount": "10"})
    server.project()
    found = [order(server, atVersion=version) for version in (1, 2, 3)]
    assert [(f["version"], f["status"], f["totalAmount"]) for f in found] == [
        (1, "created", "5.00"),
        (2, "created", "10.00"),
        (3, "paid", "10.00"),
    ]
    assert found[0]["asOf"] < found[1]["asOf"] < found[2]["asOf"]


def test_time_travel_by_time(server: Server) -> None:
    """``at`` is what was known by then; an order of December that was recorded today is effective then."""
    server.post("/orders", ORDER, **DECEMBER)
    server.post("/orders/o-1/items", ITEM)
    first, second = (event["timestamp"] for event in body_of(server.get("/orders/o-1/events"))["events"])

    assert [order(server, at=moment)["version"] for moment in (first, second)] == [1, 2]
    assert order(server, at=second)["asOf"] == second
    assert server.get("/orders/o-1", query={"at": "2011-01-01T00:00:00Z"})["statusCode"] == 404
    assert order(server, effectiveAt="2011-01-01T01:00:00+01:00")["version"] == 1
    assert order(server, effectiveAt=second)["version"] == 2


@pytest.mark.parametrize("parameter", ["at", "effectiveAt"])
def test_no_answer_is_about_a_time_to_come(server: Server, parameter: str) -> None:
    server.post("/orders", ORDER)
    asked = server.clock.now
    answer = order(server, **{parameter: "9999-12-31T23:59:59-23:59"})
    assert asked < datetime.fromisoformat(answer["asOf"]) <= server.clock.now
    then = asked.astimezone(timezone(timedelta(hours=5))).isoformat()
    assert order(server, **{parameter: then})["asOf"] == asked.isoformat().replace("+00:00", "Z")


def test_nothing_is_effective_before_its_order(server: Server) -> None:
    """An item of December, of an order that was made today."""
    server.post("/orders", ORDER)
    server.post("/orders/o-1/items", {**ITEM, "sku": "B"}, **DECEMBER)
    made = body_of(server.get("/orders/o-1/events"))["events"][0]["timestamp"]

    assert server.get("/orders/o-1", query={"effectiveAt": "2011-01-01T00:00:00Z"})["statusCode"] == 404
    assert order(server, effectiveAt=made)["totalAmount"] == "10.00"


def test_events_are_paged(server: Server) -> None:
    server.post("/orders", ORDER)
    for _ in range(4):
        server.post("/orders/o-1/items", ITEM)
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = body_of(server.get("/orders/o-1/events", query={"after": after, "limit": 2}))
        seen += [event["version"] for event in page["events"]]
        after = page["next"]
        assert page["version"] == 5
    assert seen == [1, 2, 3, 4, 5]
    behind = body_of(server.get("/orders/o-1/events", query={"after": 5}))
    assert (behind["events"], behind["next"]) == ([], None)


def test_an_event_comes_whole(server: Server) -> None:
    server.post("/orders", ORDER)
    (event,) = body_of(server.get("/orders/o-1/events"))["events"]
    assert (event["eventType"], event["version"], event["payload"]) == (
        "OrderCreated",
        1,
        {**ORDER, "totalAmount": "5.00"},
    )
    assert event["eventId"]


def make(server: Server, name: str, customer: str, *, paid: bool = False, day: int = 1, tenant: str = "acme") -> None:
    when = {"X-Occurred-At": f"2010-12-{day:02}T12:00:00Z"}
    body = {"orderId": name, "customerId": customer, "items": [ITEM]}
    assert server.post("/orders", body, tenant=tenant, **when)["statusCode"] == 201
    if paid:
        assert server.post(f"/orders/{name}/pay", {"amount": 5}, tenant=tenant, **when)["statusCode"] == 200
    server.project(name, tenant)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["o-4", "o-3", "o-2", "o-1"]),
        ({"customer": "ann"}, ["o-3", "o-1"]),
        ({"status": "paid"}, ["o-4", "o-3"]),
        ({"customer": "ann", "status": "paid"}, ["o-3"]),
        ({"customer": "nobody"}, []),
        ({"status": "cancelled"}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_orders_are_listed_newest_first_page_by_page(
    server: Server, query: dict[str, str], expected: list[str], limit: int
) -> None:
    for number, (customer, paid) in enumerate([("ann", False), ("bob", False), ("ann", True), ("bob", True)], 1):
        make(server, f"o-{number}", customer, paid=paid, day=number)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = body_of(server.get("/orders", query={**query, "limit": limit, **cursor}))
        assert len(page["orders"]) <= limit
        seen += [found["orderId"] for found in page["orders"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert seen == expected


def test_a_list_says_how_fresh_it_is(server: Server) -> None:
    empty = body_of(server.get("/orders"))
    assert (empty["version"], empty["asOf"], empty["stalenessMs"]) == (0, None, 0)
    make(server, "o-1", "ann", paid=True)
    page = body_of(server.get("/orders"))
    (recorded,) = {body_of(server.get("/orders/o-1/events"))["events"][-1]["timestamp"]}
    assert (page["version"], page["asOf"], page["servedFrom"]) == (2, recorded, "projection")
    assert page["stalenessMs"] > 0
    assert page["orders"][0]["version"] == 2


def test_totals_of_a_customer(server: Server) -> None:
    make(server, "o-1", "Ann Lee", paid=True)
    make(server, "o-2", "Ann Lee")
    found = body_of(server.get("/customers/Ann Lee/totals"))
    assert {
        "customerId": "Ann Lee",
        "orders": 2,
        "paidOrders": 1,
        "paidAmount": "5.00",
        "cancelledOrders": 0,
        "refundedAmount": "0.00",
        "version": 3,
        "servedFrom": "projection",
    }.items() <= found.items()
    nobody = body_of(server.get("/customers/nobody/totals"))
    assert (nobody["orders"], nobody["paidAmount"], nobody["version"], nobody["asOf"]) == (0, "0.00", 0, None)


@pytest.mark.parametrize("customer", ["Lee, Ann & Sons", "Müller", "ann@example.org", "O'Neil (UK)"])
def test_customers_may_have_names(server: Server, customer: str) -> None:
    make(server, "o-1", customer)
    assert body_of(server.get(f"/customers/{customer}/totals"))["orders"] == 1
    listed = body_of(server.get("/orders", query={"customer": customer}))["orders"]
    assert [found["customerId"] for found in listed] == [customer]


def test_sales_per_day_over_a_turn_of_the_year(server: Server) -> None:
    for name, day in (
        ("o-1", "2010-12-31T23:59:59Z"),
        ("o-2", "2011-01-01T00:30:00+01:00"),
        ("o-3", "2011-01-02T00:00:00Z"),
    ):
        server.post("/orders", {**ORDER, "orderId": name}, X_Occurred_At=day)
        server.post(f"/orders/{name}/pay", {"amount": 5}, X_Occurred_At=day)
        server.project(name)
    found = body_of(server.get("/sales/daily", query={"from": "2010-12-31", "to": "2011-01-02"}))
    assert [(day["day"], day["orders"], day["net"]) for day in found["days"]] == [
        ("2010-12-31", 2, "10.00"),
        ("2011-01-02", 1, "5.00"),
    ]
    inside = body_of(server.get("/sales/daily", query={"from": "2011-01-01", "to": "2011-01-01"}))
    assert (inside["days"], inside["version"]) == ([], 0)


def test_sales_and_orders_page_in_both_directions_between_days(server: Server) -> None:
    for day in ("2010-12-30", "2010-12-31", "2011-01-01", "2011-01-02"):
        server.post("/orders", {**ORDER, "orderId": f"o-{day}"}, X_Occurred_At=f"{day}T23:59:59Z")
        server.post(f"/orders/o-{day}/pay", {"amount": 5}, X_Occurred_At=f"{day}T23:59:59Z")
        server.project(f"o-{day}")
    between = {"from": "2010-12-31", "to": "2011-01-02"}
    days = ["2010-12-31", "2011-01-01", "2011-01-02"]
    for order, expected in [("ascending", days), ("descending", days[::-1])]:
        query = {**between, "order": order}
        assert _joined(server, "/sales/daily", "days", "day", query) == expected
        assert _joined(server, "/orders", "orders", "orderId", query) == [f"o-{day}" for day in expected]
    until = _joined(server, "/orders", "orders", "orderId", {"to": "2010-12-31"})
    assert until == ["o-2010-12-31", "o-2010-12-30"]


def _joined(server: Server, path: str, members: str, name: str, query: dict[str, str]) -> list[str]:
    """One member of each page, page by page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = body_of(server.get(path, query={**query, "limit": 2, **cursor}))
        found += [each[name] for each in page[members]]
        if page["cursor"] is None:
            return found
        cursor = {"cursor": page["cursor"]}


def test_the_body_is_json_whatever_its_content_type_says(server: Server) -> None:
    kinds = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
    for number, kind in enumerate(kinds):
        answer = server.post("/orders", {**ORDER, "orderId": f"o-{number}"}, content_type=kind)
        assert answer["statusCode"] == 201, kind


def test_health_reads_the_tables(server: Server) -> None:
    assert body_of(server.get("/health", tenant=None)) == {"status": "ok", "tables": ["events", "views", "cursors"]}


def test_the_stream_is_named_by_tenant_entity_and_order(server: Server) -> None:
    server.post("/orders", ORDER, tenant="other")
    assert server.store.get_stream_version(StreamId("other", "order", "o-1")) == 1
