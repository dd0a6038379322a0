"""The rules that make orders of invoices, and cancellations of credit notes."""

from collections import Counter
from decimal import Decimal

import pytest
from tests.orders.unit.importer.rows import planned

from orders.tools.importer.commands import commands
from orders.tools.importer.planning import Order, Plan
from orders.tools.importer.reading import Reason


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


def test_every_line_of_a_credit_note_is_looked_at() -> None:
    orders = ("1 A 1 8:00 1 7", "2 A 1 8:00 1 7", "2 B 1 8:00 1 7", "3 B 1 8:00 1 7")
    assert cancelled(planned(*orders, "C4 B -1 9:00 1 7", "C4 A -1 9:00 1 7")) == {"2": "C4"}
    assert cancelled(planned(*orders, "C4 B -1 9:00 1 7")) == {"3": "C4"}


@pytest.mark.parametrize(
    ("notes", "partial", "unmatched"),
    [
        (["C2 A -1 9:00 1 7"], ["C2"], []),
        (["C2 A -6 9:00 1 7"], ["C2"], []),
        (["C2 B -1 9:00 1 7"], ["C2"], []),
        (["C2 A -6 9:00 1 7", "C3 B -1 9:00 1 7"], ["C2", "C3"], []),
        (["C2 A -7 9:00 1 7"], [], ["C2"]),
        (["C2 A -6 9:00 1 7", "C2 B -1 9:00 1 7", "C2 X -1 9:00 1 7"], [], ["C2"]),
        (["C2 A -6 9:00 1 8", "C2 B -1 9:00 1 8"], [], ["C2"]),
    ],
)
def test_a_credit_note_for_a_part_of_an_order_cancels_nothing(
    notes: list[str], partial: list[str], unmatched: list[str]
) -> None:
    made = planned("1 A 6 8:00 1 7", "1 B 1 8:00 100 7", *notes)
    assert cancelled(made) == {}
    assert ([note.id for note in made.partial], [note.id for note in made.unmatched]) == (partial, unmatched)


@pytest.mark.parametrize(("ordered", "returned"), [("85123A", "85123"), ("85123", "85123A"), ("A", "AA"), ("AA", "a")])
def test_a_stock_code_is_matched_whole(ordered: str, returned: str) -> None:
    made = planned(f"1 {ordered} 1 8:00 1 7", f"C2 {returned} -1 9:00 1 7")
    assert ([note.id for note in made.unmatched], cancelled(made)) == (["C2"], {})


def test_lines_of_one_stock_code_are_added_up() -> None:
    made = planned("1 A 3 8:00 5.45 7", "1 A 1 8:00 4.95 7", "C2 A -2 9:00 5.45 7", "C2 A -2 9:00 5.45 7")
    assert cancelled(made) == {"1": "C2"}


def test_of_two_guests_orders_the_one_that_fits_is_cancelled_and_neither_when_both_do() -> None:
    assert cancelled(planned("1 A 6 8:00 1", "2 A 4 8:00 1", "C3 A -6 9:00 1")) == {"1": "C3"}
    both = planned("1 A 6 8:00 1", "2 A 6 8:00 1", "C3 A -6 9:00 1")
    assert (cancelled(both), [note.id for note in both.unmatched]) == ({}, ["C3"])


def test_a_line_without_a_customer_belongs_to_the_customer_of_its_invoice() -> None:
    (order,) = planned("1 A 1 8:00 1", "1 B 1 8:00 1 7").orders
    assert (order.customer, skus(order)) == ("7", ["A", "B"])


def test_an_invoice_of_two_customers_is_not_imported() -> None:
    made = planned("1 A 1 8:00 1 7", "1 B 1 8:00 1 8", "2 A 1 8:00 1 7", "C3 A -1 9:00 1 7", "C3 A -1 9:00 1 8")
    assert [order.id for order in made.orders] == ["2"]
    assert Counter(line.reason for line in made.rejected) == {Reason.CUSTOMERS: 4}
    assert made.without_order == ("1", "C3")


@pytest.mark.parametrize("lines", [1000, 1001, 2000])
def test_a_long_invoice_is_created_and_grown_in_steps(lines: int) -> None:
    (order,) = planned(*(f"1 S{number} 1 8:00 1" for number in range(lines))).orders
    steps = Counter(command.kind for command in commands(order))
    assert (len(order.created), len(order.added)) == (1000, lines - 1000)
    assert steps == {kind: count for kind, count in (("create", 1), ("add", lines - 1000), ("pay", 1)) if count}
    assert skus(order) == [f"S{number}" for number in range(lines)]


def test_an_invoice_that_no_order_can_hold_is_not_imported() -> None:
    made = planned(*(f"1 S{number} 1 8:00 1" for number in range(2001)), "2 A 1 8:00 1")
    assert [order.id for order in made.orders] == ["2"]
    assert Counter(line.reason for line in made.rejected) == {Reason.TOO_LONG: 2001}


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
    assert cancelled(planned("1 A 0 8:00 1 7", "1 B 1 8:00 1 7", "C2 A -1 9:00 1 7", "C2 B -1 9:00 1 7")) == {}


def test_lines_of_later_minutes_are_held() -> None:
    notes = ("C2 B -1 9:00 1 7", "C2 A -1 9:00 1 7")
    assert cancelled(planned("1 A 1 8:00 1 7", "1 B 1 8:01 1 7", *notes)) == {"1": "C2"}


def test_each_line_of_a_credit_note_is_counted_matched_or_not() -> None:
    made = planned("1 A 1 8:00 1 7", "C2 A -1 9:00 1 7", "C2 B -1 9:00 1 7", "C3 X -1 9:00 1 7")
    assert (made.lines_read, made.accepted, made.credited, len(made.rejected)) == (4, 1, 3, 0)
