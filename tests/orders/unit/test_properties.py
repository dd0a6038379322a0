"""Whatever is asked of an order, in whatever order, it stays one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from banyan.errors import CommandRejected
from banyan.events import DomainEvent
from orders import DOMAIN
from orders.commands import AddItem, CancelOrder, Command, CreateOrder, PayOrder
from orders.decider import ORDER
from orders.events import Item, OrderCancelled, OrderCreated, OrderItemAdded, OrderPaid
from orders.projections import ORDER_DETAILS, ORDER_LIST
from orders.state import Order, OrderStatus

prices = st.decimals(min_value=Decimal("-1"), max_value=Decimal("99999.9999"), places=4)
skus = st.from_regex(r"[!-~]([ -~]{0,62}[!-~])?", fullmatch=True)
quantities = st.one_of(st.integers(-1, 20), st.just(1_000_001))
items = st.tuples(skus, quantities, prices).map(lambda each: Item(sku=each[0], quantity=each[1], price=each[2]))
lines = st.lists(items, max_size=4).map(tuple)
EXACT = "the exact total"
asked = st.one_of(
    lines.map(lambda ordered: CreateOrder(order_id="1", customer_id="guest", items=ordered)),
    items.map(lambda item: AddItem(item=item)),
    prices.map(lambda amount: PayOrder(amount=amount)),
    st.just(EXACT),
    st.just(CancelOrder(reason="late")),
)
courses = st.lists(asked, max_size=12)


def play(course: Sequence[Command | str]) -> tuple[list[DomainEvent], Order]:
    """Decide on each in turn; rejected commands change nothing."""
    events: list[DomainEvent] = []
    order = ORDER.initial()
    for each in course:
        command = PayOrder(amount=order.total_amount) if isinstance(each, str) else each
        try:
            decided = ORDER.decide(command, order)
        except CommandRejected:
            continue
        events += decided
        order = ORDER.fold(decided, order)
    return events, order


@given(courses)
def test_events_tell_the_life_of_one_order(course: Sequence[Command | str]) -> None:
    events, _ = play(course)
    kinds = [type(event) for event in events]
    grown = [kind for kind in kinds if kind not in (OrderPaid, OrderCancelled)]

    assert grown == [OrderCreated][: len(kinds)] + [OrderItemAdded] * (len(grown) - 1)
    assert tuple(kinds[len(grown) :]) in ((), (OrderPaid,), (OrderCancelled,), (OrderPaid, OrderCancelled))


@given(courses)
def test_the_total_is_the_sum_of_valid_lines_and_is_what_was_paid(course: Sequence[Command | str]) -> None:
    events, order = play(course)
    ordered = [item for event in events for item in lines_of(event)]
    paid = [event.amount for event in events if isinstance(event, OrderPaid)]
    refunded = [event.refunded_amount for event in events if isinstance(event, OrderCancelled)]

    assert order.total_amount == sum(item.quantity * item.price for item in ordered)
    assert order.item_count == len(ordered)
    assert all(item.quantity >= 1 and item.price > 0 for item in ordered)
    assert paid in ([], [order.total_amount])
    assert refunded in ([], [sum(paid)])


@given(courses)
def test_a_fold_in_steps_equals_a_fold_at_once(course: Sequence[Command | str]) -> None:
    events, order = play(course)

    assert ORDER.fold(events) == order
    for cut in range(len(events)):
        assert ORDER.fold(events[cut:], ORDER.fold(events[:cut])) == order


@given(courses)
def test_events_and_states_survive_json_to_the_penny(course: Sequence[Command | str]) -> None:
    events, order = play(course)

    for event in events:
        stored = event.model_dump(mode="json", by_alias=True)
        assert DOMAIN.registry.decode(event.event_type(), event.schema_version, stored) == event
    assert Order.model_validate_json(order.model_dump_json()) == order


def lines_of(event: DomainEvent) -> Sequence[Item]:
    match event:
        case OrderCreated(items=created):
            return created
        case OrderItemAdded(item=added):
            return (added,)
    return ()


def test_initial_rows_survive_json() -> None:
    for projection in (ORDER_DETAILS, ORDER_LIST):
        empty = projection.initial()
        assert projection.state.model_validate_json(empty.model_dump_json()) == empty


def test_a_course_of_commands_can_reach_every_status() -> None:
    bought = CreateOrder(order_id="1", customer_id="guest", items=(Item(sku="a", quantity=1, price=Decimal(1)),))
    course: list[Command | str] = [bought, EXACT, CancelOrder(reason="late")]
    reached = [play(course[:count])[1].status for count in range(4)]

    assert reached == [None, OrderStatus.CREATED, OrderStatus.PAID, OrderStatus.CANCELLED]
