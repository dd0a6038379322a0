"""Counts what a decision costs by the number of its streams, on DynamoDB Local, and writes it into the page about them.

python -m bench.decisions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from tests.support.clocks import no_sleep
from tests.support.engines import DynamoDBEngine, local_tables
from tests.support.ledger import ACCOUNTS, REGISTRY, Deposited, account
from tests.support.wire import Capacity

from banyan.commands.decisions import Decisions
from banyan.commands.handler import Aggregates, ConflictRetries
from banyan.decision import Decided, Decision, Participant, Participants, States
from banyan.store import Write
from banyan.store.items import Item, item_size
from banyan.streams import StreamHead, StreamId
from banyan.telemetry import NoTelemetry
from banyan_tools.local.dynamodb_local import DynamoDBLocal
from banyan_tools.project import ROOT

PAGE: Final = ROOT / "docs" / "consistency-boundaries.md"
BEGIN: Final = "<!-- counted: `make bench-decisions` writes what follows -->"
END: Final = "<!-- counted -->"

STREAMS: Final = (1, 2, 3, 5, 10, 25, 50, 100)
NOTE: Final = "for order 4711 by card, as agreed with the customer on the telephone"
UNIT_BYTES: Final = 1024
INDEXED: Final = ("stream", "position", "log_bucket", "log_key")
HEADER: Final = (
    "| streams | requests: cold | warm | optimistic | read units: cold | warm "
    "| write units: all get events | one does, others are checked |\n"
    "|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Touch:
    """Writes to the first few of some streams, and looks at the others."""

    streams: int
    written: int


def _participants(command: Touch, _: States) -> Participants:
    return {f"{n}": Participant(ACCOUNTS, _stream(command.streams, n).id) for n in range(command.streams)}


def _decide(command: Touch, _: States) -> Decided:
    return {f"{number}": [Deposited(amount=1, note=NOTE)] for number in range(command.written)}


TOUCH: Final = Decision(Touch, _participants, _decide)


class Units:
    """Adds up units by AWS's documented rules where DynamoDB Local reports too few: transactions, keys without items.

    A write unit for each KB that is put, and one for each entry of the index; in a transaction two for each KB of an
    item, two for a key that is checked, and entries of the index as ever. A read unit for a key that holds nothing.
    """

    def __init__(self, engine: DynamoDBEngine) -> None:
        self.write = self.read = 0.0
        self._reported = Capacity(engine.client)
        for operation, add in (
            ("PutItem", self._put),
            ("TransactWriteItems", self._transaction),
            ("BatchGetItem", self._keys),
        ):
            engine.client.meta.events.register(f"provide-client-params.dynamodb.{operation}", add)

    def clear(self) -> None:
        """Begin at zero."""
        self.write = self.read = 0.0
        self._reported.units.clear()

    @property
    def units(self) -> tuple[float, float]:
        """Of reads, and of writes."""
        return self.read + self._reported.units["Query"], self.write

    def _put(self, params: Mapping[str, Any], **_: Any) -> None:
        self.write += _units(params["Item"], 1)

    def _transaction(self, params: Mapping[str, Any], **_: Any) -> None:
        self.write += sum(_units(each["Put"]["Item"], 2) if "Put" in each else 2 for each in params["TransactItems"])

    def _keys(self, params: Mapping[str, Any], **_: Any) -> None:
        self.read += sum(len(asked["Keys"]) for asked in params["RequestItems"].values())


def _units(item: Item, times: int) -> int:
    entry = {name: item[name] for name in INDEXED}
    return times * ceil(item_size(item) / UNIT_BYTES) + ceil(item_size(entry) / UNIT_BYTES)


@dataclass(frozen=True)
class Cost:
    """What decisions over so many streams took.

    Parameters
    ----------
    requests : Sequence[int]
        Cold, warm and optimistic.
    read_units : Sequence[float]
        Cold and warm.
    write_units : Sequence[float]
        With an event for each stream, and with one for the first alone.
    """

    streams: int
    requests: Sequence[int]
    read_units: Sequence[float]
    write_units: Sequence[float]

    @property
    def row(self) -> str:
        """As a row of the table."""
        counts = (self.streams, *self.requests, *self.read_units, *self.write_units)
        return f"| {' | '.join(f'{count:g}' for count in counts)} |"


class Counting:
    """Counts the decisions of one process over streams of one event each."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        self._engine = engine
        self._store = engine.store(REGISTRY)
        aggregates = {"account": Aggregates(self._store, ACCOUNTS)}
        self._decisions = Decisions(self._store, aggregates, ConflictRetries(sleep=no_sleep), NoTelemetry())
        self._units = Units(engine)

    def cost(self, streams: int) -> Cost:
        """What decisions over so many streams take."""
        heads = [StreamHead.empty(_stream(streams, number)) for number in range(streams)]
        self._store.append_many([Write(head.stream, head, [Deposited(amount=1, note=NOTE)]) for head in heads])
        cold, warm, trusting = (self._counted(streams, streams, trust) for trust in (False, False, True))
        _, _, checking = self._counted(streams, 1, False)
        return Cost(streams, (cold[0], warm[0], trusting[0]), (cold[1], warm[1]), (cold[2], checking))

    def _counted(self, streams: int, written: int, optimistic: bool) -> tuple[int, float, float]:
        """Requests, read units and write units of one decision."""
        self._engine.wire.clear()
        self._units.clear()
        self._decisions.handle(TOUCH, _stream(streams, 0), Touch(streams, written), optimistic=optimistic)
        return len(self._engine.wire.sent), *self._units.units


def _stream(streams: int, number: int) -> StreamId:
    return account(f"of{streams}-{number}")


def table(costs: Sequence[Cost]) -> str:
    """The costs as a table in Markdown."""
    return "\n".join([HEADER, *(cost.row for cost in costs)])


def counted(engine: DynamoDBEngine, streams: Sequence[int] = STREAMS) -> Sequence[Cost]:
    """What decisions cost over each number of streams."""
    return [Counting(engine).cost(each) for each in streams]


def main() -> None:
    """Count, and write the table into the page."""
    with DynamoDBLocal() as server, local_tables(server.endpoint) as engine:
        found = table(counted(engine))
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{found}\n\n{END}{rest.partition(END)[2]}")
    print(found)


if __name__ == "__main__":
    main()
