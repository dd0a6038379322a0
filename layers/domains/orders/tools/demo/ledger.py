"""The clients' own book: what was acknowledged, and what every order must look like for it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from orders.tools.importer.commands import Command, Kind

Line = tuple[str, int, Decimal]


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as its commands left it."""

    customer: str = ""
    status: str = ""
    lines: tuple[Line, ...] = ()
    refunded: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """The sum of its lines."""
        return sum((quantity * price for _, quantity, price in self.lines), Decimal(0))

    def after(self, command: Command) -> Standing:
        """The order behind one more command."""
        body = command.body
        match command.kind:
            case Kind.CREATE:
                return Standing(body["customerId"], "created", tuple(map(_line, body["items"])))
            case Kind.ADD:
                return replace(self, lines=(*self.lines, _line(body)))
            case Kind.PAY:
                return replace(self, status="paid")
            case Kind.CANCEL:
                refunded = self.total if self.status == "paid" else Decimal(0)
                return replace(self, status="cancelled", refunded=refunded)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A command that the API answered with success.

    Parameters
    ----------
    version : int
        What the answer said.
    sent, at : float
        When it was first sent and when it was answered, seconds of a clock that only goes forward.
    """

    command: Command
    version: int
    sent: float
    at: float


@dataclass(slots=True)
class Ledger:
    """Shared by all clients."""

    began: dict[str, Standing] = field(default_factory=dict)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    failed_reads: Counter[str] = field(default_factory=Counter)
    _standings: dict[str, list[tuple[float, Standing]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, order: str, standing: Standing) -> None:
        """An order that was there before the first client came."""
        self.began[order] = standing
        self._standings[order] = [(0.0, standing)]

    def moved(self, order: str, customer: str) -> None:
        """A program gave an order to another customer, past the API."""
        with self._lock:
            history = self._standings[order]
            history.append((time.monotonic(), replace(history[-1][1], customer=customer)))

    def acknowledge(self, command: Command, version: int, sent: float) -> None:
        """The API said yes."""
        now = time.monotonic()
        with self._lock:
            self.acknowledged.append(Acknowledged(command, version, sent, now))
            history = self._standings.setdefault(command.order, [])
            history.append((now, (history[-1][1] if history else Standing()).after(command)))

    def fail(self, command: Command, reason: str) -> None:
        """The API said no, or nothing, to the last."""
        with self._lock:
            self.failed.append(f"{command.order} {command.kind.value}: {reason}")

    def read(self, failure: str = "") -> None:
        """A read was answered, or failed."""
        with self._lock:
            self.reads.append(time.monotonic())
            if failure:
                self.failed_reads[failure] += 1

    def orders(self) -> Sequence[str]:
        """Every order there must be."""
        with self._lock:
            return list(self._standings)

    def standing(self, order: str) -> Standing:
        """What an order must look like now."""
        return self._standings[order][-1][1]

    def existed(self, order: str, moment: float) -> bool:
        """Whether an order was acknowledged by then."""
        return self._standings[order][0][0] <= moment

    def since(self, order: str, moment: float) -> Sequence[Standing]:
        """What an order looked like at a moment and after each command behind it."""
        history = self._standings[order]
        before = [standing for at, standing in history if at <= moment]
        return [*before[-1:], *(standing for at, standing in history if at > moment)]


def _line(item: object) -> Line:
    assert isinstance(item, dict)
    return item["sku"], item["quantity"], Decimal(item["price"])
