"""An id that is accepted has a route that finds it; every other id is refused where it enters."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.orders.support.http import ITEM, OPERATOR, ORDER, Answer, Server, body_of, problem

from banyan.streams import StreamId
from banyan.text import fits_in_path
from banyan.traces import MemoryTraces, Timeline, Traces

UNROUTABLE = [".", "..", "web/42", "a\\b", "a?b", "/", "?", "\\"]
ODD = ["A#1", '24" TAPE', "A%231", "100%", "a+b", "a b", "{x}", "a;b=c", "...", "a|b^c`d", "<a>", "a&b", "~"]

VISIBLE = "".join(chr(code) for code in range(33, 127))
skus = st.one_of(
    st.sampled_from([*UNROUTABLE, *ODD]),
    st.text(VISIBLE + " ", min_size=1, max_size=64).filter(lambda sku: sku == sku.strip()),
)
customers = st.one_of(
    st.sampled_from([".", "..", "Smith, John", "राम कुमार", "O'Brien & Co", "a+b", "E\u0301milie", "สมชาย", "مُحَمَّد"]),
    st.text(st.characters(categories=["L", "M", "N"], include_characters=" .@_+:'&,()-"), min_size=1, max_size=40),
)
correlations = st.one_of(
    st.sampled_from([*UNROUTABLE, *(id for id in ODD if " " not in id)]), st.text(VISIBLE, min_size=1, max_size=128)
)


def path(*ids: str) -> str:
    """A path as API Gateway decodes it, once, after a client encoded each id."""
    return unquote("/" + "/".join(quote(id, safe="") for id in ids))


def refused(answer: Answer, field: str) -> bool:
    """Whether an id was refused, and then by the name of its field."""
    if answer["statusCode"] < 400:
        return False
    found: Any = body_of(answer)
    assert (found["code"], answer["statusCode"]) in {
        ("invalid_id", 422),
        ("invalid_input", 422),
        ("invalid_text", 422),
        ("malformed_header", 400),
    }
    assert found["field"].endswith(field)
    return True


@settings(max_examples=50)
@given(skus)
@example("3/4 INCH")
@example("a?b")
def test_a_sku_that_can_be_ordered_is_found(sku: str) -> None:
    server = Server()
    if refused(server.post("/orders", {**ORDER, "items": [{**ITEM, "sku": sku}]}), "sku"):
        assert not fits_in_path(sku)
        assert refused(server.post("/orders/o-1/items", {**ITEM, "sku": sku}), "sku")
        return
    assert problem(server.get(path("inventory", sku))) == (404, "sku_not_tracked")
    assert body_of(server.post(path("inventory", sku, "receive"), {"quantity": 3}))["sku"] == sku
    assert body_of(server.get(path("inventory", sku), query={"minVersion": 1}))["available"] == 3


@settings(max_examples=50)
@given(customers)
def test_a_customer_who_can_order_is_found(customer: str) -> None:
    server = Server()
    if refused(server.post("/orders", {**ORDER, "customerId": customer}), "customerId"):
        return
    server.project()
    totals = body_of(server.get(path("customers", customer, "totals")))
    listed = body_of(server.get("/orders", query={"customer": customer}))
    assert totals["orders"] == 1
    assert [order["orderId"] for order in listed["orders"]] == ["o-1"]
    assert totals["customerId"] == listed["orders"][0]["customerId"]


@settings(max_examples=50)
@given(st.one_of(st.sampled_from([*UNROUTABLE, *ODD]), st.text(min_size=1, max_size=30)))
def test_an_order_id_that_is_accepted_is_found(order_id: str) -> None:
    server = Server()
    if refused(server.post("/orders", {**ORDER, "orderId": order_id}), "orderId"):
        assert not set(order_id) <= set(string.ascii_letters)
        return
    found = server.get(path("orders", order_id), query={"minVersion": 1})
    assert body_of(found)["orderId"] == order_id
    assert server.post(path("orders", order_id, "items"), ITEM)["statusCode"] == 200


@settings(max_examples=50)
@given(correlations)
def test_a_correlation_id_that_is_accepted_has_a_route(correlation: str) -> None:
    server = Server()
    answer = server.post("/orders", ORDER, X_Correlation_Id=correlation)
    if refused(answer, "X-Correlation-Id"):
        assert not fits_in_path(correlation)
        return
    index = MemoryTraces()
    for commit in server.store.commits(StreamId("acme", "order", "o-1")):
        Traces(index, days=1).act(commit, server.store.decode(commit))
    vars(server.application)["timeline"] = Timeline(index, server.store)
    found = server.get(path("admin", "correlations", correlation), claims=OPERATOR)
    assert body_of(found)["correlationId"] == correlation


@pytest.mark.parametrize("id", UNROUTABLE)
def test_what_no_path_can_carry_is_refused_where_it_enters(id: str) -> None:
    server = Server()
    order = {**ORDER, "items": [ITEM, {**ITEM, "sku": id}]}
    assert problem(server.post("/orders", order)) == (422, "invalid_id")
    assert body_of(server.post("/orders", order))["field"] == "items.1.sku"
    assert problem(server.post("/orders", ORDER, X_Correlation_Id=id)) == (400, "malformed_header")
    assert server.commits() == 0


@pytest.mark.parametrize("id", ODD)
def test_what_a_path_can_carry_is_accepted(id: str) -> None:
    server = Server()
    assert server.post("/orders", {**ORDER, "items": [{**ITEM, "sku": id}]})["statusCode"] == 201
    if " " not in id:
        again = server.post("/orders", {**ORDER, "orderId": "o-2"}, X_Correlation_Id=id)
        assert (again["statusCode"], again["headers"]["X-Correlation-Id"]) == (201, id)


@pytest.mark.parametrize("tail", ["\n", "\r", "%0A", "\u2028"])
def test_no_other_spelling_of_a_path_finds_an_order(tail: str) -> None:
    server = Server()
    server.post("/orders", ORDER)
    assert problem(server.get(f"/orders/o-1{tail}"))[0] in (404, 422)
    assert problem(server.get(f"/orders{tail}"))[0] == 404


def test_ids_too_long_for_any_key_are_not_found() -> None:
    server = Server()
    assert problem(server.post(f"/orders/{'x' * 3000}/items", ITEM)) == (422, "invalid_id")
    assert problem(server.get(f"/inventory/{'x' * 3000}")) == (422, "invalid_input")
