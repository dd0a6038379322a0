"""Orders reach the API in sequence, several at a time."""

from collections import Counter
from threading import Barrier

from tests.orders.unit.importer.fake_api import FakeApi, refused, together
from tests.orders.unit.importer.rows import COMMANDS, planned
from tests.support.clocks import PATIENCE

from orders.tools.importer.api import Api
from orders.tools.importer.planning import Order
from orders.tools.importer.sending import send, send_all


def test_an_order_is_sent_in_sequence(api: Api, remote: FakeApi, order: Order) -> None:
    outcome = send(api, order)
    steps = ["/orders", "/orders/1/items", "/orders/1/items", "/orders/1/pay", "/orders/1/cancel"]
    assert [path for _, path, _ in remote.requests] == steps
    assert (outcome.now, outcome.before, outcome.failure) == (COMMANDS, {}, None)
    assert remote.orders["1"]["status"] == "cancelled"


def test_prices_are_sent_as_text_as_in_the_file(api: Api, remote: FakeApi, order: Order) -> None:
    send(api, order)
    assert [item["price"] for item in remote.orders["1"]["items"]] == ["1.50", "2.001", "4", "0.10"]


def test_each_command_says_the_time_of_the_file(api: Api, remote: FakeApi, order: Order) -> None:
    send(api, order)
    times = [headers["X-Occurred-At"] for _, _, headers in remote.requests]
    assert times == [f"2010-12-01T{time}:00Z" for time in ("08:00", "08:01", "08:02", "08:02", "09:30")]


def test_each_command_builds_on_the_one_before(api: Api, remote: FakeApi, order: Order) -> None:
    send(api, order)
    assert [headers.get("If-Match") for _, _, headers in remote.requests] == [None, '"1"', '"2"', '"3"', '"4"']


def test_equal_lines_of_one_minute_are_added_one_by_one(api: Api, remote: FakeApi) -> None:
    send(api, planned("1 A 1 8:00 1", "1 B 1 8:01 1", "1 B 1 8:01 1").orders[0])
    assert [item["sku"] for item in remote.orders["1"]["items"]] == ["A", "B", "B"]


def test_one_failed_order_stops_no_other(api: Api, remote: FakeApi) -> None:
    orders = planned(*(f"{n} A 1 8:00 1" for n in range(1, 9))).orders
    remote.fail("/orders/3/pay", refused(422, "amount_mismatch"))
    outcomes = send_all(api, orders, workers=3)
    assert [outcome.order.id for outcome in outcomes if outcome.failure] == ["3"]
    assert Counter(order["status"] for order in remote.orders.values()) == {"paid": 7, "created": 1}


def test_no_more_orders_are_under_way_than_workers(api: Api, remote: FakeApi) -> None:
    send_all(api, planned(*(f"{n} A 1 8:00 1" for n in range(1, 20))).orders, workers=2)
    assert remote.most_at_once <= 2
    assert len(remote.orders) == 19


def test_orders_are_sent_side_by_side(api: Api, remote: FakeApi) -> None:
    meeting = Barrier(2, timeout=PATIENCE)
    remote.fail("/orders", *[together(remote, meeting)] * 2)
    outcomes = send_all(api, planned("1 A 1 8:00 1", "2 A 1 8:00 1").orders, workers=2)
    assert [outcome.failure for outcome in outcomes] == [None, None]


def test_each_order_is_reported_as_it_ends(api: Api) -> None:
    told: list[str] = []
    orders = planned(*(f"{n} A 1 8:00 1" for n in range(1, 9))).orders
    send_all(api, orders, workers=3, done=lambda outcome: told.append(outcome.order.id))
    assert sorted(told) == [order.id for order in orders]
