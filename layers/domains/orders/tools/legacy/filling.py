"""Filling a legacy store with the orders of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from orders.legacy import LegacyOrder
from orders.tools.importer.planning import Plan, plan
from orders.tools.importer.reading import read_file
from orders.tools.legacy.programs import Program


def planned(file: Path) -> Plan:
    """Return what a file holds.

    Raises
    ------
    OSError, NotOnlineRetailError
    """
    return plan(read_file(file))


def fill(
    program: Program, tenant: str, rows: Iterable[LegacyOrder], done: Callable[[LegacyOrder], None] = lambda _: None
) -> None:
    """Insert rows; those that are there already stay as they are."""
    program.create()
    for row in rows:
        program.insert(tenant, row)
        done(row)
