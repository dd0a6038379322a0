"""A legacy system beside the stack, which a migration leads out of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from tests.console.support.stack import PATIENCE, TENANT, Stack, running
from tests.support.clocks import wait_until

from banyan_tools.local.physical import stream_arn
from orders.legacy import LegacyLine, LegacyOrder
from orders.tools.legacy.dynamodb import OnDynamoDB

TABLE: Final = "legacy-orders"
ROWS: Final = tuple(f"old-{number}" for number in range(1, 6))
SECOND_IN_HOURS: Final = "0.00028"
PARAMETERS: Final = {
    "LegacyStore": "dynamodb",
    "LegacyName": TABLE,
    "LegacyStreamArn": stream_arn(TABLE),
    "StabilityHours": SECOND_IN_HOURS,
    "QuietHours": SECOND_IN_HOURS,
    "MinSamples": "3",
    "ComparedPercent": "100",
}


class Strangler:
    """A stack, and an old program that writes to the legacy system past it.

    Attributes
    ----------
    stack : Stack
        It stands in the phase ``legacy`` until a test starts the migration.
    program : OnDynamoDB
        The old program; the legacy system holds the orders ``ROWS``.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.program = OnDynamoDB(stack.dynamodb, TABLE)
        self.program.create()
        for order in ROWS:
            self.program.insert(TENANT, _order(order))

    def start(self) -> None:
        """Have both sides written."""
        self.stack.admin.post("migration", "start", reason="every command is to become an event")

    def backfill(self) -> None:
        """Have every row imported."""
        self.stack.admin.post("migration", "backfill")
        wait_until(self._backfilled, "the backfill", PATIENCE)

    def run_controller(self) -> str:
        """Let the controller run once, as it does every minute; the step at which the migration then stands."""
        return str(self.stack.invoke("MigrationController")["step"])

    def read(self, times: int = 1) -> None:
        """Have customers read every order of the legacy system."""
        for order in ROWS * times:
            self.stack.http.get(f"/orders/{order}").raise_for_status()

    def _backfilled(self) -> bool:
        progress = self.stack.admin.get("migration", "backfill").content["progress"]
        return bool(progress and progress["finished"])


@contextmanager
def strangling(data: Path, engine: str) -> Iterator[Strangler]:
    """Run a stack with a legacy system until the block is left; its controller runs only when a test lets it."""
    with running(data, engine, "--without", "MigrationController", **PARAMETERS) as stack:
        yield Strangler(stack)


def _order(id: str) -> LegacyOrder:
    price = Decimal("2.50")
    line = LegacyLine(sku="tea", quantity=1, price=price)
    return LegacyOrder(
        order_id=id,
        customer="c-1",
        status="open",
        total=price,
        lines=(line,),
        created_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
    )
