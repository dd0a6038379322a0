"""People who order and people who read, while something else happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from threading import Event, Thread
from typing import Any, Final

import httpx

PROVENANCE: Final = frozenset({"version", "asOf", "stalenessMs", "servedFrom"})
PRICE: Final = "2.50"
ORDER_SECONDS: Final = 0.5
READ_SECONDS: Final = 0.1


@dataclass(slots=True)
class Traffic:
    """What was ordered and read.

    Parameters
    ----------
    known : Mapping[str, Any]
        By path: what must be answered whenever it is asked, provenance left out.
    wrong : list[str]
        Paths that were answered otherwise.
    failures : list[str]
        What went wrong altogether.
    """

    known: Mapping[str, Any]
    ordered: int = 0
    reads: int = 0
    wrong: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def flowing(self, client: httpx.Client) -> Iterator[None]:
        """Order and read until the block is left."""
        over = Event()
        steps = ((self._ordering(client), ORDER_SECONDS), (self._reading(client), READ_SECONDS))
        threads = [Thread(target=self._repeat, args=(*step, over), daemon=True) for step in steps]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _repeat(self, step: Callable[[], None], pause: float, over: Event) -> None:
        while not over.wait(pause):
            try:
                step()
            except (httpx.HTTPError, KeyError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")

    def _ordering(self, client: httpx.Client) -> Callable[[], None]:
        numbers = count()

        def order() -> None:
            number = next(numbers)
            item = {"sku": "LIVE", "quantity": 1, "price": PRICE}
            body = {"customerId": f"live-{number % 7}", "items": [item]}
            created = client.post("/orders", json=body).raise_for_status().json()
            client.post(f"/orders/{created['orderId']}/pay", json={"amount": PRICE}).raise_for_status()
            self.ordered += 1

        return order

    def _reading(self, client: httpx.Client) -> Callable[[], None]:
        paths = cycle(self.known)

        def read() -> None:
            path = next(paths)
            if content(client, path) != self.known[path]:
                self.wrong.append(path)
            self.reads += 1

        return read


def answers(client: httpx.Client, paths: Sequence[str]) -> Mapping[str, Any]:
    """What is answered now, by path."""
    return {path: content(client, path) for path in paths}


def content(client: httpx.Client, path: str) -> Any:
    """An answer without its provenance."""
    answer: Mapping[str, Any] = client.get(path).raise_for_status().json()
    return {name: value for name, value in answer.items() if name not in PROVENANCE}
