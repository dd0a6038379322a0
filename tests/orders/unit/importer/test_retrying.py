"""What passes is tried again under the same key; what stays is reported."""

import pytest
from tests.orders.unit.importer.fake_api import FakeApi, Fault, answered, bare, cut, lost_answer, refused
from tests.orders.unit.importer.rows import COMMANDS, planned

from orders.tools.importer.api import Api
from orders.tools.importer.planning import Order
from orders.tools.importer.sending import send, send_all


@pytest.mark.parametrize(
    "fault",
    [
        refused(503, "unavailable"),
        bare(503),
        bare(504),
        bare(429),
        refused(409, "request_in_progress", {"Retry-After": "1"}),
        cut,
    ],
)
@pytest.mark.parametrize("path", ["/orders", "/orders/1/items", "/orders/1/pay", "/orders/1/cancel"])
def test_a_passing_fault_is_tried_again_under_the_same_key(
    api: Api, remote: FakeApi, order: Order, pauses: list[float], fault: Fault, path: str
) -> None:
    remote.fail(path, fault, fault)
    outcome = send(api, order)
    assert (outcome.now, outcome.failure) == (COMMANDS, None)
    assert len({headers["Idempotency-Key"] for headers in remote.posts(path)[:3]}) == 1
    assert len(pauses) == 2
    assert pauses[0] < pauses[1] * 1.01


@pytest.mark.parametrize("path", ["/orders", "/orders/1/items", "/orders/1/pay", "/orders/1/cancel"])
def test_a_lost_answer_does_nothing_twice(api: Api, remote: FakeApi, order: Order, path: str) -> None:
    remote.fail(path, lost_answer(remote))
    outcome = send(api, order)
    assert outcome.now + outcome.before == COMMANDS
    assert remote.orders["1"]["version"] == 5
    assert len(remote.orders["1"]["items"]) == 4


def test_a_fault_that_stays_is_reported_after_the_last_attempt(api: Api, remote: FakeApi, order: Order) -> None:
    remote.fail("/orders", *[refused(503, "unavailable")] * 6)
    outcome = send(api, order)
    assert (outcome.failure and outcome.failure.code, len(remote.requests)) == ("unavailable", 6)


@pytest.mark.parametrize(
    ("fault", "code"), [(refused(422, "too_many_items"), "too_many_items"), (bare(500), "http_500")]
)
def test_a_refusal_is_reported_with_its_code_at_once(
    api: Api, remote: FakeApi, order: Order, fault: Fault, code: str
) -> None:
    remote.fail("/orders/1/pay", fault)
    outcome = send(api, order)
    assert outcome.failure
    assert (outcome.failure.order, outcome.failure.code) == ("1", code)
    assert remote.kinds() == {"orders": 1, "items": 2, "pay": 1}


def test_an_answer_that_is_none_of_the_apis_is_reported(api: Api, remote: FakeApi, order: Order) -> None:
    remote.fail("/orders", bare(200))
    outcome = send(api, order)
    assert outcome.failure
    assert outcome.failure.code == "bad_answer"


def test_a_total_that_differs_is_reported(api: Api, remote: FakeApi, order: Order) -> None:
    remote.fail("/orders/1/pay", lambda _: answered(200, {"version": 4, "totalAmount": "9.99"}))
    outcome = send(api, order)
    assert outcome.failure
    assert outcome.failure.code == "total_differs"


def test_once_the_api_is_gone_no_further_order_is_tried(api: Api, remote: FakeApi) -> None:
    remote.fail("/orders", *[cut] * 100)
    outcomes = send_all(api, planned(*(f"{n} A 1 8:00 1" for n in range(1, 9))).orders, workers=1)
    assert [outcome.failure and outcome.failure.code for outcome in outcomes] == ["unreachable"] * 8
    assert len(remote.requests) == 6
