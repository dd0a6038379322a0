"""`banyan overview`: what needs a person, with what to type, and an exit code that says whether anything does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.orders.support.platform import InProcessPlatform
from tests.orders.unit.cli.conftest import Banyan
from tests.support.engines import moto_tables


@pytest.fixture
def platform() -> Iterator[InProcessPlatform]:
    """An order that the list of orders cannot apply, and one that it can."""
    with moto_tables() as engine:
        platform = InProcessPlatform(engine, poisoned="poison")
        for order in ("o-1", "poison"):
            platform.order(order)
        platform.deliver()
        yield platform


def test_what_needs_a_person_is_shown_with_what_to_type(platform: InProcessPlatform, banyan: Banyan) -> None:
    shown = banyan("overview")
    assert shown.exit_code == 1
    assert "stream_parked" in shown.stdout
    assert "./banyan projections retry order_list acme:order:poison" in shown.stdout
    platform.mended = True
    platform.react()
    assert banyan("projections retry order_list acme:order:poison").exit_code == 0
    well = banyan("overview")
    assert (well.exit_code, "Nothing needs a person." in well.stdout) == (0, True)
    assert "reactor" in well.stdout
    assert banyan.json("overview")["attention"] == []
