"""Plans from a few words a line."""

from collections.abc import Mapping
from typing import Final

from orders.tools.importer.planning import Plan, plan
from orders.tools.importer.reading import HEADER, read

COMMANDS: Final[Mapping[str, int]] = {"create": 1, "add": 2, "pay": 1, "cancel": 1}


def planned(*rows: str) -> Plan:
    """Plan rows written as `invoice sku quantity minute price [customer]`, all on one day."""
    return plan(read([HEADER, *map(csv_line, rows)]))


def csv_line(row: str) -> str:
    """The line of a file that a row stands for."""
    invoice, sku, quantity, minute, price, *customer = row.split()
    return f"{invoice},{sku},,{quantity},12/1/10 {minute},{price},{''.join(customer)},United Kingdom"
