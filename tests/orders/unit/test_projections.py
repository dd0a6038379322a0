"""Read models of orders, under every kind of delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from tests.orders.unit.samples import ADDED, CANCELLED, CREATED, HANGER, LANTERN, PAID, REFUNDED, created

from banyan.events import DomainEvent
from banyan.projections.base import Projection
from banyan.testing import ProjectionSpec
from banyan.testing.projections import START
from orders import DOMAIN
from orders.events import OrderCancelled
from orders.imported import OrderContent, OrderCorrected, OrderImported
from orders.projections import CUSTOMER_TOTALS, DAILY_SALES, ORDER_DETAILS, ORDER_LIST
from orders.projections.order import OrderDetails
from orders.projections.order_list import ALL, OrderSummary
from orders.state import OrderStatus

FIRST, SECOND, THIRD = "acme:order:536365", "acme:order:536366", "acme:order:536367"
LAST_MINUTE = datetime(2010, 12, 31, 23, 59, tzinfo=UTC)
NEW_YEAR = datetime(2011, 1, 1, 0, 1, tzinfo=UTC)

PAID_MORE = PAID.model_copy(update={"amount": Decimal("42.34")})


def spec(projection: Projection) -> ProjectionSpec:
    return ProjectionSpec(projection, DOMAIN.registry)


def test_shows_an_order_in_full() -> None:
    paid_at, cancelled_at = LAST_MINUTE, NEW_YEAR
    refunded = REFUNDED.model_copy(update={"refunded_amount": Decimal("42.34")})

    spec(ORDER_DETAILS).given(FIRST, CREATED, ADDED).given(FIRST, PAID_MORE, occurred_at=paid_at).given(
        FIRST, refunded, occurred_at=cancelled_at
    ).then_state(
        FIRST,
        OrderDetails(
            order_id="536365",
            customer_id="17850",
            status=OrderStatus.CANCELLED,
            total_amount=Decimal("42.34"),
            item_count=2,
            items=(LANTERN, HANGER),
            created_at=START,
            paid_at=paid_at,
            payment_method="card",
            cancelled_at=cancelled_at,
            cancel_reason="damaged",
            refunded_amount=Decimal("42.34"),
        ),
    )


def test_summarizes_an_order_without_its_lines() -> None:
    spec(ORDER_LIST).given(FIRST, CREATED, occurred_at=LAST_MINUTE).given(FIRST, ADDED).then_state(
        FIRST,
        OrderSummary(
            order_id="536365",
            customer_id="17850",
            status=OrderStatus.CREATED,
            total_amount=Decimal("42.34"),
            item_count=2,
            created_at=LAST_MINUTE,
        ),
    )


def test_lists_orders_newest_first_by_customer_status_and_all() -> None:
    listed = (
        spec(ORDER_LIST)
        .given(SECOND, created(order_id="536366"), occurred_at=LAST_MINUTE + timedelta(microseconds=1))
        .given(THIRD, created(order_id="536367", customer_id="guest"), occurred_at=LAST_MINUTE - timedelta(days=1))
        .given(FIRST, CREATED, occurred_at=LAST_MINUTE)
        .given(FIRST, PAID)
    )

    listed.then_listed("customer", "17850", SECOND, FIRST)
    listed.then_listed("customer", "guest", THIRD)
    listed.then_listed("status", "created", SECOND, THIRD)
    listed.then_listed("status", "paid", FIRST)
    listed.then_listed("status", "cancelled")
    listed.then_listed("all", ALL, SECOND, FIRST, THIRD)


def test_lists_by_moment_whatever_zone_it_was_given_in() -> None:
    noon_in_tokyo = datetime(2010, 12, 1, 12, 0, tzinfo=timezone(timedelta(hours=9)))
    four_without_zone = datetime(2010, 12, 1, 4, 0)  # noqa: DTZ001

    spec(ORDER_LIST).given(FIRST, CREATED, occurred_at=four_without_zone).given(
        SECOND, created(order_id="536366"), occurred_at=noon_in_tokyo
    ).then_listed("all", ALL, FIRST, SECOND)


def test_adds_up_what_a_customer_did() -> None:
    spec(CUSTOMER_TOTALS).given(FIRST, CREATED).given(FIRST, PAID).given(FIRST, REFUNDED).given(
        SECOND, created(order_id="536366")
    ).given(SECOND, PAID_MORE).given(THIRD, created(order_id="536367", customer_id="guest")).given(
        THIRD, cancelled(customer="guest")
    ).then_rows(
        {
            ("17850", "totals"): {
                "orders": 2,
                "paidOrders": 2,
                "paidAmount": Decimal("62.68"),
                "cancelledOrders": 1,
                "refundedAmount": Decimal("20.34"),
            },
            ("guest", "totals"): {"orders": 1, "cancelledOrders": 1, "refundedAmount": 0},
        }
    )


def test_books_a_sale_when_paid_and_a_refund_when_cancelled() -> None:
    spec(DAILY_SALES).given(FIRST, CREATED, occurred_at=LAST_MINUTE - timedelta(days=3)).given(
        FIRST, PAID, occurred_at=LAST_MINUTE
    ).given(SECOND, created(order_id="536366")).given(SECOND, PAID_MORE, occurred_at=LAST_MINUTE).given(
        FIRST, REFUNDED, occurred_at=NEW_YEAR
    ).then_rows(
        {
            ("2010-12", "2010-12-31"): {"orders": 2, "gross": Decimal("62.68"), "net": Decimal("62.68")},
            ("2011-01", "2011-01-01"): {"cancelled": 1, "refunded": Decimal("20.34"), "net": Decimal("-20.34")},
        }
    )


def test_books_the_day_in_utc() -> None:
    evening_in_new_york = datetime(2010, 12, 31, 20, 0, tzinfo=timezone(timedelta(hours=-5)))

    spec(DAILY_SALES).given(FIRST, CREATED, PAID, occurred_at=evening_in_new_york).then_rows(
        {("2011-01", "2011-01-01"): {"orders": 1, "gross": Decimal("20.34"), "net": Decimal("20.34")}}
    )


def test_books_nothing_for_an_order_that_was_never_paid() -> None:
    spec(DAILY_SALES).given(FIRST, CREATED, ADDED).given(FIRST, CANCELLED).then_rows({})


def test_books_the_day_of_recording_when_no_other_is_known() -> None:
    spec(DAILY_SALES).given(FIRST, CREATED, PAID).then_rows(
        {("2026-01", "2026-01-05"): {"orders": 1, "gross": Decimal("20.34"), "net": Decimal("20.34")}}
    )


def test_a_correction_takes_back_from_the_customer_that_was_told_before() -> None:
    told = OrderContent(
        customer_id="17850",
        items=(LANTERN,),
        status="cancelled",
        refunded_amount=Decimal("20.34"),
        created_at=START,
        paid_at=START,
        cancelled_at=NEW_YEAR,
    )
    paid = {"customer_id": "13047", "items": (LANTERN, HANGER), "status": "paid"}
    now = told.model_copy(update={**paid, "cancelled_at": None, "refunded_amount": Decimal(0)})

    spec(CUSTOMER_TOTALS).given(FIRST, OrderImported(order_id="536365", order=told)).given(
        FIRST, OrderCorrected(order_id="536365", order=now, previous=told)
    ).then_rows(
        {
            ("17850", "totals"): {
                "orders": 0,
                "paidOrders": 0,
                "paidAmount": Decimal(0),
                "cancelledOrders": 0,
                "refundedAmount": Decimal(0),
            },
            ("13047", "totals"): {"orders": 1, "paidOrders": 1, "paidAmount": Decimal("42.34")},
        }
    )


def test_keeps_tenants_apart() -> None:
    given = spec(CUSTOMER_TOTALS).given(FIRST, CREATED).given("other:order:536365", CREATED)

    given.then_rows({("17850", "totals"): {"orders": 1}})
    given.then_rows({("17850", "totals"): {"orders": 1}}, tenant="other")
    given.then_rows({}, tenant="third")


def cancelled(customer: str) -> DomainEvent:
    return OrderCancelled(order_id="536367", customer_id=customer, reason="late", refunded_amount=Decimal(0))
