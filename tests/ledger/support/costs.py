"""Counts what a transfer costs by the number of its postings, on DynamoDB Local, for the page about the ledger.

``python -m tests.ledger.support.costs`` writes the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import Any, Final

from tests.ledger.support.book import ALICE
from tests.support.clocks import START, ManualClock
from tests.support.engines import BUCKETS, DynamoDBEngine, local_tables
from tests.support.http import CONTEXT, event
from tests.support.wire import Capacity

from banyan.adapters.settings import Settings
from banyan.bootstrap import bootstrap
from banyan.entrypoints.http.api import Api, command_api
from banyan.store.items import Item, item_size
from banyan_tools.local.dynamodb_local import DynamoDBLocal
from banyan_tools.project import ROOT
from ledger.periods.decider import month_of, shards_of

PAGE: Final = ROOT / "docs" / "ledger.md"
BEGIN: Final = "<!-- counted: `python -m tests.ledger.support.costs` writes what follows -->"
END: Final = "<!-- counted -->"
POSTINGS: Final = (2, 4, 10, 50)
HEADER: Final = (
    "| postings | requests: cold | warm | read units: cold | warm | write units | $ per million, warm |\n"
    "|---|---|---|---|---|---|---|"
)
UNIT_BYTES: Final = 1024
INDEXED: Final = ("stream", "position", "log_bucket", "log_key")


class Units:
    """Adds up units by AWS's documented rules where DynamoDB Local reports too few.

    For a put a write unit for each KB, in a transaction two, and one for its entry in the index; two for a key that a
    transaction checks. A read unit for each key, and for each query, that finds nothing.
    """

    def __init__(self, engine: DynamoDBEngine) -> None:
        self.read = self.write = 0.0
        self._reported = Capacity(engine.client)
        for operation, add in (
            ("PutItem", lambda params, **_: self._put(params["Item"], 1)),
            ("TransactWriteItems", self._transaction),
            ("BatchGetItem", self._keys),
        ):
            engine.client.meta.events.register(f"provide-client-params.dynamodb.{operation}", add)
        engine.client.meta.events.register("after-call.dynamodb.Query", self._nothing)

    def clear(self) -> None:
        self.read = self.write = 0.0
        self._reported.units.clear()

    @property
    def all_read(self) -> float:
        return self.read + self._reported.units["Query"] + self._reported.units["GetItem"]

    def _nothing(self, parsed: Mapping[str, Any], **_: Any) -> None:
        self.read += 0 if parsed["ConsumedCapacity"]["CapacityUnits"] else 1

    def _put(self, item: Item, times: int) -> None:
        self.write += times * ceil(item_size(item) / UNIT_BYTES)
        entry: Item = {name: item[name] for name in INDEXED if name in item}
        self.write += ceil(item_size(entry) / UNIT_BYTES) if "log_key" in entry else 0

    def _transaction(self, params: Mapping[str, Any], **_: Any) -> None:
        for each in params["TransactItems"]:
            if "Put" in each:
                self._put(each["Put"]["Item"], 2)
            else:
                self.write += 2

    def _keys(self, params: Mapping[str, Any], **_: Any) -> None:
        self.read += sum(len(asked["Keys"]) for asked in params["RequestItems"].values())


@dataclass(frozen=True)
class Cost:
    """What a transfer of so many postings took.

    Parameters
    ----------
    requests, read_units : tuple
        Cold and warm.
    """

    postings: int
    requests: tuple[int, int]
    read_units: tuple[float, float]
    write_units: float

    @property
    def dollars(self) -> float:
        """Of a million of them, at the list prices that are the settings' defaults."""
        prices = Settings()
        return self.write_units * prices.write_unit_price + self.read_units[1] * prices.read_unit_price

    @property
    def row(self) -> str:
        """As a row of the table."""
        counts = (self.postings, *self.requests, *self.read_units, self.write_units)
        return f"| {' | '.join(f'{count:g}' for count in counts)} | {self.dollars:.2f} |"


class Counting:
    """Counts the transfers of processes over accounts of their own."""

    def __init__(self, engine: DynamoDBEngine) -> None:
        names = {f"{name.upper()}_TABLE": getattr(engine.tables, name) for name in type(engine.tables).model_fields}
        self._environ = {**names, "BANYAN_DOMAIN": "ledger", "BANYAN_LOG_BUCKETS": str(BUCKETS)}
        self._engine = engine
        self._clock = ManualClock()
        self._units = Units(engine)

    def process(self) -> Api:
        """One that has seen nothing yet."""
        return command_api(bootstrap(self._environ, client=lambda: self._engine.client, clock=self._clock))

    def cost(self, postings: int) -> Cost:
        """What transfers of so many postings take, each posting of an account of its own."""
        process = self.process()
        for number in range(postings):
            self._send(process, "/accounts", {"accountId": f"{postings}-{number}", "type": "asset", "currency": "EUR"})
        cold = self._counted(self.process(), postings, f"of-{postings}-cold")
        self._transfer(process, postings, _of_the_same_shard(f"of-{postings}-warm"))
        warm = self._counted(process, postings, f"of-{postings}-warm")
        return Cost(postings, (cold[0], warm[0]), (cold[1], warm[1]), warm[2])

    def _counted(self, process: Api, postings: int, id: str) -> tuple[int, float, float]:
        self._engine.wire.clear()
        self._units.clear()
        self._transfer(process, postings, id)
        return len(self._engine.wire.sent), self._units.all_read, self._units.write

    def _transfer(self, process: Api, postings: int, id: str) -> None:
        lines = [
            {"accountId": f"{postings}-{number}", "amount": "12.50" if number % 2 else "-12.50"}
            for number in range(postings)
        ]
        body = {"transferId": id, "description": "Rent of November", "postings": lines}
        self._send(process, "/transfers", body)

    def _send(self, process: Api, path: str, body: Mapping[str, Any]) -> None:
        key = next(iter(body.values()))
        request = event("POST", path, body, claims=ALICE, idempotency_key=key, x_correlation_id=key)
        assert process(request, CONTEXT)["statusCode"] == 201


def _of_the_same_shard(id: str) -> str:
    """The id of another transfer that checks the same stream of its period."""
    shards = shards_of(month_of(START.date()))
    return next(other for other in map(f"{id}-{{}}".format, count()) if shards.one(other) == shards.one(id))


def counted(engine: DynamoDBEngine, postings: Sequence[int] = POSTINGS) -> Sequence[Cost]:
    """What transfers of each number of postings cost."""
    counting = Counting(engine)
    return [counting.cost(each) for each in postings]


def main() -> None:
    """Count, and write the table into the page."""
    with DynamoDBLocal() as server, local_tables(server.endpoint) as engine:
        found = "\n".join([HEADER, *(cost.row for cost in counted(engine))])
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{found}\n\n{END}{rest.partition(END)[2]}")
    print(found)


if __name__ == "__main__":
    main()
