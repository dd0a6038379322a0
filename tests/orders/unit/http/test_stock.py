"""The routes of stock, from the request to the answer."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from tests.orders.support.http import Answer, Server, body_of, problem


@pytest.fixture
def server() -> Server:
    return Server()


def receive(server: Server, sku: str, quantity: object, **more: str) -> Answer:
    return server.post(f"/inventory/{sku}/receive", {"quantity": quantity}, **more)


def test_pieces_that_come_in_add_up(server: Server) -> None:
    first = receive(server, "PEN-BLUE", 5)
    assert (first["statusCode"], first["headers"]["ETag"]) == (200, '"1"')
    assert body_of(first) == {"sku": "PEN-BLUE", "version": 1, "available": 5}
    assert body_of(receive(server, "PEN-BLUE", 2)) == {"sku": "PEN-BLUE", "version": 2, "available": 7}
    found = server.get("/inventory/PEN-BLUE")
    assert found["headers"]["ETag"] == '"2"'
    level = {name: body_of(found)[name] for name in ("sku", "available", "reserved", "sold", "rejections", "version")}
    assert level == {"sku": "PEN-BLUE", "available": 7, "reserved": 0, "sold": 0, "rejections": 0, "version": 2}


def test_a_repeated_delivery_is_received_once(server: Server) -> None:
    answers = [receive(server, "A", 5, Idempotency_Key="delivery-1") for _ in range(2)]
    assert [body_of(answer)["available"] for answer in answers] == [5, 5]
    assert body_of(server.get("/inventory/A"))["available"] == 5


def test_each_sku_has_a_stock_of_its_own(server: Server) -> None:
    for number, sku in enumerate(["A", "a", "A.B", "A_B", "A-B", "A B"], start=1):
        assert body_of(receive(server, quote(sku), number))["available"] == number


def test_another_tenant_has_another_stock(server: Server) -> None:
    receive(server, "A", 5)
    assert problem(server.get("/inventory/A", tenant="globex")) == (404, "sku_not_tracked")
    assert body_of(receive(server, "A", 1, tenant="globex"))["available"] == 1


def test_a_sku_of_which_nothing_came_in_is_not_tracked(server: Server) -> None:
    assert problem(server.get("/inventory/A")) == (404, "sku_not_tracked")


@pytest.mark.parametrize(("quantity", "code"), [(0, "quantity_out_of_range"), (-1, "quantity_out_of_range")])
def test_pieces_are_at_least_one(server: Server, quantity: int, code: str) -> None:
    assert problem(receive(server, "A", quantity)) == (422, code)


@pytest.mark.parametrize("quantity", [1.5, "1", None, True])
def test_pieces_are_whole(server: Server, quantity: object) -> None:
    assert problem(receive(server, "A", quantity)) == (422, "invalid_input")


def test_a_name_that_is_no_sku_is_refused(server: Server) -> None:
    assert problem(receive(server, "A" * 65, 1)) == (422, "invalid_input")
    assert problem(server.get("/inventory/" + "A" * 65)) == (422, "invalid_input")


def test_stock_moves_only_from_the_version_that_was_seen(server: Server) -> None:
    receive(server, "A", 5)
    assert problem(receive(server, "A", 5, If_Match='"7"')) == (412, "version_conflict")
