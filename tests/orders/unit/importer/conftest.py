"""A fake remote, and an importer's API that talks to it without waiting."""

from collections.abc import Iterator

import httpx
import pytest
from tests.orders.unit.importer.fake_api import FakeApi
from tests.orders.unit.importer.rows import planned
from tests.support.clocks import PATIENCE
from tests.support.wsgi import serving

from orders.tools.importer.api import Api
from orders.tools.importer.planning import Order


@pytest.fixture
def remote() -> FakeApi:
    """The fake remote."""
    return FakeApi()


@pytest.fixture
def url(remote: FakeApi) -> Iterator[str]:
    """Where the fake remote answers."""
    with serving(remote) as url:
        yield url


@pytest.fixture
def pauses() -> list[float]:
    """Seconds the importer asked to wait, attempt by attempt."""
    return []


@pytest.fixture
def api(url: str, pauses: list[float]) -> Iterator[Api]:
    """The API under test, on the fake remote."""
    with httpx.Client(base_url=url, verify=False, timeout=PATIENCE) as client:
        yield Api(client, pause=pauses.append)


@pytest.fixture
def order() -> Order:
    """An order created with two lines, two lines later, paid, cancelled."""
    lines = ("1 A 2 8:00 1.50 7", "1 B 1 8:00 2.001 7", "1 C 1 8:01 4 7", "1 D 3 8:02 0.10 7")
    notes = ("C2 C -1 9:30 4 7", "C2 A -2 9:30 1.50 7", "C2 B -1 9:30 2.001 7", "C2 D -3 9:30 0.10 7")
    return planned(*lines, *notes).orders[0]
