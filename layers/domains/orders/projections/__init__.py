"""Read models of orders."""

from typing import Final

from orders.projections.customer_totals import CUSTOMER_TOTALS
from orders.projections.daily_sales import DAILY_SALES
from orders.projections.order import ORDER_DETAILS
from orders.projections.order_list import ORDER_LIST
from orders.projections.stock import STOCK

PROJECTIONS: Final = (ORDER_DETAILS, ORDER_LIST, CUSTOMER_TOTALS, DAILY_SALES, STOCK)

__all__ = ["CUSTOMER_TOTALS", "DAILY_SALES", "ORDER_DETAILS", "ORDER_LIST", "PROJECTIONS", "STOCK"]
