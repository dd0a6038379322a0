"""An import that is run again does what is missing, and nothing twice."""

import pytest
from tests.orders.unit.importer.fake_api import FakeApi, answered, refused
from tests.orders.unit.importer.rows import COMMANDS, planned

from orders.tools.importer.api import Api
from orders.tools.importer.planning import Order
from orders.tools.importer.sending import send


def test_a_repeat_changes_nothing(api: Api, remote: FakeApi, order: Order) -> None:
    send(api, order)
    first = dict(remote.orders)
    outcome = send(api, order)
    assert (outcome.now, outcome.before, outcome.failure) == ({}, COMMANDS, None)
    assert remote.orders == first


def test_a_repeat_after_the_keys_are_forgotten_changes_nothing(api: Api, remote: FakeApi, order: Order) -> None:
    send(api, order)
    first = dict(remote.orders)
    remote.forget_answers()
    outcome = send(api, order)
    assert (outcome.now, outcome.before, outcome.failure) == ({}, COMMANDS, None)
    assert remote.orders == first
    assert [path for method, path, _ in remote.requests if method == "GET"] == ["/orders/1"]


def test_an_import_by_another_user_changes_nothing(api: Api, remote: FakeApi, order: Order) -> None:
    send(api, order)
    first = dict(remote.orders)
    remote.fail("/orders", refused(422, "idempotency_key_reused"))
    outcome = send(api, order)
    assert (outcome.now, outcome.before, outcome.failure) == ({}, COMMANDS, None)
    assert remote.orders == first


def test_a_conflict_on_the_way_is_looked_at_no_older_than_it_was(api: Api, remote: FakeApi, order: Order) -> None:
    remote.fail("/orders/1/pay", lambda _: answered(412, {"code": "version_conflict", "actual": 3}))
    outcome = send(api, order)
    assert (outcome.now, outcome.before, outcome.failure) == (COMMANDS, {}, None)
    assert remote.asked == ["/orders/1?minVersion=3"]


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_an_import_continues_where_it_stopped(api: Api, remote: FakeApi, order: Order, steps: int) -> None:
    items, pay, cancel = "/orders/1/items", "/orders/1/pay", "/orders/1/cancel"
    earlier = [remote.answer] if steps == 2 else []
    remote.fail([items, items, pay, cancel][steps - 1], *earlier, refused(422, "no"))
    stopped = send(api, order)
    assert (stopped.failure and stopped.failure.code, sum(stopped.now.values())) == ("no", steps)
    remote.forget_answers()
    outcome = send(api, order)
    assert outcome.failure is None
    assert (sum(outcome.before.values()), outcome.before + outcome.now) == (steps, COMMANDS)
    assert [item["sku"] for item in remote.orders["1"]["items"]] == ["A", "B", "C", "D"]


@pytest.mark.parametrize("other", ["1 A 3 8:00 1.50 7", "1 A 2 8:00 1.51 7", "1 A 2 8:00 1.50 8", "1 Z 2 8:00 1.50 7"])
def test_an_order_with_other_contents_is_left_alone(api: Api, remote: FakeApi, order: Order, other: str) -> None:
    send(api, planned(other).orders[0])
    first = dict(remote.orders)
    outcome = send(api, order)
    assert outcome.failure
    assert outcome.failure.code == "order_differs"
    assert remote.orders == first


def test_an_order_of_another_customer_is_left_alone(api: Api) -> None:
    send(api, planned("1 A 2 8:00 1.50 8").orders[0])
    outcome = send(api, planned("1 A 2 8:00 1.50 7").orders[0])
    assert outcome.failure
    assert outcome.failure.code == "order_differs"


def test_an_open_order_with_fewer_lines_is_left_alone(api: Api, remote: FakeApi, order: Order) -> None:
    remote.fail("/orders/1/pay", refused(422, "no"))
    send(api, planned("1 A 2 8:00 1.50 7").orders[0])
    outcome = send(api, order)
    assert (outcome.failure and outcome.failure.code, remote.orders["1"]["version"]) == ("order_differs", 1)


def test_an_order_that_someone_cancelled_stays_cancelled(api: Api, remote: FakeApi) -> None:
    (order,) = planned("1 A 2 8:00 1.50 7").orders
    send(api, order)
    remote.orders["1"].update(status="cancelled", version=3)
    remote.forget_answers()
    outcome = send(api, order)
    assert (outcome.failure, outcome.now, remote.orders["1"]["status"]) == (None, {}, "cancelled")
