"""The rules that make orders of invoices, and cancellations of credit notes."""

from decimal import Decimal

from tests.unit.importer.rows import planned
from tools.importer.planning import Order, Plan


def cancelled(made: Plan) -> dict[str, str]:
    return {order.id: order.note.id for order in made.orders if order.note}


def skus(order: Order) -> list[str]:
    return [line.sku for line in order.lines]


def test_an_invoice_is_an_order() -> None:
    (order,) = planned("1 A 2 8:00 1.50 7", "1 B 1 8:00 0.25 7").orders
    assert (order.id, order.customer, order.total, skus(order)) == ("1", "7", Decimal("3.25"), ["A", "B"])


def test_the_first_minute_creates_and_later_minutes_add() -> None:
    (order,) = planned("1 A 1 8:00 1", "1 B 1 8:00 1", "1 C 1 8:01 1", "1 D 1 8:03 1").orders
    assert [line.sku for line in order.created] == ["A", "B"]
    assert [line.sku for line in order.added] == ["C", "D"]


def test_lines_out_of_order_are_put_in_order() -> None:
    (order,) = planned("1 C 1 8:01 1", "1 A 1 8:00 1", "1 D 1 8:01 1", "1 B 1 8:00 1").orders
    assert skus(order) == ["A", "B", "C", "D"]


def test_the_first_minute_is_that_of_the_first_accepted_line() -> None:
    (order,) = planned("1 A 0 8:00 1", "1 B 1 8:01 1", "1 C 1 8:02 1").orders
    assert [line.sku for line in order.created] == ["B"]


def test_a_stock_code_met_twice_stays_two_lines() -> None:
    (order,) = planned("1 A 3 8:00 5.45", "1 A 1 8:00 5.45").orders
    assert [line.quantity for line in order.lines] == [3, 1]


def test_an_invoice_torn_in_two_is_one_order() -> None:
    made = planned("1 A 1 8:00 1", "2 B 1 8:00 1", "1 C 1 8:00 1")
    assert [(order.id, skus(order)) for order in made.orders] == [("1", ["A", "C"]), ("2", ["B"])]


def test_an_invoice_without_a_valid_line_makes_no_order() -> None:
    made = planned("1 A -1 8:00 1", "1 B 1 8:00 0", "2 A 1 8:00 1")
    assert [order.id for order in made.orders] == ["2"]
    assert made.without_order == ("1",)


def test_a_credit_note_cancels_the_latest_order_with_its_stock_code() -> None:
    made = planned("1 A 1 8:00 1 7", "2 A 1 8:00 1 7", "3 B 1 8:00 1 7", "C4 A -1 9:00 1 7")
    assert cancelled(made) == {"2": "C4"}


def test_only_the_first_line_of_a_credit_note_is_looked_at() -> None:
    made = planned("1 A 1 8:00 1 7", "2 B 1 8:00 1 7", "C3 A -1 9:00 1 7", "C3 B -1 9:00 1 7")
    assert cancelled(made) == {"1": "C3"}


def test_an_order_is_cancelled_once() -> None:
    made = planned("1 A 1 8:00 1 7", "2 A 1 8:00 1 7", *(f"C{n} A -1 9:00 1 7" for n in (3, 4, 5)))
    assert cancelled(made) == {"2": "C3", "1": "C4"}
    assert [note.id for note in made.unmatched] == ["C5"]


def test_a_credit_note_does_not_cancel_what_comes_later() -> None:
    assert cancelled(planned("C1 A -1 7:00 1 7", "2 A 1 8:00 1 7")) == {}


def test_a_credit_note_does_not_cancel_another_customers_order() -> None:
    assert cancelled(planned("1 A 1 8:00 1 7", "2 A 1 8:00 1", "C3 A -1 9:00 1 8")) == {}


def test_guests_count_as_one_customer() -> None:
    assert cancelled(planned("1 A 1 8:00 1", "2 A 1 8:00 1 7", "C3 A -1 9:00 1")) == {"1": "C3"}


def test_a_rejected_line_is_not_held() -> None:
    assert cancelled(planned("1 A 0 8:00 1 7", "1 B 1 8:00 1 7", "C2 A -1 9:00 1 7")) == {}


def test_lines_of_later_minutes_are_held() -> None:
    assert cancelled(planned("1 A 1 8:00 1 7", "1 B 1 8:01 1 7", "C2 B -1 9:00 1 7")) == {"1": "C2"}


def test_each_line_of_a_credit_note_is_counted_matched_or_not() -> None:
    made = planned("1 A 1 8:00 1 7", "C2 A -1 9:00 1 7", "C2 B -1 9:00 1 7", "C3 X -1 9:00 1 7")
    assert (made.lines_read, made.accepted, made.credited, len(made.rejected)) == (4, 1, 3, 0)
