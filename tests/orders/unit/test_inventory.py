"""Every rule of a stock, given / when / then, and the names of its stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.orders.unit.stock import (
    EARLIER,
    LATER,
    SKU,
    SOON,
    TRACKED,
    confirm,
    confirmed,
    receive,
    received,
    rejected,
    release,
    released,
    reserve,
    reserved,
    returned,
    take_back,
)

from banyan.streams import StreamId
from banyan.testing import DeciderSpec, ProjectionSpec
from orders import DOMAIN
from orders.inventory.commands import StockCommand
from orders.inventory.decider import INVENTORY, MAX_RECEIVED
from orders.inventory.skus import stock_id
from orders.inventory.state import Stock
from orders.projections import STOCK
from orders.projections.stock import StockLevel

SPEC = DeciderSpec(INVENTORY)
FIVE = SPEC.given(received(5))
STREAM = f"acme:inventory:{stock_id(SKU)}"

skus = st.from_regex(r"[!-~]([ -~]{0,62}[!-~])?", fullmatch=True)


@given(skus, skus)
def test_each_sku_has_a_stream_of_its_own(one: str, other: str) -> None:
    assert StreamId("acme", "inventory", stock_id(one)).id == stock_id(one)
    assert (stock_id(one) == stock_id(other)) == (one == other)


@pytest.mark.parametrize(("one", "other"), [("a/b", "a_2Fb"), ("_", "_5F"), ("a.b", "a_b"), ("-a", "a"), ("a", "A")])
def test_skus_that_look_alike_have_streams_of_their_own(one: str, other: str) -> None:
    assert stock_id(one) != stock_id(other)


def test_the_first_pieces_begin_the_tracking_and_further_ones_add_up() -> None:
    first = SPEC.when(receive(5)).then(received(5))
    assert first == Stock(sku=SKU, tracked_since=TRACKED, available=5)
    more = FIVE.when(receive(2, LATER)).then(received(2, LATER))
    assert (more.tracked_since, more.available) == (TRACKED, 7)


@pytest.mark.parametrize("quantity", [0, -1, MAX_RECEIVED + 1])
def test_refuses_a_quantity_out_of_range(quantity: int) -> None:
    SPEC.when(receive(quantity)).then_rejected("quantity_out_of_range", "quantity")


@pytest.mark.parametrize("command", [reserve("o/1", 1), confirm("o/1"), release("o/1"), take_back("o/1", 1)])
def test_a_sku_that_is_not_tracked_blocks_nothing_and_remembers_nothing(command: StockCommand) -> None:
    assert SPEC.when(command).then() == Stock()


@pytest.mark.parametrize("command", [reserve("o/1", 1, EARLIER), take_back("o/1", 1, EARLIER)])
def test_an_order_from_before_the_tracking_is_none_of_its_concern(command: StockCommand) -> None:
    FIVE.when(command).then()


def test_reserves_what_is_available_to_the_last_piece() -> None:
    state = FIVE.when(reserve("o/1", 5, TRACKED)).then(reserved("o/1", 5, TRACKED))
    assert (state.available, state.reserved) == (0, {"o/1": 5})


def test_rejects_what_is_not_available_and_remembers_it() -> None:
    state = FIVE.given(reserved("o/1", 3)).when(reserve("p/1", 3)).then(rejected("p/1", 3, 2))
    assert (state.available, state.rejected) == (2, {"p/1": 3})


def test_answers_the_same_reservation_once() -> None:
    FIVE.given(reserved("o/1", 3)).when(reserve("o/1", 3)).then()
    FIVE.given(rejected("o/1", 6, 5)).when(reserve("o/1", 6)).then()


def test_sells_what_is_reserved_and_forgets_it() -> None:
    state = FIVE.given(reserved("o/1", 3)).when(confirm("o/1")).then(confirmed("o/1", 3))
    assert state == Stock(sku=SKU, tracked_since=TRACKED, available=2)


def test_sells_nothing_that_was_rejected() -> None:
    assert FIVE.given(rejected("o/1", 6, 5)).when(confirm("o/1")).then().rejected == {"o/1": 6}


def test_gives_free_what_is_reserved() -> None:
    state = FIVE.given(reserved("o/1", 3)).when(release("o/1")).then(released("o/1", 3))
    assert state == Stock(sku=SKU, tracked_since=TRACKED, available=5)


def test_gives_nothing_free_for_a_rejection_but_forgets_it() -> None:
    state = FIVE.given(rejected("o/1", 6, 5)).when(release("o/1")).then(released("o/1", 0))
    assert state == Stock(sku=SKU, tracked_since=TRACKED, available=5)


@pytest.mark.parametrize("command", [confirm("o/2"), release("o/2")])
def test_touches_no_other_reservation(command: StockCommand) -> None:
    assert FIVE.given(reserved("o/1", 3)).when(command).then().reserved == {"o/1": 3}


def test_takes_back_what_was_sold() -> None:
    sold = FIVE.given(reserved("o/1", 3), confirmed("o/1", 3))
    assert sold.when(take_back("o/1", 3)).then(returned("o/1", 3)).available == 5


def test_takes_back_nothing_that_it_never_gave() -> None:
    refused = FIVE.given(rejected("o/1", 6, 5)).when(take_back("o/1", 6)).then(released("o/1", 0))
    unsold = FIVE.given(reserved("o/1", 3)).when(take_back("o/1", 3)).then(released("o/1", 3))
    assert refused == unsold == Stock(sku=SKU, tracked_since=TRACKED, available=5)


def test_takes_back_what_was_sold_soon_after_the_first_pieces_only_if_it_was_reserved() -> None:
    sold = FIVE.given(reserved("o/1", 3, SOON), confirmed("o/1", 3))
    sold.when(take_back("o/2", 3, SOON)).then()
    assert sold.when(take_back("o/1", 3, SOON)).then(returned("o/1", 3)) == FIVE.when(confirm("o/1")).then()


def test_remembers_a_reservation_soon_after_the_first_pieces_no_longer_than_it_can_be_returned() -> None:
    assert FIVE.given(reserved("o/1", 3, SOON)).when(release("o/1")).then(released("o/1", 3)).early == ()


def test_the_read_model_adds_up() -> None:
    rejections = ProjectionSpec(STOCK, DOMAIN.registry).given(STREAM, received(9)).given(STREAM, reserved("o/1", 3))
    rejections = rejections.given(STREAM, rejected("p/1", 7, 6)).given(STREAM, reserved("q/1", 2), reserved("r/1", 1))
    rejections.then_state(STREAM, StockLevel(sku=SKU, available=3, reserved=6, sold=0, rejections=1))
    settled = rejections.given(STREAM, confirmed("o/1", 3)).given(STREAM, confirmed("q/1", 2), released("r/1", 1))
    settled = settled.given(STREAM, released("p/1", 0)).given(STREAM, returned("q/1", 2))
    settled.then_state(STREAM, StockLevel(sku=SKU, available=6, reserved=0, sold=3, rejections=1))
